//! Soft delete: hidden, not gone.

use earnorm::Registry;
use earnorm::prelude::*;

#[model(soft_delete)]
#[derive(Debug, Clone, PartialEq)]
struct Page {
    #[model(id)]
    id: i64,
    #[model(unique)]
    slug: String,
}

fn registry() -> Registry {
    Registry::empty().model::<Page>()
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
}
