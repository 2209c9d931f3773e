//! How `Database::connect` finds this store: it registers the schemes of its URIs.

use std::sync::Arc;

use earnorm_core::Result;
use earnorm_core::backend::{Backend, OpenOptions};
use earnorm_core::hook::BoxFuture;
use earnorm_core::store::Store;

use super::MongoStore;

inventory::submit! { Backend { schemes: &["mongodb", "mongodb+srv"], open } }

fn open(options: OpenOptions) -> BoxFuture<'static, Result<Arc<dyn Store>>> {
    Box::pin(async move {
        let mut builder = MongoStore::builder(options.uri.expose()).limits(options.limits);
        if let Some(name) = options.database {
            builder = builder.database(name);
        }
        if let Some(prefix) = options.prefix {
            builder = builder.prefix(&prefix);
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
