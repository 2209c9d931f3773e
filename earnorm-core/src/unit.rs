//! Units of work: many writes, one commit.

mod scope;

use std::sync::{Arc, Mutex};

use crate::database::Database;
use crate::entity::{Entity, lock};
use crate::error::{Error, Result};
use crate::model::{Model, Starts};
use crate::save::{self, PreContext, Receipt};

pub(crate) use scope::{Buffer, PostJob, Staged};
#[doc(hidden)]
pub use scope::{Riders, Scope};

/// Writes that become durable together, or not at all.
///
/// A save within a unit runs validation and pre hooks at once and stages the values as they are; the entities' versions
/// move, and post hooks run, when [`UnitOfWork::commit`] succeeds. `get` by id sees staged writes, queries do not.
/// Dropping a unit that was not committed writes nothing.
#[derive(Debug)]
pub struct UnitOfWork {
    db: Database,
    scope: Mutex<Option<Arc<Scope>>>,
}

impl UnitOfWork {
    pub(crate) fn new(db: Database) -> Self {
        let scope = Mutex::new(Some(Scope::root(db.clone())));
        Self { db, scope }
    }

    /// Stages a new instance.
    ///
    /// # Errors
    /// [`Error::Validation`], [`Error::Veto`], [`Error::UnitClosed`].
    pub async fn create<M: Model>(&self, model: M) -> Result<Entity<M>> {
        model.create(self).await
    }

    /// Stages a new sourced instance with its first event.
    ///
    /// # Errors
    /// As [`Entity::start`] and [`Entity::save`].
    pub async fn start<M: Model>(&self, id: impl Into<M::Id> + Send, event: impl Starts<M>) -> Result<Entity<M>> {
        let mut entity = event.begin(id.into())?;
        entity.save(self).await?;
        Ok(entity)
    }

    /// An instance by id, as this unit will leave it.
    ///
    /// # Errors
    /// What the store answers.
    pub async fn get<M: Model>(&self, id: impl Into<M::Id> + Send) -> Result<Option<Entity<M>>> {
        M::get(self, id).await
    }

    /// Makes everything durable in one commit, then runs the post hooks in the order of staging.
    ///
    /// # Errors
    /// [`Error::Conflict`], [`Error::Unique`], [`Error::AlreadyExists`], [`Error::CommitTooLarge`]: nothing was written,
    /// and every entity keeps its version. [`Error::UnitClosed`] when it was committed before.
    pub async fn commit(&self) -> Result<Receipt> {
        let scope = lock(&self.scope).take().ok_or(Error::UnitClosed)?;
        save::commit(&self.db, scope.drain()).await
    }

    /// Forgets everything that was staged. A unit that is dropped does the same.
    pub fn rollback(&self) {
        lock(&self.scope).take();
    }

    fn open(&self) -> Result<Arc<Scope>> {
        lock(&self.scope).clone().ok_or(Error::UnitClosed)
    }
}

/// Which types are targets: this crate's, and the contexts of handlers.
#[doc(hidden)]
pub mod sealed {
    pub trait Sealed {}
    impl Sealed for crate::database::Database {}
    impl Sealed for super::UnitOfWork {}
    impl<M: crate::model::Model> Sealed for crate::save::PreContext<'_, M> {}
}

/// Where a write goes: a [`Database`] (durable at once), a [`UnitOfWork`], or the context of a pre hook (staged).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no place to write to",
    note = "pass `&db`, `&unit`, or the context of a pre hook"
)]
pub trait Target: sealed::Sealed + Send + Sync {
    /// What a write answers: a [`Receipt`] when it is durable, nothing when it is staged.
    type Receipt: Send;

    /// The database behind it.
    #[doc(hidden)]
    fn database(&self) -> &Database;

    /// A place for the writes of one call.
    #[doc(hidden)]
    fn enter(&self) -> Result<Arc<Scope>>;

    /// Hands the writes of a call on, or commits them.
    #[doc(hidden)]
    fn leave(&self, scope: Arc<Scope>) -> impl Future<Output = Result<Self::Receipt>> + Send;
}

impl Target for Database {
    type Receipt = Receipt;

    fn database(&self) -> &Database {
        self
    }

    fn enter(&self) -> Result<Arc<Scope>> {
        Ok(Scope::root(self.clone()))
    }

    async fn leave(&self, scope: Arc<Scope>) -> Result<Receipt> {
        save::commit(self, scope.drain()).await
    }
}

impl Target for UnitOfWork {
    type Receipt = ();

    fn database(&self) -> &Database {
        &self.db
    }

    fn enter(&self) -> Result<Arc<Scope>> {
        Ok(Scope::child(&self.open()?))
    }

    async fn leave(&self, scope: Arc<Scope>) -> Result<()> {
        // The unit may have been committed while a hook of this save was running.
        self.open()?;
        scope.merge();
        Ok(())
    }
}

impl<M: Model> Target for PreContext<'_, M> {
    type Receipt = ();

    fn database(&self) -> &Database {
        self.scope().database()
    }

    fn enter(&self) -> Result<Arc<Scope>> {
        Ok(Scope::child(self.scope()))
    }

    async fn leave(&self, scope: Arc<Scope>) -> Result<()> {
        scope.merge();
        Ok(())
    }
}
