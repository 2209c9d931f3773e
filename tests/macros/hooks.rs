//! `#[model]` on `impl` blocks, and free hook functions.

use earnorm::prelude::*;

#[model]
#[derive(Debug, Clone)]
struct Account {
    #[model(id)]
    id: i64,
    owner: String,
}

#[model]
impl Account {
    #[pre_save(order = -5)]
    fn normalise(&mut self) {
        self.owner = self.owner.to_lowercase();
    }

    #[pre_create]
    #[pre_update(order = 2)]
    async fn both(&self, _cx: &mut PreContext<'_, Account>) -> Result<(), Abort> {
        Ok(())
    }

    #[pre_delete]
    fn keep(&self) -> Result<(), Abort> {
        if self.id == 0 { Err(Abort::new("the first account stays")) } else { Ok(()) }
    }

    #[post_save]
    async fn notify(&self, _cx: &PostContext<'_, Account>) -> Result<(), std::io::Error> {
        std::future::ready(()).await;
        Ok(())
    }

    #[post_load]
    fn loaded(&mut self) {
        self.owner.push('!');
    }

    #[validate]
    async fn valid(&self) -> Result<(), ValidationError> {
        Ok(())
    }

    #[cfg(any())]
    #[post_delete]
    fn gone(&self) {
        no_such_function();
    }

    fn plain(&self) -> i64 {
        self.id
    }
}

#[model]
impl Account {
    #[validate]
    fn valid_too(&self) -> Result<(), ValidationErrors> {
        Ok(())
    }
}

#[pre_save(order = 7)]
async fn free(account: &mut Account, _cx: &mut PreContext<'_, Account>) -> Result<(), Abort> {
    account.owner.push('.');
    Ok(())
}

#[post_create]
#[post_update]
fn announce(_: &Account) {}

#[validate]
fn free_rule(account: &Account) -> Result<(), ValidationError> {
    if account.plain() < 0 { Err(ValidationError::new("id", "is negative")) } else { Ok(()) }
}

#[event]
#[derive(Debug, Clone, PartialEq)]
struct Opened {
    owner: String,
    #[event(rename = "amount", default)]
    cents: i64,
}

#[event(name = "paid", version = 2)]
#[derive(Debug, Clone)]
struct PaymentReceived {
    cents: i64,
}

#[event]
#[derive(Debug, Clone)]
struct Closed;

#[model(sourced)]
#[derive(Debug, Clone, PartialEq)]
struct Order {
    #[model(id)]
    id: i64,
    paid: i64,
    open: bool,
}

#[model]
impl Order {
    #[apply]
    fn opened(e: &Opened) -> Self {
        Self { id: 1, paid: e.cents, open: true }
    }

    #[apply]
    fn payment_received(&mut self, e: &PaymentReceived) {
        self.paid += e.cents;
    }

    #[apply]
    fn closed(&mut self, _: &Closed) {
        self.open = false;
    }

    #[pre_save]
    fn check_paid(&self) {}
}

mod tests {
    use super::*;
    use bson::doc;
    use earnorm::__private::{HookRegistration, inventory};
    use earnorm::hook::HookInfo;
    use earnorm::model::{Applies, StartsWith};

    fn hooks_of(model: &str) -> Vec<HookInfo> {
        let mut hooks: Vec<_> = inventory::iter::<HookRegistration>
            .into_iter()
            .flat_map(HookRegistration::list)
            .filter(|hook| hook.model.ends_with(model))
            .collect();
        hooks.sort_by_key(|hook| (hook.phase, hook.order, hook.name));
        hooks
    }

    #[test]
    fn every_hook_is_registered_with_its_order_and_place() {
        let found: Vec<_> =
            hooks_of("::Account").iter().map(|hook| (hook.phase.name(), hook.order, hook.name)).collect();
        assert_eq!(
            found,
            [
                ("validate", 0, "Account::valid"),
                ("validate", 0, "Account::valid_too"),
                ("validate", 0, "free_rule"),
                ("pre_save", -5, "Account::normalise"),
                ("pre_save", 7, "free"),
                ("pre_create", 0, "Account::both"),
                ("pre_update", 2, "Account::both"),
                ("pre_delete", 0, "Account::keep"),
                ("post_save", 0, "Account::notify"),
                ("post_create", 0, "announce"),
                ("post_update", 0, "announce"),
                ("post_load", 0, "Account::loaded"),
            ]
        );
        assert!(hooks_of("::Account").iter().all(|hook| hook.module == "macros::hooks"));
        assert_eq!(hooks_of("::Order").len(), 1);
    }

    #[test]
    fn events_have_names_and_versions() {
        assert_eq!((Opened::NAME, Opened::VERSION), ("opened", 1));
        assert_eq!((PaymentReceived::NAME, PaymentReceived::VERSION), ("paid", 2));
        assert_eq!(Closed.encode().unwrap(), doc! {});
        assert!(Closed::decode(&doc! {}).is_ok());
    }

    #[test]
    fn events_round_trip() {
        let opened = Opened { owner: "Ada".into(), cents: 5 };
        let data = opened.encode().unwrap();
        assert_eq!(data, doc! { "owner": "Ada", "amount": 5_i64 });
        assert_eq!(Opened::decode(&data).unwrap(), opened);
        assert_eq!(Opened::decode(&doc! { "owner": "Ada" }).unwrap().cents, 0);
        assert_eq!(Opened::decode(&doc! {}).unwrap_err().path, "owner");
    }

    #[test]
    fn applied_events_change_a_sourced_model() {
        let mut order = Order::start_from(&Opened { owner: "Ada".into(), cents: 1 });
        order.apply_event(&PaymentReceived { cents: 4 });
        order.apply_event(&Closed);
        assert_eq!(order, Order { id: 1, paid: 5, open: false });
    }
}
