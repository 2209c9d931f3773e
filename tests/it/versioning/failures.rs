//! Upcasters that fail, panic or make something else: named with what they were given, and nothing is written.

use earnorm::Registry;
use earnorm::bson::doc;
use earnorm::prelude::*;
use earnorm::upcast::{UpcastFn, UpcastRegistration};

use super::{is_fold, program, stored};

#[model(name = "lamp", collection = "lamps")]
#[derive(Debug, Clone, PartialEq)]
struct LampV1 {
    #[model(id)]
    id: i64,
    watts: i32,
}

#[model(name = "lamp", collection = "lamps", version = 2)]
#[derive(Debug, Clone, PartialEq)]
struct Lamp {
    #[model(id)]
    id: i64,
    lumens: i32,
}

mod shed {
    use earnorm::prelude::*;

    #[event(name = "lit", version = 2)]
    #[derive(Debug, Clone)]
    pub(super) struct Lit {
        pub(super) lumens: i32,
    }

    #[model(name = "shed", sourced)]
    #[derive(Debug, Clone, PartialEq)]
    pub(super) struct Shed {
        #[model(id)]
        pub(super) id: i64,
        pub(super) lumens: i32,
    }

    #[model]
    impl Shed {
        #[apply]
        fn lit(event: &Lit) -> Self {
            Self { id: 1, lumens: event.lumens }
        }
    }
}

/// The old program.
fn registry() -> Registry {
    Registry::empty().model::<LampV1>()
}

async fn new(db: &Database, run: UpcastFn) -> Database {
    let step = UpcastRegistration::of_model::<Lamp>(1, run).named("lamps", "brighter");
    program(db, Registry::empty().model::<Lamp>().upcast(step)).await
}

fn dim(lamp: &mut Entity<Lamp>) -> Result<()> {
    lamp.lumens = 1;
    Ok(())
}

/// Every way to read a lamp, and what each answers.
async fn messages(db: &Database) -> Vec<String> {
    vec![
        Lamp::load(db, 1).await.unwrap_err().to_string(),
        Lamp::all().all(db).await.unwrap_err().to_string(),
        Lamp::at_version(db, 1, 1).await.unwrap_err().to_string(),
        Lamp::history(db, 1).await.unwrap_err().to_string(),
        Lamp::all().update(db, dim).await.unwrap_err().to_string(),
    ]
}

every_store! {
    async fn a_step_that_fails_is_named(db: Database) {
        db.create(LampV1 { id: 1, watts: 60 }).await.unwrap();
        let new = new(&db, |document| {
            document.insert("half", "done");
            document.get_str("colour")?;
            Ok(())
        }).await;
        for message in messages(&new).await {
            assert!(message.contains("cannot be upcast from schema version 1: lamps::brighter failed: "), "{message}");
            assert!(message.contains("colour"), "{message}");
        }
        let position = db.events().all().await.unwrap()[0].position;
        let error = Lamp::at_version(&new, 1, 1).await.unwrap_err();
        assert!(error.to_string().starts_with(&format!("lamp-1 version 1 at position {position} cannot")), "{error}");
        assert!(matches!(error, Error::Upcast { from: 1, .. }), "{error:?}");
        assert_eq!(*LampV1::load(&db, 1).await.unwrap(), LampV1 { id: 1, watts: 60 }, "nothing was written");
    }

    async fn a_step_that_panics_is_named(db: Database) {
        db.create(LampV1 { id: 1, watts: 60 }).await.unwrap();
        let new = new(&db, |_| panic!("no such lamp")).await;
        for message in messages(&new).await {
            assert!(message.contains("from schema version 1: lamps::brighter panicked: no such lamp"), "{message}");
        }
    }

    async fn a_step_that_changes_the_id_is_named(db: Database) {
        db.create(LampV1 { id: 1, watts: 60 }).await.unwrap();
        let new = new(&db, |document| {
            document.insert("_id", 2_i64);
            document.insert("lumens", 1);
            Ok(())
        }).await;
        for message in messages(&new).await {
            assert!(message.contains("lamps::brighter changed `_id`, and an id never changes"), "{message}");
        }
    }

    async fn what_does_not_fit_after_upcasting_names_the_field(db: Database) {
        db.create(LampV1 { id: 1, watts: 60 }).await.unwrap();
        let missing = new(&db, |_| Ok(())).await;
        for message in messages(&missing).await {
            assert!(message.contains("field `lumens` is missing"), "{message}");
        }
        let other = new(&db, |document| {
            document.insert("lumens", "many");
            Ok(())
        }).await;
        for message in messages(&other).await {
            assert!(message.contains("field `lumens` holds String where an integer is expected"), "{message}");
        }
    }

    async fn what_a_step_leaves_behind_goes_with_the_first_save(db: Database) {
        db.create(LampV1 { id: 1, watts: 60 }).await.unwrap();
        let new = new(&db, |document| {
            document.insert("lumens", 800);
            Ok(())
        }).await;
        let mut lamp = Lamp::load(&new, 1).await.unwrap();
        lamp.lumens = 810;
        lamp.save(&new).await.unwrap();
        assert!(!stored(&db, "lamps", 1_i64).await.unwrap().contains_key("watts"));
        assert_eq!(Lamp::changes_between(&new, 1, 1, 2).await.unwrap().paths(), ["lumens", "watts"]);
        assert!(is_fold(&new, "lamp-1", "lamps", 1_i64).await);
    }

    async fn an_upcaster_of_an_event_is_named_with_the_event(db: Database) {
        use earnorm::commit::{Append, Commit};
        use earnorm::stream::{ExpectedVersion, StreamId};

        let mut commit = Commit::new(Uuid::now_v7());
        commit.appends.push(Append {
            stream: StreamId::new("shed", "1").unwrap(),
            expected: ExpectedVersion::NoStream,
            not_before: None,
            events: vec![earnorm::event::NewEvent {
                id: Uuid::now_v7(),
                event_type: "shed.lit".into(),
                schema_version: 1,
                data: doc! {"watts": 60},
                metadata: Metadata::new(),
                recorded_at: DateTime::from_timestamp_millis(1_000).unwrap(),
            }],
        });
        db.store().commit(commit).await.unwrap();
        let read = async |run: UpcastFn| {
            let step = UpcastRegistration::of_event("shed.lit", 1, run).named("shed", "brighter");
            let new = program(&db, Registry::empty().model::<shed::Shed>().upcast(step)).await;
            shed::Shed::history(&new, 1).await.unwrap_err().to_string()
        };
        let position = db.events().all().await.unwrap()[0].position;
        let of = format!("shed.lit of shed-1 version 1 at position {position} cannot be");
        let failed = read(|_| Err("too dark".into())).await;
        assert_eq!(failed, format!("{of} upcast from schema version 1: shed::brighter failed: too dark"));
        let panicked = read(|_| panic!("too bright")).await;
        assert_eq!(panicked, format!("{of} upcast from schema version 1: shed::brighter panicked: too bright"));
        let unreadable = read(|_| Ok(())).await;
        assert!(unreadable.starts_with(&format!("{of} read: field `lumens` is missing")), "{unreadable}");
    }
}
