//! Bulk updates and deletes: hooks run and every instance leaves an event.

use earnorm::Registry;
use earnorm::error::Applied;
use earnorm::prelude::*;

use crate::personal::store::Faulty;

#[model]
#[derive(Debug, Clone)]
struct Product {
    #[model(id)]
    id: i64,
    #[model(unique)]
    code: String,
    price: i64,
    locked: bool,
}

#[model]
impl Product {
    #[pre_save]
    fn guard(&self, cx: &mut PreContext<'_, Product>) -> Result<(), Abort> {
        let was_locked = cx.before()?.is_some_and(|before| before.locked);
        if was_locked { Err(Abort::new("locked")) } else { Ok(()) }
    }

    #[pre_delete]
    fn keep(&self) -> Result<(), Abort> {
        if self.locked { Err(Abort::new("locked")) } else { Ok(()) }
    }
}

fn registry() -> Registry {
    Registry::empty().model::<Product>().hooks_of::<Product>()
}

fn products(count: i64) -> impl Iterator<Item = Product> {
    (1..=count).map(|id| Product { id, code: format!("c{id}"), price: id, locked: id % 50 == 0 })
}

/// A rival saves this product while nobody looks.
fn overtake(db: &Database, id: i64) {
    let save = async {
        let mut rival = Product::load(db, id).await.unwrap();
        rival.price = 1_000;
        rival.save(db).await.unwrap();
    };
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(save));
}

every_store! {
    async fn an_update_leaves_an_event_an_instance(db: Database) {
        db.create_many(products(230)).await.unwrap();
        let report = Product::find(Product::PRICE.gt(10))
            .update(&db, |product| { product.price *= 2; Ok(()) })
            .await
            .unwrap();
        assert_eq!((report.matched, report.written, report.vetoed, report.conflicted), (220, 216, 4, 0));
        assert_eq!(report.failures.len(), 4);
        assert_eq!(db.events().by_type("product.updated").all().await.unwrap().len(), 216);
        assert_eq!(Product::load(&db, 11).await.unwrap().price, 22);
        assert_eq!(Product::load(&db, 50).await.unwrap().price, 50);
        // What an update makes match again is not visited twice.
        let report = Product::find(Product::PRICE.gt(10)).update(&db, |_| Ok(())).await.unwrap();
        assert_eq!((report.written, report.unchanged, report.vetoed), (0, 216, 4));
    }

    async fn a_refused_instance_does_not_hold_the_others(db: Database) {
        db.create_many(products(20)).await.unwrap();
        let report = Product::find(Product::ID.lte(10))
            .update(&db, |product| {
                if product.id == 3 {
                    product.code = "c15".into();
                } else {
                    product.price = 0;
                }
                Ok(())
            })
            .await
            .unwrap();
        assert_eq!((report.matched, report.written, report.failed), (10, 9, 1));
        assert!(matches!(report.failures[0].error, Error::Unique(_)));
        assert_eq!(report.failures[0].id, "3");
        assert_eq!(Product::find(Product::PRICE.eq(0)).count(&db).await.unwrap(), 9);
    }

    async fn an_instance_that_someone_else_changed_is_a_conflict_and_stays_as_they_left_it(db: Database) {
        db.create_many(products(6)).await.unwrap();
        let change = |product: &mut Entity<Product>| {
            if product.id % 3 == 0 { overtake(&db, product.id); }
            product.price = 0;
            Ok(())
        };
        let report = Product::all().update(&db, change).await.unwrap();
        assert_eq!((report.matched, report.written, report.conflicted), (6, 4, 2));
        assert_eq!((report.unchanged, report.vetoed, report.failed), (0, 0, 0));
        let failures: Vec<_> = report.failures.iter().map(|failure| (failure.id.as_str(), failure.error.is_conflict())).collect();
        assert_eq!(failures, [("3", true), ("6", true)]);
        assert_eq!(Product::find(Product::PRICE.eq(1_000)).count(&db).await.unwrap(), 2);
        assert_eq!(Product::find(Product::PRICE.eq(0)).count(&db).await.unwrap(), 4);
    }

    async fn an_answer_that_is_lost_ends_it_and_leaves_open_what_is_written(db: Database) {
        db.create_many(products(3)).await.unwrap();
        // The commit of all at once, and the first of those one by one, since the third cannot be written.
        for (lost, taken, written) in [(0, false, 3), (1, true, 1)] {
            let store = Faulty::losing_answer_of(&db, lost);
            let over = Database::builder().registry(registry()).store(store.clone()).await.unwrap();
            let outcome = Product::all()
                .update(&over, |product| {
                    product.price = 100 + lost;
                    if taken && product.id == 3 { product.code = "c1".into(); }
                    Ok(())
                })
                .await;
            assert_eq!(outcome.unwrap_err().was_applied(), Applied::Unknown);
            assert!(store.has_failed());
            assert_eq!(Product::find(Product::PRICE.eq(100 + lost)).count(&db).await.unwrap(), written);
        }
    }

    async fn a_delete_runs_hooks_too(db: Database) {
        db.create_many(products(120)).await.unwrap();
        let report = Product::all().delete(&db).await.unwrap();
        assert_eq!((report.matched, report.written, report.vetoed), (120, 118, 2));
        assert_eq!(Product::all().count(&db).await.unwrap(), 2);
        assert_eq!(db.events().by_type("product.deleted").all().await.unwrap().len(), 118);
        assert!(Product::all().limit(1).delete(&db).await.is_err());
    }
}
