//! An instance in memory: the user's struct, its version, and what was loaded.

mod kept;
mod state;

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex};

use bson::Document;
use serde::{Serialize, Serializer};

use crate::diff::Changes;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::model::{AppliedBy, Model, StartsWith};
use crate::save::{self, Receipt};
use crate::stream::StreamId;
use crate::unit::Target;
use crate::value::Value;

pub(crate) use kept::KeptState;
pub(crate) use state::{Before, Internals, Loaded, Raised, State, lock};

/// A model instance with its version and what was loaded. It derefs to the model: change fields, then [`Entity::save`].
///
/// A clone is independent: it has the same version, and whichever is saved first wins.
pub struct Entity<M: Model> {
    pub(crate) model: M,
    pub(crate) state: Arc<Mutex<State>>,
}

impl<M: Model> Entity<M> {
    pub(crate) fn new(model: M) -> Self {
        Self { model, state: Arc::default() }
    }

    pub(crate) fn loaded(model: M, loaded: Loaded) -> Self {
        Self { model, state: Arc::new(Mutex::new(State::of(loaded))) }
    }

    /// The version of the last durable event; 0 before the first save, or before the unit of work commits.
    #[must_use]
    pub fn version(&self) -> u64 {
        lock(&self.state).settled.version
    }

    /// Whether the instance was deleted.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        let state = lock(&self.state);
        state.settled.version > 0 && !state.settled.live
    }

    /// What the last durable write through this entity became; `None` before the first.
    #[must_use]
    pub fn receipt(&self) -> Option<Receipt> {
        lock(&self.state).receipt.clone()
    }

    /// What differs from what was loaded or last saved.
    ///
    /// # Errors
    /// [`Error::Encode`] when a value has no stored form.
    pub fn changes(&self) -> Result<Changes> {
        let document = save::encode(&self.model)?;
        let loaded = lock(&self.state).settled.document.clone();
        Ok(Changes::between(loaded.as_deref().unwrap_or(&Document::new()), &document))
    }

    /// The model alone.
    #[must_use]
    pub fn into_inner(self) -> M {
        self.model
    }

    /// Applies a domain event now and records it at the next save.
    ///
    /// On a tracked model the event changes nothing: it is recorded beside the change and handlers see it.
    ///
    /// # Errors
    /// [`Error::Encode`] when a value of the event has no stored form; nothing is applied then.
    pub fn raise<E: AppliedBy<M>>(&mut self, event: E) -> Result<()> {
        let raised = Raised::of::<M, E>(&event)?;
        event.apply_to(&mut self.model);
        lock(&self.state).raised.push(raised);
        Ok(())
    }

    /// A sourced instance from its first event, not saved yet.
    ///
    /// # Errors
    /// [`Error::Encode`] when a value of the event has no stored form, or when the event made an instance with another
    /// id than `id`.
    pub fn start<E: Event>(id: M::Id, event: E) -> Result<Self>
    where
        M: StartsWith<E>,
    {
        let raised = Raised::of::<M, E>(&event)?;
        let model = M::start_from(&event);
        if *model.id() != id {
            return Err(Error::InvalidCommit {
                reason: format!("`{}` made {} `{}` where `{id}` was to start", E::NAME, M::SCHEMA.name, model.id()),
            });
        }
        let entity = Self::new(model);
        lock(&entity.state).raised.push(raised);
        Ok(entity)
    }

    /// Saves what changed: `validate → pre hooks → validate → commit → post hooks`.
    ///
    /// With a [`crate::database::Database`] it is durable when this returns. With a unit of work, or the context of a
    /// pre hook, validation and pre hooks run now and the values are staged as they are. An unchanged entity writes
    /// nothing. Dropping the future leaves the write wholly done or wholly not; post hooks may then be lost.
    ///
    /// # Errors
    /// [`Error::Validation`], [`Error::Veto`], [`Error::Conflict`] when someone else was first, [`Error::Unique`],
    /// [`Error::AlreadyExists`] on a new instance whose id is taken. The entity is then as it was.
    pub fn save<'a, T: Target>(&'a mut self, to: &'a T) -> impl Future<Output = Result<T::Receipt>> + Send + 'a {
        save::save(self, to)
    }

    /// Deletes the instance: the document goes, or stays hidden on a soft-deleting model; the history stays.
    ///
    /// # Errors
    /// As [`Entity::save`]; [`Error::NotFound`] when it is deleted already or was never saved.
    pub fn delete<'a, T: Target>(&'a mut self, to: &'a T) -> impl Future<Output = Result<T::Receipt>> + Send + 'a {
        save::delete(self, to, false)
    }

    /// Deletes the document also on a soft-deleting model. The history stays.
    ///
    /// # Errors
    /// As [`Entity::delete`]; a soft-deleted instance may be deleted so.
    pub fn hard_delete<'a, T: Target>(&'a mut self, to: &'a T) -> impl Future<Output = Result<T::Receipt>> + Send + 'a {
        save::delete(self, to, true)
    }

    /// Brings a deleted instance back with the values it has in memory.
    ///
    /// # Errors
    /// As [`Entity::save`], [`Error::Unique`] when a value was taken meanwhile.
    pub fn restore<'a, T: Target>(&'a mut self, to: &'a T) -> impl Future<Output = Result<T::Receipt>> + Send + 'a {
        save::restore(self, to)
    }

    /// Takes the current state from the store; changes and raised events that were not saved are lost.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is gone.
    pub async fn reload<T: Target>(&mut self, from: &T) -> Result<()> {
        let id = self.model.id().clone();
        let fresh = M::load(from, id).await?;
        *self = fresh;
        Ok(())
    }

    /// Saves the values that the instance had at an earlier version, as an ordinary save with its hooks.
    ///
    /// # Errors
    /// As [`Entity::save`]; [`Error::Unsupported`] on a sourced model, whose past is compensated by events.
    pub async fn revert_to<T: Target>(&mut self, to: &T, version: u64) -> Result<T::Receipt> {
        if M::SCHEMA.kind == crate::schema::ModelKind::Sourced {
            let what = "revert a sourced model; raise events that undo the others";
            return Err(Error::Unsupported { store: "event-sourced", what });
        }
        let id = self.model.id().clone();
        let Some(past) = M::at_version(to.database(), id.clone(), version).await? else {
            return Err(Error::NotFound { model: M::SCHEMA.name, id: id.to_string(), deleted: true });
        };
        let mut reverted = Self { model: past, state: Arc::clone(&self.state) };
        let receipt = save::save(&mut reverted, to).await?;
        self.model = reverted.model;
        Ok(receipt)
    }

    /// The stream of its events.
    ///
    /// # Errors
    /// [`Error::InvalidName`] when the id cannot name a stream, such as an empty text.
    pub fn stream(&self) -> Result<StreamId> {
        stream_of::<M>(self.model.id())
    }
}

pub(crate) fn stream_of<M: Model>(id: &M::Id) -> Result<StreamId> {
    StreamId::new(M::SCHEMA.name, id.to_string())
}

pub(crate) fn stored_id<M: Model>(id: &M::Id) -> Result<bson::Bson> {
    id.encode()
        .map_err(|source| Error::Encode { subject: format!("{} `{id}`", M::SCHEMA.name), source: source.at("_id") })
}

impl<M: Model> Deref for Entity<M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.model
    }
}

impl<M: Model> DerefMut for Entity<M> {
    fn deref_mut(&mut self) -> &mut M {
        &mut self.model
    }
}

impl<M: Model> Clone for Entity<M> {
    fn clone(&self) -> Self {
        Self { model: self.model.clone(), state: Arc::new(Mutex::new(lock(&self.state).copy())) }
    }
}

impl<M: Model + fmt::Debug> fmt::Debug for Entity<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entity").field("version", &self.version()).field("model", &self.model).finish()
    }
}

impl<M: Model> Serialize for Entity<M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.model.serialize(serializer)
    }
}
