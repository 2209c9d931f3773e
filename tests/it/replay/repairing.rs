//! A document that lies behind its stream, and what stands in its way.

use super::rebuilding::record;
use super::*;

every_store! {
    async fn a_document_whose_value_another_one_holds_by_right_stays_behind(db: Database) {
        for id in 1..=2 {
            db.create(person(id)).await.unwrap();
        }
        let before = documents(&db, "people").await;
        let changes = doc! { "changes": [{ "path": "email", "old": "p1@example.com", "new": "p2@example.com" }] };
        record(&db, 1, 1, "updated", changes).await;
        let mut stale = Person::load(&db, 1).await.unwrap();
        stale.age = 50;
        assert!(stale.save(&db).await.unwrap_err().is_conflict());
        assert_eq!(documents(&db, "people").await, before, "what is old is better than nothing");
    }
}
