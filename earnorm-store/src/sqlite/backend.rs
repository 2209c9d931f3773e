//! How `Database::connect("sqlite:app.db")` finds this store.

use std::sync::Arc;

use earnorm_core::backend::{Backend, OpenOptions};
use earnorm_core::hook::BoxFuture;
use earnorm_core::store::Store;
use earnorm_core::{Error, Result};

use super::SqliteStore;

inventory::submit! { Backend { schemes: &["sqlite"], open } }

fn open(options: OpenOptions) -> BoxFuture<'static, Result<Arc<dyn Store>>> {
    Box::pin(async move {
        let uri = options.uri.expose();
        if options.database.is_some() {
            let reason = "a file holds one database, which has no name: leave the name out".to_owned();
            return Err(Error::Connect { uri: options.uri.to_string(), reason, source: None });
        }
        let mut builder = SqliteStore::builder(uri)?.limits(options.limits);
        if let Some(prefix) = options.prefix {
            builder = builder.prefix(prefix);
        }
        if let Some(readers) = options.pool_max {
            builder = builder.readers(readers);
        }
        if let Some(timeout) = options.commit_timeout {
            builder = builder.busy_timeout(timeout);
        }
        Ok(Arc::new(builder.open().await?) as Arc<dyn Store>)
    })
}
