//! The MongoDB store keeps every promise, on the server at `EARNORM_TEST_MONGODB_URI`. Without one these tests fail.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use earnorm_core::commit::Commit;
use earnorm_core::ports::{Ids, RandomIds};
use earnorm_core::store::Store;
use earnorm_store::MongoStore;
use earnorm_store::conformance::{Fixture, Sabotage};

/// Stores on MongoDB, a database each. It remembers them, for what only their own type can do.
#[derive(Default)]
struct Mongo(Mutex<HashMap<usize, MongoStore>>);

impl Mongo {
    async fn open(&self, database: &str) -> Arc<dyn Store> {
        let builder = MongoStore::builder(&uri()).database(database).hole_grace(Duration::from_millis(30));
        let opened = builder.connect().await.expect("the test server answers");
        let store: Arc<dyn Store> = Arc::new(opened.clone());
        self.0.lock().unwrap().insert(address(&store), opened);
        store
    }

    fn own(&self, store: &Arc<dyn Store>) -> MongoStore {
        self.0.lock().unwrap()[&address(store)].clone()
    }
}

fn uri() -> String {
    std::env::var("EARNORM_TEST_MONGODB_URI").expect("EARNORM_TEST_MONGODB_URI names a replica set to test with")
}

fn address(store: &Arc<dyn Store>) -> usize {
    Arc::as_ptr(store).cast::<()>().addr()
}

#[async_trait]
impl Fixture for Mongo {
    async fn store(&self) -> Arc<dyn Store> {
        self.open(&format!("earnorm_test_{}", RandomIds.next().simple())).await
    }

    async fn reopen(&self, store: &Arc<dyn Store>) -> Option<Arc<dyn Store>> {
        let database = self.own(store).raw_database().name().to_owned();
        Some(self.open(&database).await)
    }

    async fn sabotage(&self, store: &Arc<dyn Store>, commit: Commit, how: Sabotage) -> bool {
        // Whether it went through is for the readers to find out.
        let _ = self.own(store).sabotage(commit, how).await;
        true
    }

    async fn discard(&self, store: &Arc<dyn Store>) {
        // The case may have closed the store; a new handle drops what it leaves.
        let own = self.own(store);
        let database = own.raw_database().name().to_owned();
        let fresh = MongoStore::builder(&uri()).database(database).connect().await.expect("the test server answers");
        fresh.raw_database().drop().await.expect("the database is dropped");
        for handle in [own, fresh] {
            let _ = handle.close().await;
        }
    }
}

earnorm_store::conformance_tests!(Mongo::default());
