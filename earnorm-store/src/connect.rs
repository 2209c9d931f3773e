//! How `Database::connect` finds these stores: each registers the schemes of its URIs.

use std::sync::Arc;

use earnorm_core::backend::{Backend, OpenOptions};
use earnorm_core::error::Result;
use earnorm_core::hook::BoxFuture;
use earnorm_core::store::Store;

#[cfg(feature = "memory")]
inventory::submit! { Backend { schemes: &["memory"], open: open_memory } }

#[cfg(feature = "memory")]
fn open_memory(options: OpenOptions) -> BoxFuture<'static, Result<Arc<dyn Store>>> {
    Box::pin(async move { Ok(Arc::new(crate::MemoryStore::new().with_limits(options.limits)) as Arc<dyn Store>) })
}
