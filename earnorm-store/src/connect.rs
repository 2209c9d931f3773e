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

#[cfg(feature = "mongo")]
inventory::submit! { Backend { schemes: &["mongodb", "mongodb+srv"], open: open_mongo } }

#[cfg(feature = "mongo")]
fn open_mongo(options: OpenOptions) -> BoxFuture<'static, Result<Arc<dyn Store>>> {
    Box::pin(async move {
        let mut builder = crate::MongoStore::builder(options.uri.expose()).limits(options.limits);
        if let Some(name) = options.database {
            builder = builder.database(name);
        }
        if let Some(prefix) = options.prefix {
            builder = builder
                .events_collection(format!("{prefix}events"))
                .counters_collection(format!("{prefix}counters"))
                .checkpoints_collection(format!("{prefix}checkpoints"))
                .meta_collection(format!("{prefix}meta"));
        }
        if let Some(connections) = options.pool_max {
            builder = builder.max_pool_size(connections);
        }
        if let Some(timeout) = options.connect_timeout {
            builder = builder.server_selection_timeout(timeout);
        }
        if let Some(timeout) = options.commit_timeout {
            builder = builder.commit_timeout(timeout);
        }
        if let Some(grace) = options.hole_grace {
            builder = builder.hole_grace(grace);
        }
        Ok(Arc::new(builder.connect().await?) as Arc<dyn Store>)
    })
}
