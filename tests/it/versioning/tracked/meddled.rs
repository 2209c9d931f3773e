//! Older shapes where a truncation, a comparison or an upgrade meets them, also while others write.

use earnorm::bson::Bson;
use earnorm::replay::OUTSIDE;

use super::*;
use crate::support::meddler::Meddler;

/// Changes the document past the library, at the version that it has.
async fn edit(db: &Database, fields: Document) {
    let mut document = stored(db, "members", 1_i64).await.unwrap();
    document.extend(fields);
    db.store().admin().put("members", vec![document], PutRule::Always).await.unwrap();
}

async fn is_whole(db: &Database) -> bool {
    db.verify::<Member>().unwrap().run().await.unwrap().is_whole()
}

every_store! {
    async fn a_baseline_leaves_no_document_that_is_older_than_its_event(db: Database) {
        old(&db).await.create(ada()).await.unwrap();
        let end = db.store().high_water().await.unwrap();
        db.truncate_below(end).unwrap().run(&mut Vec::new()).await.unwrap();
        let expected = doc! {
            "_id": 1_i64, "first": "Ada", "last": "King", "born": 1964, "nick": null, "_v": 2_i64, "_s": 3, "_live": true
        };
        let now = document(&db).await;
        assert!(now.len() == expected.len() && expected.iter().all(|(name, value)| now.get(name) == Some(value)), "{now}");
        assert_eq!(recorded(&db).await, [("member.baseline".into(), 3)]);
        assert!(is_whole(&db).await && is_fold(&db, "member-1", "members", 1_i64).await);
    }

    async fn an_edit_of_an_old_document_is_recorded_in_todays_shape(db: Database) {
        old(&db).await.create(ada()).await.unwrap();
        edit(&db, doc! { "age": 37 }).await;
        let found = db.verify::<Member>().unwrap().record_outside_edits().run().await.unwrap();
        assert_eq!((found.differences.len(), found.recorded), (1, 1));
        let recorded = db.events().actor(OUTSIDE).all().await.unwrap();
        assert_eq!((recorded.len(), recorded[0].schema_version), (1, 3));
        assert_eq!(recorded[0].read_changes().unwrap().paths(), ["born"]);
        let now = document(&db).await;
        assert_eq!((now.get_i32("born").unwrap(), now.get_i32("_s").unwrap(), now.contains_key("age")), (1963, 3, false));
        assert!(is_whole(&db).await && is_fold(&db, "member-1", "members", 1_i64).await);
    }

    async fn a_document_of_todays_shape_keeps_what_is_written_to_it_beside_a_baseline(db: Database) {
        db.create(today()).await.unwrap();
        let end = db.store().high_water().await.unwrap();
        let (meddled, meddler) = Meddler::at(&db, registry()).await;
        let rival = db.clone();
        meddler.before("commit", 1, async move { edit(&rival, doc! { "nick": "by hand" }).await });
        meddled.truncate_below(end).unwrap().run(&mut Vec::new()).await.unwrap();
        let now = document(&db).await;
        assert_eq!((now.get("nick"), now.get("_v")), (Some(&Bson::from("by hand")), Some(&Bson::Int64(2))));
    }

    async fn an_upgrade_counts_what_others_saved_before_it(db: Database) {
        let before = old(&db).await;
        before.create_many((1..=3).map(|id| MemberV1 { id, ..ada() })).await.unwrap();
        let (meddled, meddler) = Meddler::at(&db, registry()).await;
        let rival = db.clone();
        meddler.before("put same", 1, async move {
            let mut member = Member::load(&rival, 1).await.unwrap();
            member.nick = Some("Countess".into());
            member.save(&rival).await.unwrap();
        });
        let done = meddled.upgrade::<Member>().unwrap().run().await.unwrap();
        assert_eq!((done.found, done.upgraded, done.overtaken), (3, 2, 1));
        assert_eq!(Member::load(&db, 1).await.unwrap().nick.as_deref(), Some("Countess"));
        assert!(is_whole(&db).await);
    }

    async fn a_document_without_a_schema_version_has_the_first_shape(db: Database) {
        let unmarked = doc! { "_id": 9_i64, "name": "Ada King", "age": 1, "_v": 4_i64, "_live": true };
        db.store().admin().put("members", vec![unmarked], PutRule::Always).await.unwrap();
        let before = old(&db).await;
        let done = before.upgrade::<MemberV1>().unwrap().run().await.unwrap();
        assert_eq!((done.found, done.upgraded), (0, 0), "it is as new as this program");
        assert_eq!(db.upgrade::<Member>().unwrap().run().await.unwrap().upgraded, 1);
    }

    async fn an_old_program_does_not_compare_with_what_it_cannot_fold(db: Database) {
        let before = old(&db).await;
        before.create_many((1..=2).map(|id| MemberV1 { id, ..ada() })).await.unwrap();
        let mut member = Member::load(&db, 2).await.unwrap();
        member.nick = Some("Countess".into());
        member.save(&db).await.unwrap();
        assert!(is_ahead(before.verify::<MemberV1>().unwrap().run().await));
        assert!(is_ahead(before.rebuild::<MemberV1>().unwrap().run().await));
        assert!(is_whole(&db).await);
    }
}
