//! What a backend provides to be examined.

use std::sync::Arc;

use async_trait::async_trait;
use earnorm_core::commit::Commit;
use earnorm_core::limits::Limits;
use earnorm_core::store::Store;

use super::Sabotage;

/// Makes stores for the suite. Each case gets its own, empty one.
#[async_trait]
pub trait Fixture: Send + Sync + 'static {
    /// A fresh, empty store.
    async fn store(&self) -> Arc<dyn Store>;

    /// Another handle on the data of `store`, as after a restart; `None` where the data ends with the handle. The
    /// suite holds this against [`earnorm_core::store::Capabilities::durable`].
    async fn reopen(&self, store: &Arc<dyn Store>) -> Option<Arc<dyn Store>> {
        let _ = store;
        None
    }

    /// Sends `commit` as a hostile writer would and returns when that writer is done. `false`: this store cannot be
    /// sabotaged, and nothing was sent. The suite accepts that only of stores that do not reserve positions.
    async fn sabotage(&self, store: &Arc<dyn Store>, commit: Commit, how: Sabotage) -> bool {
        let _ = (store, commit, how);
        false
    }

    /// Removes `store` and its data.
    async fn discard(&self, store: &Arc<dyn Store>) {
        let _ = store;
    }

    /// The limits that the stores were built with.
    fn limits(&self) -> Limits {
        Limits::default()
    }
}
