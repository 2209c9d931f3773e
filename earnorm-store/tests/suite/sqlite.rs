//! The store in one file keeps every promise.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use earnorm_core::ports::{Ids, RandomIds};
use earnorm_core::store::Store;
use earnorm_store::SqliteStore;
use earnorm_store::conformance::Fixture;
use earnorm_store::sqlite::SqliteStoreBuilder;

/// Stores in files of a directory for temporary ones. It remembers which store is in which.
#[derive(Default)]
struct Files(Mutex<HashMap<usize, PathBuf>>);

impl Files {
    async fn open(&self, path: PathBuf) -> Arc<dyn Store> {
        let opened: SqliteStore = SqliteStoreBuilder::at(&path).open().await.expect("the file is opened");
        let store: Arc<dyn Store> = Arc::new(opened);
        self.0.lock().unwrap().insert(address(&store), path);
        store
    }

    fn path(&self, store: &Arc<dyn Store>) -> PathBuf {
        self.0.lock().unwrap()[&address(store)].clone()
    }
}

fn address(store: &Arc<dyn Store>) -> usize {
    Arc::as_ptr(store).cast::<()>().addr()
}

#[async_trait]
impl Fixture for Files {
    async fn store(&self) -> Arc<dyn Store> {
        self.open(std::env::temp_dir().join(format!("earnorm-suite-{}.db", RandomIds.next().simple()))).await
    }

    async fn reopen(&self, store: &Arc<dyn Store>) -> Option<Arc<dyn Store>> {
        Some(self.open(self.path(store)).await)
    }

    async fn discard(&self, store: &Arc<dyn Store>) {
        let path = self.path(store);
        let _ = store.close().await;
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{end}", path.display()));
        }
    }
}

earnorm_store::conformance_tests!(Files::default());
