//! How `Database::connect` finds a store: backends that are linked register the schemes of their URIs.

mod secret;

use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::hook::BoxFuture;
use crate::limits::Limits;
use crate::store::Store;

pub use secret::{Secret, redact};

/// Opens a store.
pub type OpenFn = fn(OpenOptions) -> BoxFuture<'static, Result<Arc<dyn Store>>>;

/// A backend that is linked into the program.
#[derive(Debug, Clone, Copy)]
pub struct Backend {
    /// What stands before the colon of its URIs.
    pub schemes: &'static [&'static str],
    /// Opens a store.
    pub open: OpenFn,
}

inventory::collect!(Backend);

/// What a backend is told when it opens a store. `None` leaves a setting to the backend.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OpenOptions {
    /// The whole URI. It may hold a password: never show it.
    pub uri: Secret,
    /// How much one commit may hold.
    pub limits: Limits,
    /// The database's name, whatever the URI says.
    pub database: Option<String>,
    /// The start of the names of the library's own collections.
    pub prefix: Option<String>,
    /// How many connections at most.
    pub pool_max: Option<u32>,
    /// How long to look for a server.
    pub connect_timeout: Option<Duration>,
    /// How long a commit may take in all its attempts.
    pub commit_timeout: Option<Duration>,
    /// How long a reader waits before it fills a hole.
    pub hole_grace: Option<Duration>,
}

impl OpenOptions {
    /// The defaults for a URI.
    pub fn new(uri: impl Into<String>) -> Self {
        Self {
            uri: Secret::new(uri),
            limits: Limits::default(),
            database: None,
            prefix: None,
            pool_max: None,
            connect_timeout: None,
            commit_timeout: None,
            hole_grace: None,
        }
    }

    /// Opens the store with the backend that knows the URI's scheme.
    ///
    /// # Errors
    /// [`Error::Connect`] when no backend knows the scheme, or when the backend cannot connect.
    pub async fn open(self) -> Result<Arc<dyn Store>> {
        let scheme = self.uri.expose().split_once(':').map(|(scheme, _)| scheme.to_owned());
        let mut known: Vec<&str> = Vec::new();
        for backend in inventory::iter::<Backend> {
            if scheme.as_deref().is_some_and(|scheme| backend.schemes.contains(&scheme)) {
                return (backend.open)(self).await;
            }
            known.extend(backend.schemes);
        }
        known.sort_unstable();
        Err(Error::Connect {
            uri: self.uri.to_string(),
            reason: format!("no store for this address is compiled in; known schemes: {}", known.join(", ")),
            source: None,
        })
    }
}
