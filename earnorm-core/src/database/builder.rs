//! Settings of a database.

use std::sync::Arc;
use std::time::Duration;

use super::{Database, Inner, Snapshots, notes};
use crate::backend::OpenOptions;
use crate::error::Result;
use crate::limits::Limits;
use crate::metadata::Metadata;
use crate::model::Model;
use crate::personal::{KeyStore, StoredKeys};
use crate::ports::{Clock, Ids, RandomIds, SystemClock};
use crate::reader::Reader;
use crate::registry::{CrateMarker, Registry};
use crate::schema::{CollectionSpec, ModelInfo};
use crate::snapshot::SnapshotPolicy;
use crate::store::Store;

/// Settings of a database. Everything has a default.
#[derive(Debug)]
#[must_use = "a builder does nothing until it connects"]
pub struct DatabaseBuilder {
    registry: Option<Registry>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    metadata: Metadata,
    options: OpenOptions,
    conflict_retries_max: u32,
    snapshots: Snapshots,
    keys: Option<Arc<dyn KeyStore>>,
}

impl Default for DatabaseBuilder {
    fn default() -> Self {
        Self {
            registry: None,
            clock: Arc::new(SystemClock),
            ids: Arc::new(RandomIds),
            metadata: Metadata::new(),
            options: OpenOptions::new(""),
            conflict_retries_max: 10,
            snapshots: Snapshots::default(),
            keys: None,
        }
    }
}

impl DatabaseBuilder {
    /// Names a model, which links its crate: a root for everything that `inventory` collects.
    pub fn model<M: Model>(mut self) -> Self {
        self.registry = Some(self.registry.unwrap_or_else(Registry::collected).model::<M>());
        self
    }

    /// Names a crate of models by its marker, which links it: see `earnorm::marker!`.
    pub fn models_of(self, marker: CrateMarker) -> Self {
        tracing::debug!(models = marker.name(), "crate linked");
        self
    }

    /// Uses these models and hooks and no others.
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = Some(registry);
        self
    }

    /// Takes time from here.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Takes ids of events and commits from here.
    pub fn ids(mut self, ids: impl Ids) -> Self {
        self.ids = Arc::new(ids);
        self
    }

    /// Metadata of everything that is written, unless a handle has its own.
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// How much one commit may hold: 1,000 writes and 8 MiB by default.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.options.limits = limits;
        self
    }

    /// The database's name, whatever the URI says.
    pub fn database(mut self, name: impl Into<String>) -> Self {
        self.options.database = Some(name.into());
        self
    }

    /// The start of the names of the library's own collections: `earnorm_` by default.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.options.prefix = Some(prefix.into());
        self
    }

    /// How many connections at most.
    pub fn pool_max(mut self, connections: u32) -> Self {
        self.options.pool_max = Some(connections);
        self
    }

    /// How long to look for a server: 5 s by default.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.options.connect_timeout = Some(timeout);
        self
    }

    /// How long a commit may take in all its attempts: 20 s by default.
    pub fn commit_timeout(mut self, timeout: Duration) -> Self {
        self.options.commit_timeout = Some(timeout);
        self
    }

    /// How long a reader waits before it fills a hole in the log: 100 ms by default. It bounds waiting, not safety.
    pub fn hole_grace(mut self, grace: Duration) -> Self {
        self.options.hole_grace = Some(grace);
        self
    }

    /// How often `retry_on_conflict`, `upsert` and `find_or_create` try again: 10 times by default.
    pub fn conflict_retries_max(mut self, retries: u32) -> Self {
        self.conflict_retries_max = retries;
        self
    }

    /// When folds of any model leave snapshots behind: every 200 events or 1 MiB by default.
    pub fn snapshots(mut self, policy: SnapshotPolicy) -> Self {
        self.snapshots.usual = policy;
        self
    }

    /// When folds of one model leave snapshots behind.
    pub fn snapshots_of<M: Model>(mut self, policy: SnapshotPolicy) -> Self {
        self.snapshots.own.insert(M::SCHEMA.name, policy);
        self
    }

    /// Keeps the keys of personal data here; by default they are in the store itself: see [`KeyStore`].
    pub fn key_store(mut self, keys: impl KeyStore) -> Self {
        self.keys = Some(Arc::new(keys));
        self
    }

    /// Connects: see [`Database::connect`].
    ///
    /// # Errors
    /// As [`Database::connect`].
    pub async fn connect(mut self, uri: impl Into<String>) -> Result<Database> {
        let registry = self.registry.take().unwrap_or_else(Registry::collected);
        registry.check()?;
        let options = OpenOptions { uri: OpenOptions::new(uri).uri, ..self.options.clone() };
        let store = options.open().await?;
        self.finish(registry, store).await
    }

    /// Uses a store that is open already: one of your own, or a decorated one.
    ///
    /// # Errors
    /// As [`Database::connect`].
    pub async fn store(mut self, store: Arc<dyn Store>) -> Result<Database> {
        let registry = self.registry.take().unwrap_or_else(Registry::collected);
        registry.check()?;
        self.finish(registry, store).await
    }

    async fn finish(self, registry: Registry, store: Arc<dyn Store>) -> Result<Database> {
        let specs: Vec<_> = registry.models().map(CollectionSpec::of).collect();
        let drift = store.admin().prepare(&specs).await?;
        for difference in &drift {
            tracing::warn!(%difference, "index differs from the models");
        }
        // A user without the right to write may still read.
        if let Err(error) = notes::keep(&*store, registry.models().map(ModelInfo::of)).await {
            tracing::warn!(%error, "the store keeps no notes of these models; tools without them know less");
        }
        let keys = self.keys.unwrap_or_else(|| Arc::new(StoredKeys::new(Arc::clone(&store))));
        let inner = Inner {
            reader: Reader::with_keys(store, keys, Arc::clone(&self.clock)),
            registry,
            clock: self.clock,
            ids: self.ids,
            drift,
            conflict_retries_max: self.conflict_retries_max,
            snapshots: self.snapshots,
        };
        Ok(Database { inner: Arc::new(inner), metadata: Arc::new(self.metadata) })
    }
}

impl Database {
    /// A database that knows no models, for tools that operate on what the library itself keeps. It creates nothing.
    #[must_use]
    pub fn without_models(reader: Reader) -> Self {
        let DatabaseBuilder { clock, ids, metadata, conflict_retries_max, snapshots, .. } = DatabaseBuilder::default();
        let (registry, drift) = (Registry::empty(), Vec::new());
        let inner = Inner { reader, registry, clock, ids, drift, conflict_retries_max, snapshots };
        Self { inner: Arc::new(inner), metadata: Arc::new(metadata) }
    }
}

#[cfg(test)]
mod tests {
    //! Every setting gets to where it is used, and none undoes another.

    use super::*;
    use crate::model::sample::Sample;

    #[test]
    fn a_setting_leaves_the_others_as_they_are() {
        let metadata = Metadata::new().actor("ada");
        let (usual, own) = (SnapshotPolicy::every(7), SnapshotPolicy::every(9));
        let limits = Limits { writes: 3, ..Limits::default() };
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let builder = Database::builder()
            .limits(limits)
            .database("app")
            .prefix("lib_")
            .pool_max(4)
            .connect_timeout(Duration::from_secs(1))
            .commit_timeout(Duration::from_secs(2))
            .hole_grace(Duration::from_secs(3))
            .conflict_retries_max(5)
            .snapshots(usual)
            .snapshots_of::<Sample>(own)
            .metadata(metadata.clone())
            .clock(FixedClock)
            .ids(FixedIds)
            .registry(Registry::empty())
            .models_of(CrateMarker::new("app"))
            .model::<Sample>();
        let options = &builder.options;
        assert_eq!(options.limits, limits);
        assert_eq!((options.database.as_deref(), options.prefix.as_deref()), (Some("app"), Some("lib_")));
        assert_eq!((options.pool_max, options.connect_timeout), (Some(4), seconds(1)));
        assert_eq!((options.commit_timeout, options.hole_grace), (seconds(2), seconds(3)));
        assert_eq!((builder.conflict_retries_max, builder.metadata), (5, metadata));
        assert_eq!((builder.snapshots.usual, builder.snapshots.own.get("sample")), (usual, Some(&own)));
        assert_eq!((builder.clock.now(), builder.ids.next()), (FixedClock.now(), FixedIds.next()));
        let registry = builder.registry.unwrap();
        assert_eq!(registry.models().map(|model| model.name).collect::<Vec<_>>(), ["sample"]);
    }

    #[derive(Debug)]
    struct FixedClock;

    impl Clock for FixedClock {
        fn now(&self) -> chrono::DateTime<chrono::Utc> {
            chrono::DateTime::UNIX_EPOCH
        }
    }

    #[derive(Debug)]
    struct FixedIds;

    impl Ids for FixedIds {
        fn next(&self) -> uuid::Uuid {
            uuid::Uuid::from_u128(7)
        }
    }
}
