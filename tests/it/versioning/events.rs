//! Events read as the structs that programs declare.

use earnorm::Registry;
use earnorm::bson::doc;
use earnorm::commit::{Append, Commit};
use earnorm::event::NewEvent;
use earnorm::prelude::*;
use earnorm::stream::{ExpectedVersion, StreamId};
use earnorm::upcast::UpcastRegistration;

use super::program;

#[event(version = 3)]
#[derive(Debug, Clone, PartialEq)]
struct Weighed {
    grams: i64,
    scale: Option<String>,
}

#[event]
#[derive(Debug, Clone, PartialEq)]
struct Thrown {
    far: i64,
}

/// A tracked model, whose events are no part of its fold.
#[model(name = "stone")]
#[derive(Debug, Clone)]
struct Stone {
    #[model(id)]
    id: i64,
}

#[upcast(event = "stone.weighed", from = 1)]
fn pounds_to_grams(data: &mut Document) -> Result<(), UpcastError> {
    let pounds = data.get_i64("pounds")?;
    *data = doc! {"grams": pounds * 500};
    Ok(())
}

#[upcast(event = "stone.weighed", from = 2)]
fn nothing_new(_: &mut Document) {}

fn registry() -> Registry {
    Registry::empty().model::<Stone>()
}

async fn write(db: &Database, events: Vec<(&str, u32, Document)>) -> Vec<RecordedEvent> {
    let mut commit = Commit::new(Uuid::now_v7());
    let event = |(event_type, schema_version, data): (&str, u32, Document)| NewEvent {
        id: Uuid::now_v7(),
        event_type: event_type.to_owned(),
        schema_version,
        data,
        metadata: Metadata::new(),
        recorded_at: DateTime::from_timestamp_millis(1_000).unwrap(),
    };
    commit.appends.push(Append {
        stream: StreamId::new("stone", "1").unwrap(),
        expected: ExpectedVersion::Any,
        not_before: None,
        events: events.into_iter().map(event).collect(),
    });
    db.store().commit(commit).await.unwrap();
    db.events().all().await.unwrap()
}

every_store! {
    async fn an_event_is_read_in_todays_shape(db: Database) {
        let mut stone = db.create(Stone { id: 2 }).await.unwrap();
        stone.raise(Weighed { grams: 3, scale: Some("s".into()) }).unwrap();
        stone.save(&db).await.unwrap();
        let events = write(&db, vec![
            ("stone.weighed", 1, doc! {"pounds": 2_i64}),
            ("stone.weighed", 2, doc! {"grams": 7_i64}),
            ("stone.weighed", 3, doc! {"grams": 8_i64, "scale": "new"}),
        ]).await;
        let read: Vec<_> = events[1..].iter().map(|event| event.read::<Weighed>(&db).unwrap()).collect();
        let weighed = |grams, scale: Option<&str>| Weighed { grams, scale: scale.map(Into::into) };
        let expected = [weighed(3, Some("s")), weighed(1_000, None), weighed(7, None), weighed(8, Some("new"))];
        assert_eq!(read, expected);
        assert_eq!(events[2].data, doc! {"pounds": 2_i64}, "the event stays as it is");
    }

    async fn an_event_that_cannot_be_read_is_named(db: Database) {
        let events = write(&db, vec![
            ("stone.thrown", 1, doc! {"far": "away"}),
            ("stone.thrown", 2, doc! {"far": 1_i64}),
            ("stone.weighed", 1, doc! {"stones": 2_i64}),
            ("pebble.weighed", 1, doc! {"pounds": 2_i64}),
        ]).await;
        let of = |index: usize| {
            let RecordedEvent { event_type, version, position, .. } = &events[index];
            format!("{event_type} of stone-1 version {version} at position {position} ")
        };
        let wrong = events[0].read::<Weighed>(&db).unwrap_err();
        assert_eq!(wrong.to_string().split_once(": ").unwrap().0, of(0) + "is no `weighed`");
        assert!(matches!(wrong, Error::WrongEvent { expected: "weighed", .. }));
        let unreadable = events[0].read::<Thrown>(&db).unwrap_err().to_string();
        assert!(unreadable.starts_with(&(of(0) + "cannot be read: field `far` holds String")), "{unreadable}");
        let ahead = events[1].read::<Thrown>(&db).unwrap_err();
        assert!(matches!(ahead, Error::SchemaAhead { found: 2, known: 1, .. }), "{ahead:?}");
        assert!(ahead.to_string().starts_with(&of(1)), "{ahead}");
        let failed = events[2].read::<Weighed>(&db).unwrap_err().to_string();
        let step = "cannot be upcast from schema version 1: it::versioning::events::pounds_to_grams failed: ";
        assert!(failed.starts_with(&(of(2) + step)), "{failed}");
        let missing = events[3].read::<Weighed>(&db).unwrap_err().to_string();
        let cure = "cannot be upcast from schema version 1: there is no upcaster to version 2: write one with";
        assert!(missing.starts_with(&(of(3) + cure)), "{missing}");
        // No model named `pebble` is registered, so two steps are found when they are needed.
        let twice = UpcastRegistration::of_event("pebble.weighed", 1, |_| Ok(()));
        let db = program(&db, registry().upcast(twice).upcast(twice)).await;
        let twice = events[3].read::<Weighed>(&db).unwrap_err().to_string();
        assert!(twice.contains("two upcasters from this version"), "{twice}");
    }
}
