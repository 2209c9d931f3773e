//! What a refused commit is explained by: which instance, what was expected of it, and what it is.

use earnorm::Registry;
use earnorm::prelude::*;
use earnorm::store::PutRule;
use earnorm::stream::ExpectedVersion;

#[model(name = "guest", collection = "guests", soft_delete)]
#[derive(Debug, Clone, PartialEq)]
struct Guest {
    #[model(id)]
    id: i64,
    #[model(personal)]
    name: Option<String>,
    age: i32,
}

/// Lets another save that runs beside this one come first.
#[pre_create]
async fn wait(_: &mut Guest) {
    tokio::task::yield_now().await;
}

fn registry() -> Registry {
    Registry::empty().model::<Guest>().hooks_of::<Guest>()
}

fn guest(id: i64) -> Guest {
    Guest { id, name: Some("Ada".into()), age: 36 }
}

/// Whether a guest who is created again was deleted before.
async fn was_deleted(db: &Database, id: i64) -> bool {
    match db.create(guest(id)).await {
        Err(Error::AlreadyExists { model: "guest", id: named, deleted }) if named == id.to_string() => deleted,
        other => panic!("{other:?}"),
    }
}

every_store! {
    async fn a_unit_that_changes_an_instance_side_by_side_is_told_so(db: Database) {
        db.create(guest(1)).await.unwrap();
        for others in 0..2 {
            let unit = db.unit();
            for id in 0..others {
                unit.create(guest(100 + id)).await.unwrap();
            }
            for age in [1, 2] {
                let mut one = Guest::load(&db, 1).await.unwrap();
                one.age = age;
                one.save(&unit).await.unwrap();
            }
            let error = unit.commit().await.unwrap_err();
            let Error::Conflict(conflict) = &error else { panic!("{error:?}") };
            assert_eq!((conflict.subject.as_str(), conflict.expected, conflict.actual), ("guest-1", ExpectedVersion::Exact(1), 2));
            assert_eq!(db.events().all().await.unwrap().len(), 1);
        }
    }

    async fn a_unit_that_creates_an_instance_side_by_side_is_told_so(db: Database) {
        let unit = db.unit();
        let (one, two) = tokio::join!(unit.create(guest(1)), unit.create(guest(1)));
        assert_eq!((one.unwrap().version(), two.unwrap().version()), (0, 0));
        let error = unit.commit().await.unwrap_err();
        assert!(matches!(&error, Error::AlreadyExists { model: "guest", id, deleted: false } if id == "1"), "{error:?}");
        assert!(db.events().all().await.unwrap().is_empty());
    }

    async fn an_id_that_is_taken_is_known_to_be_deleted_whatever_came_after(db: Database) {
        for id in 1..=4 {
            let mut made = db.create(guest(id)).await.unwrap();
            if id % 2 == 0 {
                made.delete(&db).await.unwrap();
            }
        }
        for id in 1..=2 {
            assert_eq!(db.erase_subject(id).await.unwrap().events, 1);
        }
        for (id, deleted) in [(1, false), (2, true), (3, false), (4, true)] {
            assert_eq!(was_deleted(&db, id).await, deleted, "{id}");
        }
        let end = db.store().high_water().await.unwrap();
        assert_eq!(db.truncate_below(end).unwrap().run(&mut Vec::new()).await.unwrap().baselines, 4);
        for (id, deleted) in [(1, false), (2, true), (3, false), (4, true)] {
            assert_eq!(was_deleted(&db, id).await, deleted, "{id} after a truncation");
        }
    }

    async fn a_document_that_somebody_else_moved_is_named(db: Database) {
        let mut made = db.create(guest(1)).await.unwrap();
        let mut moved = db.store().get("guests", &1_i64.into()).await.unwrap().unwrap();
        moved.insert("_v", 7_i64);
        db.store().admin().put("guests", vec![moved], PutRule::Always).await.unwrap();
        made.age = 37;
        let error = made.save(&db).await.unwrap_err();
        let Error::Conflict(conflict) = &error else { panic!("{error:?}") };
        assert!(conflict.subject.contains("guests"), "the stream is as it was: {error}");
        assert_eq!((conflict.expected, conflict.actual), (ExpectedVersion::Exact(1), 7));
        assert_eq!(db.events().all().await.unwrap().len(), 1);
    }
}
