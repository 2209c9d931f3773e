//! Events: facts, before and after the store gave them a version and a position.

mod data;

use std::any::{TypeId, type_name};

use bson::Document;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

pub use self::data::RecordedData;
use crate::database::Database;
use crate::diff::Changes;
use crate::error::{DecodeError, EncodeError, Error, Result};
use crate::fold;
use crate::metadata::Metadata;
use crate::model::Model;
use crate::position::Position;
use crate::schema::ModelKind;
use crate::shape::Field;
use crate::stream::StreamId;
use crate::upcast::Span;
use crate::value::Value;

/// Event names that only the library records: the life of a tracked model's document, and erased personal data.
pub const RESERVED_EVENTS: [&str; 6] = [CREATED, UPDATED, DELETED, RESTORED, ERASED, BASELINE];
/// The first event of a tracked model: its whole document.
pub const CREATED: &str = "created";
/// A change of a tracked model: a list of path, new value or unset, old value.
pub const UPDATED: &str = "updated";
/// The end of an instance: its last state.
pub const DELETED: &str = "deleted";
/// The return of a deleted instance: its whole document.
pub const RESTORED: &str = "restored";
/// The personal data of a subject was erased from an instance's history.
pub const ERASED: &str = "erased";
/// The whole state of an instance at a version, from which a fold may start: `{state, live}`.
pub const BASELINE: &str = "baseline";

/// A domain event: a plain struct with `#[event(name = "…", version = N)]` above it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event",
    label = "not an event",
    note = "write `#[event(name = \"…\")]` above `struct {Self}`"
)]
pub trait Event: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// Its name within a model's category: a lower-case word such as `payment_received`.
    const NAME: &'static str;
    /// The version of its shape, 1 or more.
    const VERSION: u32;
    /// The stored names of its personal fields, which are sealed with the key of the instance's subject: see
    /// [`crate::personal`].
    const PERSONAL: &'static [&'static str] = &[];
    /// Its stored fields: see [`crate::shape`]. Events written by hand may leave them out, and are then locked by their
    /// version alone.
    const FIELDS: &'static [Field] = &[];

    /// The event's data as stored.
    ///
    /// # Errors
    /// Names the field that has no stored form, such as a `u64` above `i64::MAX`.
    fn encode(&self) -> Result<Document, EncodeError>;

    /// The event from stored data of the same version.
    ///
    /// # Errors
    /// Names the field that is missing or of another type.
    fn decode(data: &Document) -> Result<Self, DecodeError>;
}

/// An event struct that is linked into the program.
#[derive(Debug, Clone, Copy)]
pub struct EventRegistration {
    pub(crate) type_id: fn() -> TypeId,
    pub(crate) rust_path: fn() -> &'static str,
    pub(crate) name: &'static str,
    pub(crate) version: u32,
    pub(crate) fields: &'static [Field],
}

impl EventRegistration {
    /// The registration of `E`.
    #[must_use]
    pub const fn of<E: Event>() -> Self {
        let (type_id, rust_path) = (TypeId::of::<E>, type_name::<E>);
        Self { type_id, rust_path, name: E::NAME, version: E::VERSION, fields: E::FIELDS }
    }
}

inventory::collect!(EventRegistration);

/// An event on its way into the store.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// A UUIDv7, unique in the log.
    pub id: Uuid,
    /// The full name: `user.created`.
    pub event_type: String,
    /// The version of the shape of `data`.
    pub schema_version: u32,
    /// What happened.
    pub data: Document,
    /// Who caused it.
    pub metadata: Metadata,
    /// When, in whole milliseconds. The store moves it forward to the previous event's time in the same stream.
    pub recorded_at: DateTime<Utc>,
}

/// An event in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedEvent {
    /// A UUIDv7, unique in the log.
    pub id: Uuid,
    /// The stream that it belongs to.
    pub stream: StreamId,
    /// Its place in the stream, counted from 1 without gaps.
    pub version: u64,
    /// Its place in the log.
    pub position: Position,
    /// The full name: `user.created`.
    pub event_type: String,
    /// The version of the shape of `data`.
    pub schema_version: u32,
    /// What happened: see [`RecordedEvent::data`].
    pub data: RecordedData,
    /// Who caused it.
    pub metadata: Metadata,
    /// When, in whole milliseconds; it never falls within a stream.
    pub recorded_at: DateTime<Utc>,
}

impl RecordedEvent {
    /// What happened, in the shape that it was recorded in. A store may leave the data as it keeps it until somebody
    /// looks; the document is made once.
    ///
    /// # Errors
    /// [`Error::Corrupt`] names the event when what the store kept is not what this library writes.
    pub fn data(&self) -> Result<&Document> {
        self.data.document_of(|| told(self))
    }

    /// What happened, to be changed: in this copy, the log stays.
    ///
    /// # Errors
    /// As [`RecordedEvent::data`].
    pub fn data_mut(&mut self) -> Result<&mut Document> {
        let subject = told(self);
        self.data.document_mut_of(|| subject.clone())
    }

    /// The last word of the type: `created` of `user.created`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.event_type.rsplit_once('.').map_or(self.event_type.as_str(), |(_, name)| name)
    }

    /// The event as the struct that `#[event]` stands above: its data is upcast to the version that the struct has,
    /// then decoded. What is stored stays as it is.
    ///
    /// Structs are told apart by the last word of the type: `opened` of `order.opened` and of `till.opened` alike.
    ///
    /// # Errors
    /// [`Error::WrongEvent`] when it is of another type, [`Error::SchemaAhead`] when a newer program recorded it,
    /// [`Error::Upcast`] when a step is missing or fails, [`Error::Decode`] names the field that does not fit. All of
    /// them name the type, the stream, the version and the position.
    pub fn read<E: Event>(&self, db: &Database) -> Result<E> {
        if self.name() != E::NAME {
            return Err(Error::WrongEvent { subject: fold::subject(self), expected: E::NAME });
        }
        let (found, known) = (self.schema_version, E::VERSION);
        if found > known {
            return Err(Error::SchemaAhead { subject: fold::subject(self), found, known });
        }
        let upcast;
        let data = if found == known {
            self.data()?
        } else {
            let mut data = self.data()?.clone();
            let span = Span { from: found, to: known };
            db.upcasters().event(&self.event_type, &mut data, span, &fold::subject(self))?;
            upcast = data;
            &upcast
        };
        E::decode(data).map_err(|source| Error::Decode { subject: fold::subject(self), source })
    }

    /// The instance that a `created`, `restored` or `deleted` event of a tracked model holds, a `deleted` one with its
    /// last state. Older shapes are upcast.
    ///
    /// # Errors
    /// As [`RecordedEvent::read`]; [`Error::WrongEvent`] also for other events of `M`, and those of sourced models.
    pub fn read_model<M: Model>(&self, db: &Database) -> Result<M> {
        let whole = matches!(self.name(), CREATED | RESTORED | DELETED) && M::SCHEMA.kind == ModelKind::Tracked;
        if !whole || !self.is_of::<M>() {
            return Err(Error::WrongEvent { subject: fold::subject(self), expected: M::SCHEMA.name });
        }
        let mut document = self.data()?.clone();
        document.remove(crate::save::HARD);
        crate::load::upcast::<M>(db, &mut document, self.schema_version, || fold::subject(self))?;
        fold::decode::<M>(&document, || fold::subject(self))
    }

    /// What an `updated` event of a tracked model changed, in the shape that it was recorded in.
    ///
    /// # Errors
    /// [`Error::WrongEvent`] when it is another event, [`Error::Fold`] when its data is no list of changes.
    pub fn read_changes(&self) -> Result<Changes> {
        if self.name() != UPDATED {
            return Err(Error::WrongEvent { subject: fold::subject(self), expected: UPDATED });
        }
        Changes::from_data(self.data()?).map_err(|reason| fold::broken(self, reason))
    }

    /// What an `updated` event changed, between both states in today's shape. One that has that shape is read as
    /// [`RecordedEvent::read_changes`] does; for an older one both states are folded from the log and upcast.
    ///
    /// # Errors
    /// As [`RecordedEvent::read_changes`] and [`Model::changes_between`]; [`Error::WrongEvent`] when it is not of `M`.
    pub async fn read_changes_of<M: Model>(&self, db: &Database) -> Result<Changes> {
        let id = self.model_id::<M>()?;
        let recorded = self.read_changes()?;
        if self.schema_version == M::SCHEMA.version {
            return Ok(recorded);
        }
        M::changes_between(db, id, self.version - 1, self.version).await
    }

    /// The id of the instance of `M` on whose stream it stands.
    ///
    /// # Errors
    /// [`Error::WrongEvent`] when it is on no stream of `M`, or of one whose key is no id of `M`.
    pub fn model_id<M: Model>(&self) -> Result<M::Id> {
        let wrong = || Error::WrongEvent { subject: fold::subject(self), expected: M::SCHEMA.name };
        if !self.is_of::<M>() {
            return Err(wrong());
        }
        let stored = crate::value::from_key(<M::Id as Value>::KIND, self.stream.key()).ok_or_else(wrong)?;
        M::Id::decode(&stored).map_err(|_| wrong())
    }

    /// Whether it was recorded on a stream of `M`.
    #[must_use]
    pub fn is_of<M: Model>(&self) -> bool {
        self.stream.category() == M::SCHEMA.name
    }
}

/// The data of an event as a subject of errors.
fn told(event: &RecordedEvent) -> String {
    format!("the data of {}", fold::subject(event))
}

/// Whether `name` is made of lower-case words (`[a-z][a-z0-9_]*`) joined by dots, within 128 bytes.
#[must_use]
pub fn is_dotted_name(name: &str) -> bool {
    name.len() <= 128 && name.as_bytes().split(|byte| *byte == b'.').all(is_word_of)
}

/// Whether `word` is one lower-case word: `[a-z][a-z0-9_]*`.
#[must_use]
pub fn is_word(word: &str) -> bool {
    is_word_of(word.as_bytes())
}

fn is_word_of(word: &[u8]) -> bool {
    word.first().is_some_and(u8::is_ascii_lowercase)
        && word.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}
