//! Soft delete: hidden, not gone.

use earnorm::Registry;
use earnorm::commit::{Append, Commit};
use earnorm::event::NewEvent;
use earnorm::prelude::*;
use earnorm::stream::ExpectedVersion;

#[model(soft_delete)]
#[derive(Debug, Clone, PartialEq)]
struct Page {
    #[model(id)]
    id: i64,
    #[model(unique)]
    slug: String,
}

#[event(name = "filled")]
#[derive(Debug, Clone)]
struct Filled {
    litres: i64,
}

#[model(sourced, soft_delete, name = "basin", collection = "basins")]
#[derive(Debug, Clone, PartialEq)]
struct Basin {
    #[model(id)]
    id: i64,
    litres: i64,
}

#[event(name = "built")]
#[derive(Debug, Clone)]
struct Built {
    id: i64,
}

#[model]
impl Basin {
    #[apply]
    fn built(event: &Built) -> Self {
        Self { id: event.id, litres: 0 }
    }

    #[apply]
    fn filled(&mut self, event: &Filled) {
        self.litres += event.litres;
    }
}

fn registry() -> Registry {
    Registry::empty().model::<Page>().model::<Basin>()
}

fn page(id: i64) -> Page {
    Page { id, slug: format!("p{id}") }
}

every_store! {
    async fn deleted_rows_are_hidden_unless_asked_for(db: Database) {
        let mut one = db.create(page(1)).await.unwrap();
        db.create(page(2)).await.unwrap();
        one.delete(&db).await.unwrap();
        assert!(Page::get(&db, 1).await.unwrap().is_none());
        assert!(Page::get_with_deleted(&db, 1).await.unwrap().unwrap().is_deleted());
        let ids = |found: Vec<Entity<Page>>| found.iter().map(|page| page.id).collect::<Vec<_>>();
        assert_eq!(ids(Page::all().all(&db).await.unwrap()), [2]);
        assert_eq!(ids(Page::all().sort(Page::ID.asc()).with_deleted().all(&db).await.unwrap()), [1, 2]);
        assert_eq!(ids(Page::all().only_deleted().all(&db).await.unwrap()), [1]);
        assert_eq!(Page::all().count(&db).await.unwrap(), 1);
        assert!(!Page::find(Page::ID.eq(1)).exists(&db).await.unwrap());
        assert_eq!(Page::all().distinct(&db, Page::SLUG).await.unwrap(), ["p2"]);
    }

    async fn unique_covers_live_rows_only(db: Database) {
        let mut one = db.create(page(1)).await.unwrap();
        one.delete(&db).await.unwrap();
        db.create(Page { slug: "p1".into(), ..page(3) }).await.unwrap();
        let error = one.restore(&db).await.unwrap_err();
        assert!(matches!(&error, Error::Unique(violation) if violation.fields == ["slug"]), "{error:?}");
        assert!(one.is_deleted());
        one.slug = "p1-old".into();
        one.restore(&db).await.unwrap();
        assert_eq!((one.version(), Page::load(&db, 1).await.unwrap().slug.as_str()), (3, "p1-old"));
    }

    async fn a_deleted_id_is_not_used_again(db: Database) {
        let mut one = db.create(page(1)).await.unwrap();
        one.delete(&db).await.unwrap();
        let error = db.create(page(1)).await.unwrap_err();
        assert!(matches!(error, Error::AlreadyExists { deleted: true, .. }), "{error:?}");
        let mut gone = Page::get_with_deleted(&db, 1).await.unwrap().unwrap();
        assert!(matches!(gone.save(&db).await.unwrap_err(), Error::NotFound { deleted: true, .. }));
    }

    async fn a_hard_delete_removes_the_document_and_keeps_the_history(db: Database) {
        let mut one = db.create(page(1)).await.unwrap();
        one.delete(&db).await.unwrap();
        one.hard_delete(&db).await.unwrap();
        assert!(Page::get_with_deleted(&db, 1).await.unwrap().is_none());
        assert_eq!(Page::history(&db, 1).await.unwrap().len(), 3);
        assert!(matches!(one.hard_delete(&db).await.unwrap_err(), Error::NotFound { .. }));
        let back = Page::restore(&db, 1).await.unwrap();
        assert_eq!((back.version(), back.slug.as_str()), (4, "p1"));
        assert_eq!(Page::all().count(&db).await.unwrap(), 1);
    }

    async fn what_is_raised_with_a_hard_delete_brings_nobody_back(db: Database) {
        let mut basin = db.start::<Basin>(1, Built { id: 1 }).await.unwrap();
        basin.delete(&db).await.unwrap();
        basin.raise(Filled { litres: 3 }).unwrap();
        basin.hard_delete(&db).await.unwrap();
        let history = Basin::history(&db, 1).await.unwrap();
        let told: Vec<_> = history.iter().map(|revision| (revision.event.name(), revision.state.is_some())).collect();
        assert_eq!(told, [("built", true), ("deleted", false), ("filled", false), ("deleted", false)]);
        assert_eq!(Basin::restore(&db, 1).await.unwrap().litres, 3);
    }

    async fn a_change_of_a_deleted_instance_cannot_be_folded(db: Database) {
        let mut one = db.create(page(1)).await.unwrap();
        one.slug = "p2".into();
        one.save(&db).await.unwrap();
        one.delete(&db).await.unwrap();
        // As a program with a fault might write it.
        let updated = db.events().by_type("page.updated").all().await.unwrap().remove(0);
        let mut commit = Commit::new(Uuid::now_v7());
        let event = NewEvent {
            id: Uuid::now_v7(),
            event_type: updated.event_type,
            schema_version: 1,
            data: updated.data.into_document().unwrap(),
            metadata: Metadata::new(),
            recorded_at: updated.recorded_at,
        };
        let (stream, expected) = (one.stream().unwrap(), ExpectedVersion::Exact(3));
        commit.appends.push(Append { stream, expected, not_before: None, events: vec![event] });
        db.store().commit(commit).await.unwrap();
        let error = Page::at_version(&db, 1, 4).await.unwrap_err();
        assert!(matches!(error, Error::Fold { version: 4, .. }), "{error:?}");
        assert!(error.to_string().contains("it changes an instance that is not there"), "{error}");
    }
}
