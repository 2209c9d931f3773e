//! Units of work: many writes, one commit, and what a failed commit leaves.

use earnorm::Registry;
use earnorm::prelude::*;

#[model]
#[derive(Debug, Clone, PartialEq)]
struct Item {
    #[model(id)]
    id: i64,
    #[model(unique)]
    code: String,
    count: i32,
}

#[model(soft_delete)]
#[derive(Debug, Clone, PartialEq)]
struct Folder {
    #[model(id)]
    id: i64,
    #[model(serde)]
    lock: Lock,
}

/// What is stored of a shut one cannot be read again.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
enum Lock {
    Open,
    #[serde(skip_deserializing)]
    Shut,
}

fn registry() -> Registry {
    Registry::empty().model::<Item>().model::<Folder>()
}

fn item(id: i64) -> Item {
    Item { id, code: format!("c{id}"), count: 0 }
}

every_store! {
    async fn all_of_a_unit_is_durable_together(db: Database) {
        let unit = db.unit();
        let mut one = unit.create(item(1)).await.unwrap();
        let two = unit.create(item(2)).await.unwrap();
        one.count = 5;
        one.save(&unit).await.unwrap();
        assert_eq!((one.version(), two.version()), (0, 0));
        assert_eq!(Item::all().count(&db).await.unwrap(), 0);
        let receipt = unit.commit().await.unwrap();
        assert_eq!(receipt.events().len(), 3);
        assert_eq!((one.version(), two.version()), (2, 1));
        assert_eq!(Item::load(&db, 1).await.unwrap().count, 5);
        one.count = 6;
        one.save(&db).await.unwrap();
        assert_eq!(one.version(), 3);
    }

    async fn a_get_by_id_sees_staged_writes(db: Database) {
        let mut kept = db.create(item(1)).await.unwrap();
        let unit = db.unit();
        unit.create(item(2)).await.unwrap();
        kept.count = 9;
        kept.save(&unit).await.unwrap();
        let mut seen = unit.get::<Item>(2).await.unwrap().unwrap();
        assert_eq!(unit.get::<Item>(1).await.unwrap().unwrap().count, 9);
        assert_eq!(Item::load(&db, 1).await.unwrap().count, 0);
        seen.count = 3;
        seen.save(&unit).await.unwrap();
        unit.commit().await.unwrap();
        assert_eq!(Item::load(&db, 2).await.unwrap().count, 3);
        assert_eq!(seen.version(), 2);
    }

    async fn a_get_by_id_sees_what_is_deleted_in_the_unit_as_deleted(db: Database) {
        let mut hidden = db.create(Folder { id: 1, lock: Lock::Open }).await.unwrap();
        let mut gone = db.create(Folder { id: 2, lock: Lock::Open }).await.unwrap();
        let unit = db.unit();
        hidden.delete(&unit).await.unwrap();
        gone.hard_delete(&unit).await.unwrap();
        for id in 1..=2 {
            assert!(Folder::get(&unit, id).await.unwrap().is_none());
            assert_eq!(Folder::get_with_deleted(&unit, id).await.unwrap().is_some(), id == 1);
            assert!(Folder::get(&db, id).await.unwrap().is_some(), "nothing is written yet");
        }
    }

    async fn a_staged_write_that_cannot_be_read_is_named(db: Database) {
        let unit = db.unit();
        unit.create(Folder { id: 7, lock: Lock::Shut }).await.unwrap();
        let error = Folder::get(&unit, 7).await.unwrap_err();
        assert!(matches!(&error, Error::Decode { subject, source } if subject == "folders 7" && source.path == "lock"), "{error:?}");
    }

    async fn a_failed_commit_leaves_every_entity_as_it_was(db: Database) {
        let mut one = db.create(item(1)).await.unwrap();
        let mut two = db.create(item(2)).await.unwrap();
        let mut rival = Item::load(&db, 2).await.unwrap();
        rival.count = 1;
        rival.save(&db).await.unwrap();
        let unit = db.unit();
        one.count = 7;
        one.save(&unit).await.unwrap();
        two.count = 7;
        two.save(&unit).await.unwrap();
        let error = unit.commit().await.unwrap_err();
        let Error::Conflict(conflict) = &error else { panic!("{error:?}") };
        assert_eq!((conflict.subject.as_str(), conflict.actual), ("item-2", 2));
        assert_eq!((one.version(), two.version()), (1, 1));
        assert_eq!(Item::load(&db, 1).await.unwrap().count, 0);
        one.save(&db).await.unwrap();
        assert_eq!(one.version(), 2);
        assert_eq!(Item::load(&db, 1).await.unwrap().count, 7);
    }

    async fn a_unit_is_used_once(db: Database) {
        let unit = db.unit();
        unit.create(item(1)).await.unwrap();
        unit.commit().await.unwrap();
        assert!(matches!(unit.commit().await.unwrap_err(), Error::UnitClosed));
        assert!(matches!(unit.create(item(2)).await.unwrap_err(), Error::UnitClosed));
        let mut one = Item::load(&db, 1).await.unwrap();
        one.count = 1;
        assert!(matches!(one.save(&unit).await.unwrap_err(), Error::UnitClosed));
        one.save(&db).await.unwrap();
    }

    async fn a_dropped_unit_writes_nothing_and_frees_its_entities(db: Database) {
        let mut one = db.create(item(1)).await.unwrap();
        let unit = db.unit();
        one.count = 4;
        one.save(&unit).await.unwrap();
        drop(unit);
        assert_eq!(Item::load(&db, 1).await.unwrap().count, 0);
        one.save(&db).await.unwrap();
        assert_eq!(Item::load(&db, 1).await.unwrap().count, 4);
    }

    async fn two_equal_unique_values_in_one_unit_are_refused(db: Database) {
        let unit = db.unit();
        unit.create(item(1)).await.unwrap();
        unit.create(Item { code: "c1".into(), ..item(2) }).await.unwrap();
        let error = unit.commit().await.unwrap_err();
        assert!(matches!(&error, Error::Unique(violation) if violation.fields == ["code"]), "{error:?}");
        assert_eq!(Item::all().count(&db).await.unwrap(), 0);
        assert!(db.events().all().await.unwrap().is_empty());
    }

    async fn a_unit_creates_an_instance_once(db: Database) {
        let unit = db.unit();
        let mut one = unit.create(item(1)).await.unwrap();
        assert!(matches!(unit.create(item(1)).await.unwrap_err(), Error::AlreadyExists { deleted: false, .. }));
        one.delete(&unit).await.unwrap();
        assert!(unit.get::<Item>(1).await.unwrap().is_none());
        assert!(matches!(unit.create(item(1)).await.unwrap_err(), Error::AlreadyExists { deleted: true, .. }));
        one.restore(&unit).await.unwrap();
        one.count = 4;
        one.save(&unit).await.unwrap();
        unit.commit().await.unwrap();
        assert_eq!((one.version(), Item::load(&db, 1).await.unwrap().count), (4, 4));
        let states: Vec<_> = Item::history(&db, 1).await.unwrap().into_iter().map(|r| r.state.map(|item| item.count)).collect();
        assert_eq!(states, [Some(0), None, Some(0), Some(4)]);
    }

    async fn a_closure_commits_or_forgets(db: Database) {
        let made = db.transaction(async |unit| { unit.create(item(1)).await?; unit.create(item(2)).await }).await.unwrap();
        assert_eq!(made.version(), 1);
        let failed: Result<()> = db.transaction(async |unit| {
            unit.create(item(3)).await?;
            Err(Error::other("changed my mind"))
        }).await;
        assert!(failed.is_err());
        assert_eq!(Item::all().count(&db).await.unwrap(), 2);
    }

    async fn saves_of_one_unit_may_run_side_by_side(db: Database) {
        let (mut one, mut two) = (db.create(item(1)).await.unwrap(), db.create(item(2)).await.unwrap());
        let unit = db.unit();
        (one.count, two.count) = (1, 2);
        let (first, second) = tokio::join!(one.save(&unit), two.save(&unit));
        first.and(second).unwrap();
        unit.commit().await.unwrap();
        assert_eq!((one.version(), two.version()), (2, 2));
    }

    async fn a_unit_may_be_moved_to_another_task(db: Database) {
        let handle = tokio::spawn(async move {
            let unit = db.unit();
            let mut one = unit.create(item(1)).await?;
            one.count = 2;
            one.save(&unit).await?;
            unit.commit().await
        });
        assert_eq!(handle.await.unwrap().unwrap().events().len(), 2);
    }
}
