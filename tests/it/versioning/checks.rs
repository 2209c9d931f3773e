//! Chains of upcasters that do not fit are found when a database connects.

use earnorm::Registry;
use earnorm::prelude::*;
use earnorm::upcast::{UpcastFn, UpcastRegistration};

#[model(name = "chk_box", collection = "boxes", version = 3)]
#[derive(Debug, Clone)]
struct Parcel {
    #[model(id)]
    id: i64,
}

#[model(name = "chk_other", version = 2)]
#[derive(Debug, Clone)]
struct Other {
    #[model(id)]
    id: i64,
}

#[event(version = 3)]
#[derive(Debug, Clone)]
struct Sent {
    to: String,
}

#[model(name = "chk_mail", collection = "mails", sourced)]
#[derive(Debug, Clone)]
struct Mail {
    #[model(id)]
    id: String,
}

#[model]
impl Mail {
    #[apply]
    fn sent(event: &Sent) -> Self {
        Self { id: event.to.clone() }
    }
}

const NOTHING: UpcastFn = |_| Ok(());

fn of_parcel(from: u32, name: &'static str) -> UpcastRegistration {
    UpcastRegistration::of_model::<Parcel>(from, NOTHING).named("steps", name)
}

fn of_mail(event_type: &'static str, from: u32, name: &'static str) -> UpcastRegistration {
    UpcastRegistration::of_event(event_type, from, NOTHING).named("steps", name)
}

#[test]
fn a_step_says_whose_data_it_changes() {
    assert_eq!(of_parcel(1, "a").of.name(), "chk_box");
    assert_eq!(of_mail("chk_mail.sent", 1, "a").of.name(), "chk_mail.sent");
}

async fn refused(registry: Registry) -> String {
    let error = Database::builder().registry(registry).connect("memory:").await.unwrap_err();
    assert!(matches!(error, Error::Registry(_)), "{error:?}");
    error.to_string()
}

#[tokio::test]
async fn a_chain_of_documents_is_whole() {
    let registry = || Registry::empty().model::<Parcel>();
    let none = refused(registry()).await;
    assert!(none.contains("`chk_box` (it::versioning::checks::Parcel) has version 3"), "{none}");
    assert!(none.contains("no upcaster from version 1 to 2"), "{none}");
    assert!(
        none.contains("write `#[upcast(model = Parcel, from = 1)] fn upcast_1_to_2(document: &mut Document)"),
        "{none}"
    );
    let one = refused(registry().upcast(of_parcel(1, "a"))).await;
    assert!(one.contains("from version 2 to 3"), "{one}");
    let twice = registry().upcast(of_parcel(1, "a")).upcast(of_parcel(2, "b")).upcast(of_parcel(1, "c"));
    let twice = refused(twice).await;
    assert!(twice.contains("two upcasters from version 1, steps::a and steps::c: keep one"), "{twice}");
    let whole = || registry().upcast(of_parcel(2, "b")).upcast(of_parcel(1, "a"));
    let high = refused(whole().upcast(of_parcel(3, "c"))).await;
    assert!(high.contains("steps::c upcasts `chk_box`") && high.contains("from version 3"), "{high}");
    assert!(high.contains("knows version 3 as the newest") && high.contains("`#[model(version = 4)]`"), "{high}");
    let zero = refused(whole().upcast(of_parcel(0, "z"))).await;
    assert!(zero.contains("steps::z") && zero.contains("versions count from 1"), "{zero}");
    Database::builder().registry(whole()).connect("memory:").await.unwrap();
}

#[tokio::test]
async fn a_chain_of_events_is_whole() {
    let registry = || Registry::empty().model::<Mail>();
    let none = refused(registry()).await;
    assert!(none.contains("event `chk_mail.sent` has version 3, but no upcaster from version 1 to 2"), "{none}");
    let code = "write `#[upcast(event = \"chk_mail.sent\", from = 1)] fn upcast_1_to_2(data: &mut Document)";
    assert!(none.contains(code), "{none}");
    let whole = || registry().upcast(of_mail("chk_mail.sent", 1, "a")).upcast(of_mail("chk_mail.sent", 2, "b"));
    let twice = refused(whole().upcast(of_mail("chk_mail.sent", 2, "c"))).await;
    assert!(twice.contains("two upcasters from version 2, steps::b and steps::c"), "{twice}");
    let high = refused(whole().upcast(of_mail("chk_mail.sent", 5, "c"))).await;
    assert!(high.contains("steps::c") && high.contains("`#[event(version = 6)]`"), "{high}");
    let unknown = refused(whole().upcast(of_mail("chk_mail.send", 1, "c"))).await;
    assert!(unknown.contains("steps::c upcasts `chk_mail.send`, but `Mail` has no `#[apply]` method"), "{unknown}");
    let state = refused(whole().upcast(of_mail("chk_mail.restored", 1, "c"))).await;
    assert!(state.contains("steps::c") && state.contains("`#[upcast(model = Mail, from = …)]`"), "{state}");
    Database::builder().registry(whole()).connect("memory:").await.unwrap();
}

#[tokio::test]
async fn steps_of_models_that_are_not_registered_count_for_nothing() {
    let registry = Registry::empty()
        .model::<Parcel>()
        .upcast(of_parcel(1, "a"))
        .upcast(of_parcel(2, "b"))
        .upcast(UpcastRegistration::of_model::<Other>(7, NOTHING))
        .upcast(UpcastRegistration::of_model::<Other>(7, NOTHING))
        .upcast(of_mail("chk_mail.nonsense", 9, "c"))
        .upcast(of_mail("chk_mail.nonsense", 9, "d"));
    Database::builder().registry(registry).connect("memory:").await.unwrap();
}
