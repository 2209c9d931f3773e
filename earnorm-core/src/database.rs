//! The handle that users hold.

mod builder;
mod notes;

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::entity::Entity;
use crate::error::Result;
use crate::event::RecordedEvent;
use crate::fold::Folder;
use crate::hook::HookInfo;
use crate::metadata::Metadata;
use crate::model::{Model, Starts};
use crate::ports::{Clock, Ids};
use crate::reader::Reader;
use crate::registry::{Plan, Registry};
use crate::schema::ModelSchema;
use crate::snapshot::SnapshotPolicy;
use crate::store::{Drift, LogPage, LogQuery, Store, StreamQuery};
use crate::unit::UnitOfWork;
use crate::upcast::Upcasters;
use crate::value::to_millis;

pub use builder::DatabaseBuilder;
pub use notes::models_of;

/// A database: a store, the models and hooks that it knows, and the metadata of this handle. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Database {
    inner: Arc<Inner>,
    metadata: Arc<Metadata>,
}

#[derive(Debug)]
struct Inner {
    reader: Reader,
    registry: Registry,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    drift: Vec<Drift>,
    conflict_retries_max: u32,
    snapshots: Snapshots,
}

/// When folds leave snapshots behind, by model's name.
#[derive(Debug, Clone, Default)]
struct Snapshots {
    usual: SnapshotPolicy,
    own: HashMap<&'static str, SnapshotPolicy>,
}

impl Database {
    /// Connects with every model that is linked into the program: `memory:`, or `mongodb://host/name?replicaSet=rs0`.
    ///
    /// Creates the collections and indexes that are missing; an index that differs is reported by
    /// [`Database::drift`] and in the log, and never dropped.
    ///
    /// # Errors
    /// [`crate::Error::Connect`] when the store is out of reach or not fit (passwords hidden), [`crate::Error::Registry`] when there
    /// are no models or two of them clash.
    pub async fn connect(uri: impl Into<String>) -> Result<Self> {
        Self::builder().connect(uri).await
    }

    /// Starts a database with settings of its own.
    pub fn builder() -> DatabaseBuilder {
        DatabaseBuilder::default()
    }

    /// The same database with metadata for everything that is written through the new handle.
    #[must_use]
    pub fn with_metadata(&self, metadata: Metadata) -> Self {
        Self { inner: Arc::clone(&self.inner), metadata: Arc::new(metadata) }
    }

    /// The metadata of this handle.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Starts a unit of work: many writes, one commit.
    #[must_use]
    pub fn unit(&self) -> UnitOfWork {
        UnitOfWork::new(self.clone())
    }

    /// Runs a closure with a unit of work and commits it. The closure runs once; when it fails nothing is written.
    ///
    /// ```text
    /// db.transaction(async |unit| {
    ///     order.save(unit).await?;
    ///     stock.save(unit).await
    /// }).await?;
    /// ```
    ///
    /// # Errors
    /// What the closure answers, or what [`UnitOfWork::commit`] does.
    pub async fn transaction<T, F>(&self, work: F) -> Result<T>
    where
        F: AsyncFnOnce(&UnitOfWork) -> Result<T>,
    {
        let unit = self.unit();
        let value = work(&unit).await?;
        unit.commit().await?;
        Ok(value)
    }

    /// Saves a new instance: see [`Model::create`].
    ///
    /// # Errors
    /// As [`Model::create`].
    pub async fn create<M: Model>(&self, model: M) -> Result<Entity<M>> {
        model.create(self).await
    }

    /// Saves new instances in one commit: all of them or none.
    ///
    /// # Errors
    /// As [`Model::create`]; [`crate::Error::CommitTooLarge`] beyond the limits of a commit.
    pub async fn create_many<M: Model>(&self, models: impl IntoIterator<Item = M> + Send) -> Result<Vec<Entity<M>>> {
        let models: Vec<_> = models.into_iter().collect();
        let unit = self.unit();
        let mut entities = Vec::with_capacity(models.len());
        for model in models {
            entities.push(model.create(&unit).await?);
        }
        unit.commit().await?;
        Ok(entities)
    }

    /// One instance by id: see [`Model::get`].
    ///
    /// # Errors
    /// As [`Model::get`].
    pub async fn get<M: Model>(&self, id: impl Into<M::Id> + Send) -> Result<Option<Entity<M>>> {
        M::get(self, id).await
    }

    /// Saves a new sourced instance with its first event.
    ///
    /// # Errors
    /// As [`Entity::start`] and [`Entity::save`].
    pub async fn start<M: Model>(&self, id: impl Into<M::Id> + Send, event: impl Starts<M>) -> Result<Entity<M>> {
        let mut entity = event.begin(id.into())?;
        entity.save(self).await?;
        Ok(entity)
    }

    /// The store below.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        self.inner.reader.store()
    }

    /// The models that it knows, by name.
    #[must_use]
    pub fn models(&self) -> Vec<&'static ModelSchema> {
        self.inner.registry.models().collect()
    }

    /// Every hook, in the order in which hooks of one phase run.
    #[must_use]
    pub fn hooks(&self) -> Vec<HookInfo> {
        self.inner.registry.hooks()
    }

    /// The models, hooks and upcasters that it was built with.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.inner.registry
    }

    /// Indexes that are there, but not as the models say.
    #[must_use]
    pub fn drift(&self) -> &[Drift] {
        &self.inner.drift
    }

    /// Lets running commits finish and gives connections back. Later calls through any clone answer
    /// [`crate::Error::Closed`].
    ///
    /// # Errors
    /// What the store answers.
    pub async fn close(&self) -> Result<()> {
        self.store().close().await
    }

    pub(crate) fn plan<M: Model>(&self) -> Result<Arc<Plan<M>>> {
        self.inner.registry.plan::<M>()
    }

    pub(crate) fn upcasters(&self) -> &Arc<Upcasters> {
        self.inner.registry.upcasters()
    }

    /// What folds the streams of a model, by its name.
    ///
    /// # Errors
    /// [`crate::Error::Unregistered`] when this database does not know the model.
    pub fn folder(&self, model: &str) -> Result<Arc<dyn Folder>> {
        let unknown = || crate::Error::InvalidName {
            what: "model",
            name: model.to_owned(),
            hint: "name a model that is registered with this database",
        };
        self.inner.registry.folder(model).ok_or_else(unknown)?
    }

    /// What reads the log of this database.
    #[must_use]
    pub fn reader(&self) -> &Reader {
        &self.inner.reader
    }

    /// Reads a stream as every part of the library does.
    pub(crate) async fn read_stream(&self, query: StreamQuery) -> Result<Vec<RecordedEvent>> {
        self.reader().read_stream(query).await
    }

    /// A page of the log as every part of the library reads it: see [`Reader::read_log`].
    ///
    /// # Errors
    /// As [`Reader::read_log`].
    pub async fn read_log(&self, query: LogQuery) -> Result<LogPage> {
        self.reader().read_log(query).await
    }

    #[doc(hidden)]
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        to_millis(self.inner.clock.now())
    }

    #[doc(hidden)]
    #[must_use]
    pub fn next_id(&self) -> Uuid {
        self.inner.ids.next()
    }

    pub(crate) fn snapshot_policy<M: Model>(&self) -> SnapshotPolicy {
        let snapshots = &self.inner.snapshots;
        snapshots.own.get(M::SCHEMA.name).copied().unwrap_or(snapshots.usual)
    }

    pub(crate) fn conflict_retries_max(&self) -> u32 {
        self.inner.conflict_retries_max
    }
}
