//! Events as handlers take them: typed, with what stands beside them in the log.

use std::ops::Deref;
use std::sync::Arc;

use bson::Bson;
use earnorm_core::database::Database;
use earnorm_core::diff::Changes;
use earnorm_core::error::DecodeError;
use earnorm_core::event::{CREATED, DELETED, Event, RESTORED, RecordedEvent, UPDATED};
use earnorm_core::hook::BoxFuture;
use earnorm_core::model::Model;
use earnorm_core::query::Field;
use earnorm_core::value::Value;
use earnorm_core::{Error, Result};

/// A typed event with its place in the log. It derefs to its data: `event.cents`.
#[derive(Debug, Clone)]
pub struct Recorded<T> {
    data: T,
    event: Arc<RecordedEvent>,
}

impl<T> Recorded<T> {
    /// Its data.
    pub fn data(&self) -> &T {
        &self.data
    }

    /// Its data alone.
    pub fn into_data(self) -> T {
        self.data
    }

    /// The event as it stands in the log: id, stream, version, position, time, metadata.
    #[must_use]
    pub fn recorded(&self) -> &RecordedEvent {
        &self.event
    }
}

impl<T> Deref for Recorded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.data
    }
}

/// A new instance of a tracked model.
#[derive(Debug, Clone)]
pub struct Created<M>(pub M);

/// A deleted instance of a tracked model, with its last state.
#[derive(Debug, Clone)]
pub struct Deleted<M>(pub M);

/// A change of a tracked model, old and new values of what changed. Where a program of an older shape recorded it, both
/// states are upcast and compared.
#[derive(Debug, Clone)]
pub struct Updated<M> {
    changes: Changes,
    of: std::marker::PhantomData<fn() -> M>,
}

impl<M> Deref for Created<M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.0
    }
}

impl<M> Deref for Deleted<M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.0
    }
}

impl<M: Model> Updated<M> {
    /// Every path that changed.
    #[must_use]
    pub fn changes(&self) -> &Changes {
        &self.changes
    }

    /// Whether a field, or something below it, changed.
    #[must_use]
    pub fn changed<T>(&self, field: &Field<M, T>) -> bool {
        self.changes.touch(field)
    }

    /// Whether a field changed to this value: "became X".
    pub fn became<T: Value>(&self, field: &Field<M, T>, value: impl Into<T>) -> bool {
        let Ok(value) = value.into().encode() else { return false };
        self.changes.iter().any(|change| change.path == field.path() && change.new.as_ref() == Some(&value))
    }

    /// The value before, where the field itself changed.
    ///
    /// # Errors
    /// Says what is stored there instead.
    pub fn before<T: Value>(&self, field: &Field<M, T>) -> Result<Option<T>, DecodeError> {
        self.value(field, |change| change.old.as_ref())
    }

    /// The value now, where the field itself changed.
    ///
    /// # Errors
    /// Says what is stored there instead.
    pub fn after<T: Value>(&self, field: &Field<M, T>) -> Result<Option<T>, DecodeError> {
        self.value(field, |change| change.new.as_ref())
    }

    fn value<T: Value>(
        &self,
        field: &Field<M, T>,
        side: impl Fn(&earnorm_core::diff::Change) -> Option<&Bson>,
    ) -> Result<Option<T>, DecodeError> {
        let change = self.changes.iter().find(|change| change.path == field.path());
        change.map(|change| side(change).map_or_else(T::absent, T::decode)).transpose()
    }
}

/// What a handler can take: [`Recorded`] of an event struct, of [`Created`], [`Updated`] or [`Deleted`] of a model, or the
/// [`RecordedEvent`] itself.
#[diagnostic::on_unimplemented(
    message = "a handler cannot take `{Self}`",
    label = "not an event",
    note = "take `Recorded<E>` with `#[event]` above `struct E`, `Recorded<Created<M>>` and its kin, or `&RecordedEvent`"
)]
pub trait FromEvent: Sized + Send + Sync + 'static {
    /// The pattern of the events that it can be made of, for handlers that name none.
    fn pattern() -> Option<String>;

    /// Reads it.
    ///
    /// # Errors
    /// [`Error::WrongEvent`], [`Error::SchemaAhead`], [`Error::Upcast`], [`Error::Decode`]: all name the event.
    fn from_event<'a>(event: &'a Arc<RecordedEvent>, db: &'a Database) -> BoxFuture<'a, Result<Self>>;
}

impl FromEvent for Arc<RecordedEvent> {
    fn pattern() -> Option<String> {
        None
    }

    fn from_event<'a>(event: &'a Arc<RecordedEvent>, _: &'a Database) -> BoxFuture<'a, Result<Self>> {
        Box::pin(async { Ok(Arc::clone(event)) })
    }
}

/// The typed data of an event.
pub trait EventData: Sized + Send + Sync + 'static {
    /// The pattern of its events.
    fn pattern() -> String;

    /// Reads it.
    #[doc(hidden)]
    fn read<'a>(event: &'a RecordedEvent, db: &'a Database) -> BoxFuture<'a, Result<Self>>;
}

impl<T: EventData> FromEvent for Recorded<T> {
    fn pattern() -> Option<String> {
        Some(T::pattern())
    }

    fn from_event<'a>(event: &'a Arc<RecordedEvent>, db: &'a Database) -> BoxFuture<'a, Result<Self>> {
        Box::pin(async move {
            let data = T::read(event, db).await?;
            Ok(Self { data, event: Arc::clone(event) })
        })
    }
}

impl<E: Event> EventData for E {
    fn pattern() -> String {
        format!("**.{}", E::NAME)
    }

    fn read<'a>(event: &'a RecordedEvent, db: &'a Database) -> BoxFuture<'a, Result<Self>> {
        Box::pin(async move { event.read::<E>(db) })
    }
}

impl<M: Model> EventData for Created<M> {
    fn pattern() -> String {
        format!("{}.{CREATED}", M::SCHEMA.name)
    }

    fn read<'a>(event: &'a RecordedEvent, db: &'a Database) -> BoxFuture<'a, Result<Self>> {
        Box::pin(async move {
            if ![CREATED, RESTORED].contains(&event.name()) {
                return Err(wrong(event, CREATED));
            }
            event.read_model(db).map(Self)
        })
    }
}

impl<M: Model> EventData for Deleted<M> {
    fn pattern() -> String {
        format!("{}.{DELETED}", M::SCHEMA.name)
    }

    fn read<'a>(event: &'a RecordedEvent, db: &'a Database) -> BoxFuture<'a, Result<Self>> {
        Box::pin(async move {
            if event.name() != DELETED {
                return Err(wrong(event, DELETED));
            }
            event.read_model(db).map(Self)
        })
    }
}

impl<M: Model> EventData for Updated<M> {
    fn pattern() -> String {
        format!("{}.{UPDATED}", M::SCHEMA.name)
    }

    fn read<'a>(event: &'a RecordedEvent, db: &'a Database) -> BoxFuture<'a, Result<Self>> {
        Box::pin(async move {
            let changes = event.read_changes_of::<M>(db).await?;
            Ok(Self { changes, of: std::marker::PhantomData })
        })
    }
}

fn wrong(event: &RecordedEvent, expected: &'static str) -> Error {
    let subject = format!("{} of {} at position {}", event.event_type, event.stream, event.position);
    Error::WrongEvent { subject, expected }
}
