//! Taking documents over while the store fails, and while another run does the same.

use super::*;
use crate::support::meddler::{Meddler, out_of_reach};

/// Three documents from before; the id of the second had a life already.
async fn old(db: &Database) -> Vec<bson::Document> {
    db.create(person(2)).await.unwrap().hard_delete(db).await.unwrap();
    let old: Vec<_> = (1..=3_i64).map(|id| doc! { "_id": id, "email": format!("e{id}"), "age": 1 }).collect();
    db.store().admin().put("people", old.clone(), PutRule::Always).await.unwrap();
    old
}

every_store! {
    async fn a_store_that_fails_ends_an_adoption_and_refuses_no_document(db: Database) {
        let old = old(&db).await;
        let (meddled, meddler) = Meddler::at(&db, registry()).await;
        // The first commit is for all of them, those that follow are for each alone.
        for failing in 1..=2 {
            meddler.forget();
            meddler.fail("commit", failing, out_of_reach());
            let failed = meddled.adopt::<Person>().unwrap().run().await;
            assert!(matches!(failed, Err(Error::Store(_))), "{failed:?}");
            assert_eq!(meddler.calls("commit").len(), failing);
            assert_eq!(documents(&db, "people").await, old);
        }
        let adopted = db.adopt::<Person>().unwrap().run().await.unwrap();
        assert_eq!((adopted.adopted, adopted.refused.len()), (2, 1));
    }

    async fn what_another_run_takes_over_meanwhile_is_not_refused(db: Database) {
        old(&db).await;
        let (meddled, meddler) = Meddler::at(&db, registry()).await;
        let rival = db.clone();
        meddler.before("commit", 2, async move {
            assert_eq!(rival.adopt::<Person>().unwrap().run().await.unwrap().adopted, 2);
        });
        let adopted = meddled.adopt::<Person>().unwrap().run().await.unwrap();
        let refused: Vec<_> = adopted.refused.iter().map(|(id, _)| id.clone()).collect();
        assert_eq!((adopted.adopted, refused), (0, vec![Bson::Int64(2)]));
        assert_eq!(db.events().actor("adopt").all().await.unwrap().len(), 2);
    }
}
