//! What `#[model]` implements.

use std::fmt::{Debug, Display};
use std::hash::Hash;

use bson::Document;
use bson::oid::ObjectId;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::error::{DecodeError, EncodeError};
use crate::event::Event;
use crate::schema::ModelSchema;
use crate::validation::ValidationErrors;
use crate::value::Value;

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
    fn decode(document: &Document) -> Result<Self, DecodeError>;

    /// Adds every rule of `#[validate(…)]` on a field that is broken.
    fn check(&self, errors: &mut ValidationErrors);

    /// Sets the fields marked `created_at` or `updated_at`. `now` is in whole milliseconds.
    fn stamp(&mut self, stamp: Stamp, now: DateTime<Utc>);

    /// Whether a field is marked for this stamp.
    #[must_use]
    fn has_stamp(_stamp: Stamp) -> bool {
        false
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

/// Models whose pre hooks may change them: the tracked ones.
#[diagnostic::on_unimplemented(
    message = "a hook of the sourced model `{Self}` cannot take `&mut self`",
    label = "sourced models change through events only",
    note = "take `&self` and raise an event: `cx.raise(…)`"
)]
pub trait Tracked: Model {}
