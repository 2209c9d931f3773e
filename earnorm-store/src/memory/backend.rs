//! How `Database::connect("memory:")` finds this store.

use std::sync::Arc;

use earnorm_core::backend::{Backend, OpenOptions};
use earnorm_core::error::Result;
use earnorm_core::hook::BoxFuture;
use earnorm_core::store::Store;

use super::MemoryStore;

inventory::submit! { Backend { schemes: &["memory"], open } }

/// Each connection is an empty store of its own.
fn open(options: OpenOptions) -> BoxFuture<'static, Result<Arc<dyn Store>>> {
    Box::pin(async move { Ok(Arc::new(MemoryStore::new().with_limits(options.limits)) as Arc<dyn Store>) })
}
