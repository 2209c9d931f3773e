//! What hooks are given.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use bson::Document;

use crate::database::Database;
use crate::diff::Changes;
use crate::entity::{Entity, KeptState, Raised};
use crate::error::{Error, Result};
use crate::metadata::Metadata;
use crate::model::{AppliedBy, Model};
use crate::save::Receipt;
use crate::unit::Scope;

/// What is done to an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// Its first save.
    Create,
    /// A later save.
    Update,
    /// A delete.
    Delete,
    /// Its return after a delete; update hooks run.
    Restore,
}

type Effect<M> = Box<dyn FnOnce(&mut M) + Send + Sync>;

/// What a pre hook is given: what is done, what was there before, and a way to write more in the same commit.
///
/// Pass `cx` where a `save` or `get` takes a database: the write joins the commit, and is forgotten when it fails.
pub struct PreContext<'c, M> {
    scope: Arc<Scope>,
    operation: Operation,
    before: Option<KeptState>,
    raised: Vec<(Raised, Effect<M>)>,
    of: PhantomData<&'c mut M>,
}

impl<M> fmt::Debug for PreContext<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreContext").field("operation", &self.operation).finish_non_exhaustive()
    }
}

impl<M: Model> PreContext<'_, M> {
    pub(crate) fn new(scope: Arc<Scope>, operation: Operation, before: Option<KeptState>) -> Self {
        Self { scope, operation, before, raised: Vec::new(), of: PhantomData }
    }

    pub(crate) fn scope(&self) -> &Arc<Scope> {
        &self.scope
    }

    pub(crate) fn take_raised(&mut self) -> Vec<(Raised, Effect<M>)> {
        std::mem::take(&mut self.raised)
    }

    /// What is done.
    #[must_use]
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// Whether the instance is saved for the first time.
    #[must_use]
    pub fn is_create(&self) -> bool {
        self.operation == Operation::Create
    }

    /// The instance as it was loaded; `None` on a create.
    ///
    /// # Errors
    /// [`Error::Decode`] when the stored document does not fit the model any more.
    pub fn before(&self) -> Result<Option<M>> {
        self.before.as_deref().map(|document| decode_before(document)).transpose()
    }

    /// What `now` changes against what was loaded: call it with `self`.
    ///
    /// # Errors
    /// [`Error::Encode`] when a value has no stored form.
    pub fn changes(&self, now: &M) -> Result<Changes> {
        let document = super::encode(now)?;
        Ok(Changes::between(self.before.as_deref().unwrap_or(&Document::new()), &document))
    }

    /// The metadata of the write.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        self.scope.database().metadata()
    }

    /// The database, to read from. What is written through it does not join the commit.
    #[must_use]
    pub fn database(&self) -> &Database {
        self.scope.database()
    }

    /// Adds a new instance to the same commit.
    ///
    /// # Errors
    /// [`Error::Validation`], [`Error::Veto`].
    pub async fn create<N: Model>(&self, model: N) -> Result<Entity<N>> {
        model.create(self).await
    }

    /// An instance by id, as this commit will leave it.
    ///
    /// # Errors
    /// What the store answers.
    pub async fn get<N: Model>(&self, id: impl Into<N::Id> + Send) -> Result<Option<Entity<N>>> {
        N::get(self, id).await
    }

    /// Raises an event on the instance; it is applied when this hook returns and recorded with the write.
    ///
    /// # Errors
    /// [`Error::Encode`] when a value of the event has no stored form.
    pub fn raise<E: AppliedBy<M>>(&mut self, event: E) -> Result<()> {
        let raised = Raised::of::<M, E>(&event)?;
        self.raised.push((raised, Box::new(move |model| event.apply_to(model))));
        Ok(())
    }
}

/// What a post hook is given: the write is durable.
pub struct PostContext<'c, M> {
    pub(crate) db: &'c Database,
    pub(crate) operation: Operation,
    pub(crate) before: Option<&'c Document>,
    pub(crate) after: &'c Document,
    pub(crate) version: u64,
    pub(crate) receipt: &'c Receipt,
    pub(crate) of: PhantomData<fn() -> M>,
}

impl<M> fmt::Debug for PostContext<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostContext").field("operation", &self.operation).field("version", &self.version).finish()
    }
}

impl<M: Model> PostContext<'_, M> {
    /// What was done.
    #[must_use]
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// The version that the write made.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The instance as it was before; `None` after a create.
    ///
    /// # Errors
    /// [`Error::Decode`] when the old document does not fit the model any more.
    pub fn before(&self) -> Result<Option<M>> {
        self.before.map(|document| decode_before(document)).transpose()
    }

    /// What the write changed.
    #[must_use]
    pub fn changes(&self) -> Changes {
        Changes::between(self.before.unwrap_or(&Document::new()), self.after)
    }

    /// What the whole commit became.
    #[must_use]
    pub fn receipt(&self) -> &Receipt {
        self.receipt
    }

    /// The metadata of the write.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        self.db.metadata()
    }

    /// The database. What is written through it is a commit of its own.
    #[must_use]
    pub fn database(&self) -> &Database {
        self.db
    }
}

fn decode_before<M: Model>(document: &Document) -> Result<M> {
    M::decode(document)
        .map_err(|source| Error::Decode { subject: format!("earlier state of {}", M::SCHEMA.name), source })
}
