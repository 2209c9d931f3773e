//! What `#[model]` implements.

#[cfg(test)]
pub(crate) mod sample;

use std::collections::BTreeMap;
use std::fmt::{Debug, Display};
use std::future::Future;
use std::hash::Hash;

use bson::Document;
use bson::oid::ObjectId;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::database::Database;
use crate::diff::Changes;
use crate::entity::Entity;
use crate::error::{DecodeError, EncodeError, Error, Result};
use crate::event::Event;
use crate::history::{self, Revision};
use crate::query::{Field, Filter, Query};
use crate::schema::ModelSchema;
use crate::unit::Target;
use crate::validation::ValidationErrors;
use crate::value::{Fields, Value};
use crate::{load, retry};

/// A persisted struct: put `#[model]` above it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a model",
    label = "not a model",
    note = "write `#[model]` above `struct {Self}`"
)]
pub trait Model: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// The type of its id.
    type Id: ModelId;
    /// Its name, collection, fields and indexes.
    const SCHEMA: &'static ModelSchema;

    /// Its id, which never changes.
    fn id(&self) -> &Self::Id;

    /// The state document without the library's own fields; `_id` comes first.
    ///
    /// # Errors
    /// Names the field whose value has no stored form.
    fn encode(&self) -> Result<Document, EncodeError>;

    /// The instance from a state document.
    ///
    /// # Errors
    /// Names the field that is missing or of another type.
    fn decode(document: &Document) -> Result<Self, DecodeError> {
        Self::decode_fields(&Fields::of(document))
    }

    /// As [`Model::decode`], of fields that may still be bytes.
    ///
    /// # Errors
    /// As [`Model::decode`].
    #[doc(hidden)]
    fn decode_fields(fields: &Fields<'_>) -> Result<Self, DecodeError>;

    /// Adds every rule of `#[validate(…)]` on a field that is broken.
    fn check(&self, errors: &mut ValidationErrors);

    /// Sets the fields marked `created_at` or `updated_at`. `now` is in whole milliseconds.
    fn stamp(&mut self, stamp: Stamp, now: DateTime<Utc>);

    /// Whether a field is marked for this stamp.
    #[must_use]
    fn has_stamp(_stamp: Stamp) -> bool {
        false
    }

    /// Saves a new instance: see [`Entity::save`].
    ///
    /// # Errors
    /// As [`Entity::save`]; [`crate::Error::AlreadyExists`] when the id is taken, by a deleted instance too.
    fn create<'a, T: Target>(self, to: &'a T) -> impl Future<Output = Result<Entity<Self>>> + Send + 'a {
        async move {
            let mut entity = Entity::new(self);
            entity.save(to).await?;
            Ok(entity)
        }
    }

    /// A query over instances that match; it runs at `.all(&db)`, `.first(&db)` and their kin.
    fn find(filter: Filter<Self>) -> Query<Self> {
        Query::new(filter)
    }

    /// A query over all instances.
    fn all() -> Query<Self> {
        Query::new(Filter::always())
    }

    /// One instance by id; `None` when there is none or it is deleted. Within a unit of work, as the unit will leave it.
    ///
    /// # Errors
    /// [`crate::Error::Decode`] when the document does not fit the model; what the store answers.
    fn get<T: Target>(from: &T, id: impl Into<Self::Id>) -> impl Future<Output = Result<Option<Entity<Self>>>> + Send {
        let id = id.into();
        async move { load::get(from, &id, false).await }
    }

    /// As [`Model::get`], soft-deleted instances included.
    ///
    /// # Errors
    /// As [`Model::get`].
    fn get_with_deleted<T: Target>(
        from: &T,
        id: impl Into<Self::Id>,
    ) -> impl Future<Output = Result<Option<Entity<Self>>>> + Send {
        let id = id.into();
        async move { load::get(from, &id, true).await }
    }

    /// As [`Model::get`], where the instance must be there.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`], and as [`Model::get`].
    fn load<T: Target>(from: &T, id: impl Into<Self::Id>) -> impl Future<Output = Result<Entity<Self>>> + Send {
        let id = id.into();
        async move {
            let found = load::get(from, &id, false).await?;
            found.ok_or_else(|| Error::NotFound { model: Self::SCHEMA.name, id: id.to_string(), deleted: false })
        }
    }

    /// Every event of one instance with the state that it led to, oldest first. Empty when it never existed. Where the
    /// log was truncated it begins with the baseline that stands for what went.
    ///
    /// # Errors
    /// [`crate::Error::Fold`] or [`crate::Error::Decode`] when an event cannot be folded; what the store answers.
    fn history(db: &Database, id: impl Into<Self::Id>) -> impl Future<Output = Result<Vec<Revision<Self>>>> + Send {
        let id = id.into();
        async move { history::history(db, &id).await }
    }

    /// The instance as it was at a version, folded from the log; `None` where it was deleted. Version 0 is before its
    /// first event.
    ///
    /// # Errors
    /// [`crate::Error::InvalidQuery`] when the stream has no such version; [`crate::Error::Corrupt`] when the log was
    /// truncated behind it; as [`Model::history`].
    fn at_version(
        db: &Database,
        id: impl Into<Self::Id>,
        version: u64,
    ) -> impl Future<Output = Result<Option<Self>>> + Send {
        let id = id.into();
        async move { history::at_version(db, &id, version).await }
    }

    /// The instance as it was at a moment: its events before the first one that is later, folded. `None` before its
    /// first event and where it was deleted.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] when the log was truncated behind the moment; as [`Model::history`].
    fn as_of(
        db: &Database,
        id: impl Into<Self::Id>,
        moment: DateTime<Utc>,
    ) -> impl Future<Output = Result<Option<Self>>> + Send {
        let id = id.into();
        async move { history::as_of(db, &id, moment).await }
    }

    /// What differs between two versions of an instance, path by path. Version 0 is before its first event.
    ///
    /// # Errors
    /// As [`Model::at_version`].
    fn changes_between(
        db: &Database,
        id: impl Into<Self::Id>,
        from: u64,
        to: u64,
    ) -> impl Future<Output = Result<Changes>> + Send {
        let id = id.into();
        async move { history::changes_between::<Self>(db, &id, from, to).await }
    }

    /// Every instance, folded from the log alone in one reading by position: by the key of its stream, `None` where it
    /// is deleted. The state documents are not looked at. Holds all instances in memory.
    ///
    /// # Errors
    /// As [`Model::history`].
    fn fold_all(db: &Database) -> impl Future<Output = Result<BTreeMap<String, Option<Self>>>> + Send {
        history::fold_all(db)
    }

    /// Loads an instance, runs `change` on it and saves it; after a version conflict all of it again, hooks included,
    /// up to the builder's number of retries.
    ///
    /// # Errors
    /// What `change` answers; the last conflict; as [`Model::load`] and [`Entity::save`].
    fn retry_on_conflict<F>(
        db: &Database,
        id: impl Into<Self::Id>,
        change: F,
    ) -> impl Future<Output = Result<Entity<Self>>> + Send
    where
        F: FnMut(&mut Entity<Self>) -> Result<()> + Send,
    {
        let id = id.into();
        async move { retry::retry_on_conflict(db, id, change).await }
    }

    /// The instance whose unique field has the value that `model` has there, or `model` itself, saved. The second
    /// answer says whether it was created. Two callers at once get one instance.
    ///
    /// # Errors
    /// [`crate::Error::InvalidQuery`] when the field is not unique; as [`Entity::save`].
    fn find_or_create<U: Value + Send + 'static>(
        db: &Database,
        field: Field<Self, U>,
        model: Self,
    ) -> impl Future<Output = Result<(Entity<Self>, bool)>> + Send {
        async move { retry::find_or_create(db, &field, model).await }
    }

    /// Creates `model`, or changes the instance whose unique field has the same value: `change` gets the stored one and
    /// `model`. The change is retried after a conflict.
    ///
    /// # Errors
    /// As [`Model::find_or_create`].
    fn upsert<U, F>(
        db: &Database,
        field: Field<Self, U>,
        model: Self,
        change: F,
    ) -> impl Future<Output = Result<Entity<Self>>> + Send
    where
        U: Value + Send + 'static,
        F: FnMut(&mut Entity<Self>, &Self) + Send,
    {
        async move { retry::upsert(db, &field, model, change).await }
    }

    /// Brings a deleted instance back with its last state, also where its document is gone.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`] when it never existed, [`crate::Error::AlreadyExists`] when it is not deleted, and as
    /// [`Entity::restore`].
    fn restore(db: &Database, id: impl Into<Self::Id>) -> impl Future<Output = Result<Entity<Self>>> + Send {
        let id = id.into();
        async move { retry::restore(db, &id).await }
    }
}

/// A moment in an instance's life that a field may keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamp {
    /// The first save: fields marked `created_at`.
    Created,
    /// A save that writes: fields marked `updated_at`.
    Updated,
}

/// Types that can identify an instance: `Uuid`, `ObjectId`, `String`, `i64`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the id of a model",
    label = "not an id type",
    note = "use `Uuid`, `ObjectId`, `String` or `i64`"
)]
pub trait ModelId:
    Value + Clone + Display + Debug + Eq + Hash + Serialize + DeserializeOwned + Send + Sync + 'static
{
}

impl ModelId for Uuid {}
impl ModelId for ObjectId {}
impl ModelId for String {}
impl ModelId for i64 {}

/// A model that an event of type `E` may be raised on.
///
/// Every tracked model implements it for every event, without effect on its fields; a sourced model implements it
/// through `#[apply]` methods.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not apply `{E}`",
    label = "this event is not applied",
    note = "write `#[apply] fn name(&mut self, event: &{E})` in a `#[model] impl {Self}` block"
)]
pub trait Applies<E: Event>: Model {
    /// Changes the fields as the event says.
    fn apply_event(&mut self, event: &E);
}

/// An event that may be raised on `M`: the other side of [`Applies`].
#[diagnostic::on_unimplemented(
    message = "`{M}` does not apply `{Self}`",
    label = "this event is not applied",
    note = "write `#[apply] fn name(&mut self, event: &{Self})` in a `#[model] impl {M}` block"
)]
pub trait AppliedBy<M>: Event {
    /// Changes the fields as the event says.
    #[doc(hidden)]
    fn apply_to(&self, model: &mut M);
}

impl<M: Applies<E>, E: Event> AppliedBy<M> for E {
    fn apply_to(&self, model: &mut M) {
        model.apply_event(self);
    }
}

/// A sourced model that an event of type `E` makes.
#[diagnostic::on_unimplemented(
    message = "`{E}` does not start a `{Self}`",
    label = "no instance can be made from this event",
    note = "write `#[apply] fn name(event: &{E}) -> Self` in a `#[model] impl {Self}` block"
)]
pub trait StartsWith<E: Event>: Model {
    /// The instance that the first event makes.
    fn start_from(event: &E) -> Self;
}

/// An event that makes an instance of `M`: the other side of [`StartsWith`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not start a `{M}`",
    label = "no instance can be made from this event",
    note = "write `#[apply] fn name(event: &{Self}) -> Self` in a `#[model] impl {M}` block"
)]
pub trait Starts<M>: Event {
    /// An unsaved instance.
    #[doc(hidden)]
    fn begin(self, id: M::Id) -> Result<Entity<M>>
    where
        M: Model;
}

impl<M: StartsWith<E>, E: Event> Starts<M> for E {
    fn begin(self, id: M::Id) -> Result<Entity<M>> {
        Entity::start(id, self)
    }
}

/// Models whose pre hooks may change them: the tracked ones.
#[diagnostic::on_unimplemented(
    message = "a hook or handler of the sourced model `{Self}` cannot take `&mut self`",
    label = "sourced models change through events only",
    note = "take `&self` and raise an event: `cx.raise(…)` in a hook, `{Self}::load(cx, id)` and then `raise` in a handler"
)]
pub trait Tracked: Model {
    /// For generated code, which asks for the trait where the user wrote `&mut self`.
    #[doc(hidden)]
    const OK: () = ();
}

/// Models whose fields come from their own events: those with `#[model(sourced)]`.
#[diagnostic::on_unimplemented(
    message = "`#[apply]` works on sourced models, and `{Self}` is not one",
    label = "the library records what changes in `{Self}`",
    note = "write `#[model(sourced)]` above `struct {Self}`"
)]
pub trait Sourced: Model {
    /// For generated code, which asks for the trait where the user wrote `#[apply]`.
    #[doc(hidden)]
    const OK: () = ();
}

/// An `#[apply]` method of a sourced model; [`Applies`] is what callers ask for.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not apply `{E}`",
    label = "this event is not applied",
    note = "write `#[apply] fn name(&mut self, event: &{E})` in a `#[model] impl {Self}` block"
)]
pub trait ApplyMethod<E> {
    /// Changes the fields as the event says.
    fn apply_method(&mut self, event: &E);
}

/// Types that `created_at` and `updated_at` fields may have.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot keep a moment",
    label = "not a date",
    note = "`created_at` and `updated_at` fields are `DateTime<Utc>` or `Option<DateTime<Utc>>`"
)]
pub trait Moment {
    /// The field's value at a moment.
    fn at(moment: DateTime<Utc>) -> Self;
}

impl Moment for DateTime<Utc> {
    fn at(moment: DateTime<Utc>) -> Self {
        moment
    }
}

impl Moment for Option<DateTime<Utc>> {
    fn at(moment: DateTime<Utc>) -> Self {
        Some(moment)
    }
}
