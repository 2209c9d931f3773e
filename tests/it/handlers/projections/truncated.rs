//! Projections on a log whose beginning is in an archive: nothing that was folded from there is lost by a rebuild.

use super::*;

every_store! {
    async fn a_rebuild_that_would_lose_what_was_truncated_is_refused(db: Database) {
        write(&db, 0..3, 1).await;
        let old = bus(&db).projection(counting(1)).start().await.unwrap();
        old.run_until_idle().await.unwrap();
        old.stop().await.unwrap();
        let (whole, end) = (rows::<Count>(&db, "count").await, db.store().high_water().await.unwrap());
        assert_eq!(whole["all"].events, 6);
        let mut archive = Vec::new();
        db.truncate_below(end).unwrap().run(&mut archive).await.unwrap();

        let managed = db.manage_projection("count", 1);
        let before = managed.status().await.unwrap().unwrap();
        let refused = managed.rebuild().await.unwrap_err();
        assert!(matches!(refused, Error::Unbuilt { .. }), "{refused}");
        for part in ["count.v1", &format!("truncated up to position {end}"), "raise its version", "archive"] {
            assert!(refused.to_string().contains(part), "`{part}` is missing: {refused}");
        }
        assert_eq!(managed.status().await.unwrap().unwrap(), before);
        assert_eq!(rows::<Count>(&db, "count").await, whole, "readers keep what there is");

        // It goes on as it was, and a new version is made of what is left: here of the baselines, one a task.
        let both = bus(&db).projection(counting(1)).projection(counting(2)).start().await.unwrap();
        write(&db, 3..4, 0).await;
        both.run_until_idle().await.unwrap();
        let on = counting(1).rows(&db).get("all").await.unwrap().unwrap();
        let left = counting(2).rows(&db).version(2).get("all").await.unwrap().unwrap();
        assert_eq!((on.events, left.events), (6 + 3 + 1, 3 + 1));
        // A version that was ended does not come back with less either.
        managed.retire().await.unwrap();
        let refused = managed.rebuild().await.unwrap_err();
        assert!(refused.to_string().contains("truncated"), "{refused}");
        both.stop().await.unwrap();
    }
}
