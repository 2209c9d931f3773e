//! A customer, the invoices of one, and a sourced patient file.

use earnorm::Registry;
use earnorm::prelude::*;

pub(crate) const NAME: &str = "Ada-Canary-Lovelace";
pub(crate) const EMAIL: &str = "ada.canary@example.org";
pub(crate) const STREET: &str = "Canary-Row-12";
pub(crate) const CITY: &str = "Canary-Town";
pub(crate) const CANARIES: [&str; 4] = [NAME, EMAIL, STREET, CITY];

#[model(embedded)]
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Address {
    pub(crate) street: String,
    pub(crate) city: String,
}

#[model(soft_delete, name = "p_customer", collection = "p_customers")]
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Customer {
    #[model(id)]
    pub(crate) id: Uuid,
    #[model(personal)]
    #[validate(length(min = 1, max = 100))]
    pub(crate) name: Personal<String>,
    #[model(personal, unique)]
    #[validate(email)]
    pub(crate) email: Option<String>,
    #[model(personal)]
    pub(crate) address: Option<Address>,
    #[model(personal, index)]
    pub(crate) born: Option<i32>,
    pub(crate) plan: String,
}

#[event(name = "called")]
#[derive(Debug, Clone)]
pub(crate) struct Called {
    #[event(personal)]
    pub(crate) about: Option<String>,
    pub(crate) minutes: i32,
}

#[model(name = "p_invoice", collection = "p_invoices")]
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Invoice {
    #[model(id)]
    pub(crate) id: String,
    #[model(subject, index)]
    pub(crate) customer: Uuid,
    #[model(personal, rename = "to")]
    pub(crate) billed_to: Personal<String>,
    pub(crate) cents: i64,
}

#[event(name = "admitted")]
#[derive(Debug, Clone)]
pub(crate) struct Admitted {
    pub(crate) id: Uuid,
    #[event(personal)]
    pub(crate) name: Personal<String>,
}

#[event(name = "treated")]
#[derive(Debug, Clone)]
pub(crate) struct Treated {
    #[event(personal)]
    pub(crate) note: Option<String>,
    pub(crate) hours: i64,
}

#[model(sourced, name = "p_patient", collection = "p_patients")]
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Patient {
    #[model(id)]
    pub(crate) id: Uuid,
    #[model(personal)]
    pub(crate) name: Personal<String>,
    #[model(personal)]
    pub(crate) note: Option<String>,
    pub(crate) hours: i64,
}

#[model]
impl Patient {
    #[apply]
    fn admitted(event: &Admitted) -> Self {
        Self { id: event.id, name: event.name.clone(), note: None, hours: 0 }
    }

    #[apply]
    fn treated(&mut self, event: &Treated) {
        self.note.clone_from(&event.note);
        self.hours += event.hours;
    }
}

pub(crate) fn registry() -> Registry {
    Registry::empty().model::<Customer>().model::<Invoice>().model::<Patient>()
}

pub(crate) fn ada() -> Customer {
    Customer {
        id: Uuid::now_v7(),
        name: NAME.into(),
        email: Some(EMAIL.into()),
        address: Some(Address { street: STREET.into(), city: CITY.into() }),
        born: Some(1815),
        plan: "free".into(),
    }
}

pub(crate) fn invoice(id: &str, customer: Uuid) -> Invoice {
    Invoice { id: id.into(), customer, billed_to: NAME.into(), cents: 1200 }
}

/// Ada with a rich history: created, changed inside and outside of personal fields, called, deleted, restored.
pub(crate) async fn lived(db: &Database) -> Entity<Customer> {
    let mut customer = db.create(ada()).await.unwrap();
    customer.plan = "paid".into();
    customer.save(db).await.unwrap();
    customer.address.as_mut().unwrap().city = format!("New-{CITY}");
    customer.save(db).await.unwrap();
    customer.raise(Called { about: Some(format!("about {NAME}")), minutes: 7 }).unwrap();
    customer.email = Some(format!("new.{EMAIL}"));
    customer.save(db).await.unwrap();
    customer.delete(db).await.unwrap();
    Customer::restore(db, customer.id).await.unwrap()
}
