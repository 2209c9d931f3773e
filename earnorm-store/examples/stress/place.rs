//! Where a run takes place: the store, the model of its state documents, and how to open both.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use earnorm_core::database::Database;
use earnorm_core::registry::Registry;
use earnorm_core::store::Store;
use earnorm_macros::model;
use earnorm_store::mongo::Batching;
use earnorm_store::{MemoryStore, MongoStore, SqliteStore};

use super::bank::Purse;
use super::handling::Tally;
use super::options::{Backend, Options};
use super::patience::patiently;

/// The collection of the state documents.
pub(crate) const ACCOUNTS: &str = "accounts";

/// The model of the state documents. Its writers go below it, to the store.
#[model(collection = "accounts", crate = "earnorm_core")]
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Account {
    #[model(id)]
    pub(crate) id: String,
    /// The key of the last event of its stream.
    pub(crate) last: i64,
}

/// The data of a run.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// A database on a server.
    Mongo { uri: String, database: String },
    /// A file that every process opens.
    Sqlite(PathBuf),
    /// A store that everyone shares.
    Memory(MemoryStore),
}

impl Place {
    pub(crate) fn new(options: &Options, database: &str) -> Self {
        match options.store {
            Backend::Mongo => Self::Mongo { uri: options.uri.clone(), database: database.to_owned() },
            Backend::Sqlite => Self::Sqlite(std::env::temp_dir().join(format!("{database}.db"))),
            Backend::Memory => Self::Memory(MemoryStore::new()),
        }
    }

    /// A handle of its own.
    pub(crate) async fn open(&self) -> Result<Arc<dyn Store>> {
        match self {
            Self::Mongo { .. } => Ok(Arc::new(self.open_mongo(Batching::default()).await?)),
            Self::Sqlite(file) => {
                // Many write, and each waits for all others.
                let builder =
                    SqliteStore::builder(&format!("sqlite:{}", file.display()))?.busy_timeout(Duration::from_secs(60));
                Ok(Arc::new(builder.open().await?))
            }
            Self::Memory(store) => Ok(Arc::new(store.clone())),
        }
    }

    /// A handle for sabotage, which so many may use at once; `None` on a store that cannot be sabotaged.
    pub(crate) async fn open_hostile(&self, at_once: u32) -> Result<Option<MongoStore>> {
        match self {
            Self::Mongo { .. } => {
                let in_flight = usize::try_from(at_once).unwrap_or(usize::MAX);
                self.open_mongo(Batching { in_flight, ..Batching::default() }).await.map(Some)
            }
            Self::Sqlite(_) | Self::Memory(_) => Ok(None),
        }
    }

    /// Gives a handle back. The memory store ends with its first handle that is closed, so that one stays open.
    pub(crate) async fn close(&self, store: &Arc<dyn Store>) -> Result<()> {
        match self {
            Self::Mongo { .. } | Self::Sqlite(_) => Ok(store.close().await?),
            Self::Memory(_) => Ok(()),
        }
    }

    async fn open_mongo(&self, batching: Batching) -> Result<MongoStore> {
        let Self::Mongo { uri, database } = self else { anyhow::bail!("this run is not on MongoDB") };
        let connect = || {
            let builder = MongoStore::builder(uri).database(database).batching(batching).app_name("earnorm-stress");
            builder.server_selection_timeout(Duration::from_secs(10)).connect()
        };
        Ok(patiently(connect).await?)
    }

    /// What keeps the data, with its version.
    pub(crate) async fn engine(&self) -> Result<String> {
        match self {
            Self::Mongo { .. } => {
                let raw = self.open_raw().await?;
                let info = raw.raw_database().run_command(bson::doc! { "buildInfo": 1 }).await?;
                raw.close().await?;
                Ok(format!("MongoDB {}", info.get_str("version")?))
            }
            Self::Sqlite(_) => Ok(format!("SQLite {}", rusqlite::version())),
            Self::Memory(_) => Ok("memory".to_owned()),
        }
    }

    /// Removes the data.
    pub(crate) async fn remove(&self) -> Result<()> {
        match self {
            Self::Mongo { .. } => {
                let raw = self.open_raw().await?;
                raw.raw_database().drop().await?;
                Ok(raw.close().await?)
            }
            Self::Sqlite(file) => {
                for end in ["", "-wal", "-shm"] {
                    let file = format!("{}{end}", file.display());
                    if std::fs::exists(&file)? {
                        std::fs::remove_file(file)?;
                    }
                }
                Ok(())
            }
            Self::Memory(_) => Ok(()),
        }
    }

    /// A handle for raw reads.
    pub(crate) async fn open_raw(&self) -> Result<MongoStore> {
        self.open_mongo(Batching::default()).await
    }
}

/// The database of the model on a store.
pub(crate) async fn database(store: Arc<dyn Store>) -> earnorm_core::Result<Database> {
    let registry = Registry::empty().model::<Account>().model::<Purse>().hooks_of::<Purse>().model::<Tally>();
    Database::builder().registry(registry).store(store).await
}
