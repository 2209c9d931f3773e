//! Sourced models over changes of their events and of their own shape.

use earnorm::Registry;
use earnorm::bson::doc;
use earnorm::commit::{Append, Commit};
use earnorm::event::NewEvent;
use earnorm::prelude::*;
use earnorm::stream::{ExpectedVersion, StreamId};
use earnorm::upcast::UpcastRegistration;

use super::{is_ahead, is_fold, program, recorded, stored};

/// As the first program knew it.
mod v1 {
    use earnorm::prelude::*;

    #[event]
    #[derive(Debug, Clone)]
    pub(super) struct Opened {
        pub(super) owner: String,
    }

    #[event]
    #[derive(Debug, Clone)]
    pub(super) struct Paid {
        pub(super) euros: i64,
    }

    #[model(name = "purse", collection = "purses", sourced)]
    #[derive(Debug, Clone, PartialEq)]
    pub(super) struct Purse {
        #[model(id)]
        pub(super) id: String,
        pub(super) euros: i64,
    }

    #[model]
    impl Purse {
        #[apply]
        fn opened(event: &Opened) -> Self {
            Self { id: event.owner.clone(), euros: 0 }
        }

        #[apply]
        fn paid(&mut self, event: &Paid) {
            self.euros += event.euros;
        }
    }
}

#[event]
#[derive(Debug, Clone)]
struct Opened {
    owner: String,
}

/// Version 2 counts cents, version 3 names the currency.
#[event(version = 3)]
#[derive(Debug, Clone)]
struct Paid {
    cents: i64,
    currency: String,
}

#[model(name = "purse", collection = "purses", sourced, version = 2)]
#[derive(Debug, Clone, PartialEq)]
struct Purse {
    #[model(id)]
    id: String,
    cents: i64,
}

#[model]
impl Purse {
    #[apply]
    fn opened(event: &Opened) -> Self {
        Self { id: event.owner.clone(), cents: 0 }
    }

    #[apply]
    fn paid(&mut self, event: &Paid) {
        assert_eq!(event.currency, "EUR");
        self.cents += event.cents;
    }
}

/// The state, in documents, `deleted` and `restored`.
#[upcast(model = Purse, from = 1)]
fn state_in_cents(document: &mut Document) -> Result<(), UpcastError> {
    let euros = document.get_i64("euros")?;
    document.insert("cents", euros * 100);
    document.remove("euros");
    Ok(())
}

fn registry() -> Registry {
    // By hand, because linked steps of `purse.paid` would count for the old program in this test too.
    let cents = UpcastRegistration::of_event("purse.paid", 1, |data| {
        let euros = data.get_i64("euros")?;
        *data = doc! {"cents": euros * 100};
        Ok(())
    });
    let currency = UpcastRegistration::of_event("purse.paid", 2, |data| {
        data.insert("currency", "EUR");
        Ok(())
    });
    Registry::empty().model::<Purse>().model::<Jar>().upcast(currency).upcast(cents)
}

async fn old(db: &Database) -> Database {
    program(db, Registry::empty().model::<v1::Purse>()).await
}

fn paid(cents: i64) -> Paid {
    Paid { cents, currency: "EUR".into() }
}

every_store! {
    async fn events_are_upcast_when_they_are_folded(db: Database) {
        let before = old(&db).await;
        let mut purse = before.start::<v1::Purse>("ada", v1::Opened { owner: "ada".into() }).await.unwrap();
        purse.raise(v1::Paid { euros: 3 }).unwrap();
        purse.save(&before).await.unwrap();
        let mut purse = Purse::load(&db, "ada").await.unwrap();
        assert_eq!((purse.cents, purse.version()), (300, 2), "the state is upcast");
        assert_eq!(Purse::at_version(&db, "ada", 2).await.unwrap().unwrap(), *purse, "the events are upcast");
        purse.raise(paid(7)).unwrap();
        purse.save(&db).await.unwrap();
        let document = stored(&db, "purses", "ada").await.unwrap();
        assert_eq!((document.get_i64("cents").unwrap(), document.get_i32("_s").unwrap()), (307, 2));
        assert!(!document.contains_key("euros"), "{document}");
        let states: Vec<_> = Purse::history(&db, "ada").await.unwrap().into_iter().map(|r| r.state.unwrap().cents).collect();
        assert_eq!(states, [0, 300, 307]);
        assert_eq!(Purse::changes_between(&db, "ada", 1, 3).await.unwrap().paths(), ["cents"]);
        assert_eq!(recorded(&db).await, [("purse.opened".into(), 1), ("purse.paid".into(), 1), ("purse.paid".into(), 3)]);
        assert!(is_fold(&db, "purse-ada", "purses", "ada").await);
    }

    async fn recorded_states_are_upcast(db: Database) {
        let before = old(&db).await;
        let mut purse = before.start::<v1::Purse>("ada", v1::Opened { owner: "ada".into() }).await.unwrap();
        purse.raise(v1::Paid { euros: 3 }).unwrap();
        purse.save(&before).await.unwrap();
        purse.delete(&before).await.unwrap();
        let mut purse = v1::Purse::restore(&before, "ada").await.unwrap();
        purse.raise(v1::Paid { euros: 1 }).unwrap();
        purse.save(&before).await.unwrap();
        let states: Vec<_> = Purse::history(&db, "ada").await.unwrap().into_iter().map(|r| r.state.map(|p| p.cents)).collect();
        assert_eq!(states, [Some(0), Some(300), None, Some(300), Some(400)]);
        purse.delete(&before).await.unwrap();
        let purse = Purse::restore(&db, "ada").await.unwrap();
        assert_eq!((purse.cents, purse.version()), (400, 7));
        let restored = db.events().by_type("purse.restored").all().await.unwrap();
        assert_eq!(restored.iter().map(|event| event.schema_version).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(Purse::at_version(&db, "ada", 7).await.unwrap().unwrap(), *purse);
    }

    async fn an_old_program_refuses_newer_events(db: Database) {
        let before = old(&db).await;
        let mut early = before.start::<v1::Purse>("ada", v1::Opened { owner: "ada".into() }).await.unwrap();
        let mut purse = Purse::load(&db, "ada").await.unwrap();
        purse.raise(paid(7)).unwrap();
        purse.save(&db).await.unwrap();
        let (document, events) = (stored(&db, "purses", "ada").await, recorded(&db).await);
        assert!(is_ahead(v1::Purse::load(&before, "ada").await));
        let error = v1::Purse::history(&before, "ada").await.unwrap_err();
        assert!(matches!(error, Error::SchemaAhead { found: 3, known: 1, .. }), "{error:?}");
        assert!(error.to_string().contains("purse.paid of purse-ada version 2 at position"), "{error}");
        early.raise(v1::Paid { euros: 1 }).unwrap();
        assert!(early.save(&before).await.unwrap_err().is_conflict());
        assert!(is_ahead(early.reload(&before).await));
        assert_eq!((stored(&db, "purses", "ada").await, recorded(&db).await), (document, events));
    }

    async fn linked_steps_upcast_a_log_that_was_written_elsewhere(db: Database) {
        let mut commit = Commit::new(Uuid::now_v7());
        let event = |name: &str, schema_version, data| NewEvent {
            id: Uuid::now_v7(),
            event_type: format!("jar.{name}"),
            schema_version,
            data,
            metadata: Metadata::new(),
            recorded_at: DateTime::from_timestamp_millis(1_000).unwrap(),
        };
        commit.appends.push(Append {
            stream: StreamId::new("jar", "j").unwrap(),
            expected: ExpectedVersion::NoStream,
            not_before: None,
            events: vec![
                event("bought", 1, doc! {"name": "j"}),
                event("filled", 1, doc! {"spoons": 2_i64}),
                event("filled", 2, doc! {"grams": 5_i64}),
            ],
        });
        db.store().commit(commit).await.unwrap();
        let states: Vec<_> = Jar::history(&db, "j").await.unwrap().into_iter().map(|r| r.state.unwrap().grams).collect();
        assert_eq!(states, [0, 20, 25]);
    }
}

#[event]
#[derive(Debug, Clone)]
struct Bought {
    name: String,
}

#[event(version = 2)]
#[derive(Debug, Clone)]
struct Filled {
    grams: i64,
}

#[model(sourced)]
#[derive(Debug, Clone, PartialEq)]
struct Jar {
    #[model(id)]
    id: String,
    grams: i64,
}

#[model]
impl Jar {
    #[apply]
    fn bought(event: &Bought) -> Self {
        Self { id: event.name.clone(), grams: 0 }
    }

    #[apply]
    fn filled(&mut self, event: &Filled) {
        self.grams += event.grams;
    }
}

#[upcast(event = "jar.filled", from = 1)]
fn spoons_to_grams(data: &mut Document) -> Result<(), String> {
    let spoons = data.get_i64("spoons").map_err(|error| error.to_string())?;
    data.insert("grams", spoons * 10);
    data.remove("spoons");
    Ok(())
}
