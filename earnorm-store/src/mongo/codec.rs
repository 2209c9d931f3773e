//! Events as they stand in the log.
//!
//! `_id` position, `s` stream, `k` category, `v` version, `e` event id, `t` type, `sv` schema version, `d` data,
//! `m` metadata (what is set), `at` time; on a commit's first event `c` its id and `n` how many events it has.
//! A tombstone is `{_id, x: true}`.

use bson::raw::{RawBinaryRef, RawBsonRef, RawDocument, RawDocumentBuf, cstr};
use bson::spec::BinarySubtype;
use bson::{Bson, Document, RawBson, doc};
use chrono::{DateTime, Utc};
use earnorm_core::event::{NewEvent, RecordedData, RecordedEvent};
use earnorm_core::limits::decode_document;
use earnorm_core::metadata::Metadata;
use earnorm_core::position::Position;
use earnorm_core::store::LogEntry;
use earnorm_core::stream::StreamId;
use earnorm_core::{Error, Result};
use uuid::Uuid;

use super::raw::{RawResult, unencodable, uuid};

/// Where an event goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) stream: &'a StreamId,
    pub(super) version: u64,
    pub(super) position: i64,
    pub(super) at: DateTime<Utc>,
    /// On the commit's first event: its id and how many events it has.
    pub(super) commit: Option<(Uuid, usize)>,
}

/// A tombstone at `position`.
pub(super) fn tombstone(position: i64) -> Document {
    doc! { "_id": position, "x": true }
}

/// An unsigned number as the database keeps it.
pub(super) fn int64(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A time as the database keeps it.
pub(super) fn date(at: DateTime<Utc>) -> bson::DateTime {
    bson::DateTime::from_millis(at.timestamp_millis())
}

/// The event as it is stored.
pub(super) fn encode(event: &NewEvent, place: Place<'_>) -> RawResult<RawDocumentBuf> {
    let mut stored = RawDocumentBuf::new();
    stored.append(cstr!("_id"), place.position);
    stored.append(cstr!("s"), place.stream.as_str());
    stored.append(cstr!("k"), place.stream.category());
    stored.append(cstr!("v"), int64(place.version));
    stored.append(cstr!("e"), RawBson::try_from(uuid(event.id))?);
    stored.append(cstr!("t"), event.event_type.as_str());
    stored.append(cstr!("sv"), i32::try_from(event.schema_version).unwrap_or(i32::MAX));
    stored.append(cstr!("at"), date(place.at));
    if let Some((id, events)) = place.commit {
        stored.append(cstr!("c"), RawBson::try_from(uuid(id))?);
        stored.append(cstr!("n"), i32::try_from(events).unwrap_or(i32::MAX));
    }
    if !event.metadata.is_empty() {
        stored.append(cstr!("m"), encode_metadata(&event.metadata)?);
    }
    stored.append(cstr!("d"), RawDocumentBuf::try_from(&event.data)?);
    Ok(stored)
}

fn encode_metadata(metadata: &Metadata) -> RawResult<RawDocumentBuf> {
    let mut stored = RawDocumentBuf::new();
    let texts = [
        (cstr!("actor"), &metadata.actor),
        (cstr!("correlation_id"), &metadata.correlation_id),
        (cstr!("causation_id"), &metadata.causation_id),
        (cstr!("traceparent"), &metadata.traceparent),
    ];
    for (field, text) in texts {
        if let Some(text) = text {
            stored.append(field, text.as_str());
        }
    }
    if !metadata.extra.is_empty() {
        stored.append(cstr!("extra"), RawDocumentBuf::try_from(&metadata.extra)?);
    }
    Ok(stored)
}

/// The event that stands in `stored`.
pub(super) fn decode(stored: &RawDocument) -> Result<RecordedEvent> {
    Fields::read(stored)?.event()
}

/// The entry that stands in `stored`: an event with the commit that it begins, or a tombstone.
pub(super) fn decode_entry(stored: &RawDocument) -> Result<LogEntry> {
    let fields = Fields::read(stored)?;
    if fields.tombstone {
        return Ok(LogEntry::Tombstone(fields.position));
    }
    let commit = fields.commit.zip(fields.events.and_then(|events| usize::try_from(events).ok()));
    Ok(LogEntry::Event { event: fields.event()?, commit })
}

/// The entry as it is stored.
pub(super) fn encode_entry(entry: &LogEntry) -> Result<RawDocumentBuf> {
    let LogEntry::Event { event, commit } = entry else {
        return encode_tombstone(entry.position().get());
    };
    let place = Place {
        stream: &event.stream,
        version: event.version,
        position: event.position.get(),
        at: event.recorded_at,
        commit: *commit,
    };
    let new = NewEvent {
        id: event.id,
        event_type: event.event_type.clone(),
        schema_version: event.schema_version,
        data: event.data()?.clone(),
        metadata: event.metadata.clone(),
        recorded_at: event.recorded_at,
    };
    encode(&new, place).map_err(|error| unencodable(&error))
}

/// A tombstone as it is stored.
pub(super) fn encode_tombstone(position: i64) -> Result<RawDocumentBuf> {
    RawDocumentBuf::try_from(&tombstone(position)).map_err(|error| unencodable(&error))
}

/// The fields of an entry, found in one walk over its bytes.
#[derive(Default)]
struct Fields<'a> {
    position: Position,
    tombstone: bool,
    stream: Option<&'a str>,
    version: Option<i64>,
    id: Option<Uuid>,
    event_type: Option<&'a str>,
    schema_version: Option<i64>,
    at: Option<i64>,
    commit: Option<Uuid>,
    events: Option<i64>,
    metadata: Option<&'a RawDocument>,
    data: Option<&'a RawDocument>,
}

impl<'a> Fields<'a> {
    fn read(stored: &'a RawDocument) -> Result<Self> {
        let (mut fields, mut position) = (Self::default(), None);
        for field in stored {
            let (name, value) = field.map_err(|error| corrupt("an event of the log", &error.to_string()))?;
            match (name.as_str(), value) {
                ("_id", RawBsonRef::Int64(at)) => position = Some(at),
                ("x", RawBsonRef::Boolean(tombstone)) => fields.tombstone = tombstone,
                ("s", RawBsonRef::String(stream)) => fields.stream = Some(stream),
                ("v", value) => fields.version = whole(value),
                ("e", RawBsonRef::Binary(id)) => fields.id = from_binary(id),
                ("t", RawBsonRef::String(name)) => fields.event_type = Some(name),
                ("sv", value) => fields.schema_version = whole(value),
                ("at", RawBsonRef::DateTime(at)) => fields.at = Some(at.timestamp_millis()),
                ("c", RawBsonRef::Binary(id)) => fields.commit = from_binary(id),
                ("n", value) => fields.events = whole(value),
                ("m", RawBsonRef::Document(metadata)) => fields.metadata = Some(metadata),
                ("d", RawBsonRef::Document(data)) => fields.data = Some(data),
                _ => {}
            }
        }
        let position = position.ok_or_else(|| corrupt("an event of the log", "its `_id` is no position"))?;
        fields.position = Position::new(position);
        Ok(fields)
    }

    fn event(self) -> Result<RecordedEvent> {
        let position = self.position;
        let subject = || format!("event at position {position}");
        let read = || {
            Some(RecordedEvent {
                id: self.id?,
                stream: StreamId::parse(self.stream?).ok()?,
                version: u64::try_from(self.version?).ok()?,
                position,
                event_type: self.event_type?.to_owned(),
                schema_version: u32::try_from(self.schema_version?).ok()?,
                data: RecordedData::default(),
                metadata: Metadata::default(),
                recorded_at: DateTime::from_timestamp_millis(self.at?)?,
            })
        };
        let incomplete = || corrupt(&subject(), "a field of it is missing or of another type");
        let mut event = read().ok_or_else(incomplete)?;
        event.data = RecordedData::from_bytes(self.data.ok_or_else(incomplete)?);
        if let Some(metadata) = self.metadata {
            event.metadata = decode_metadata(metadata, subject)?;
        }
        Ok(event)
    }
}

fn decode_metadata(stored: &RawDocument, subject: impl Fn() -> String) -> Result<Metadata> {
    let mut metadata = Metadata::default();
    for field in stored {
        let (name, value) = field.map_err(|error| corrupt(&subject(), &error.to_string()))?;
        match (name.as_str(), value) {
            ("actor", RawBsonRef::String(text)) => metadata.actor = Some(text.to_owned()),
            ("correlation_id", RawBsonRef::String(text)) => metadata.correlation_id = Some(text.to_owned()),
            ("causation_id", RawBsonRef::String(text)) => metadata.causation_id = Some(text.to_owned()),
            ("traceparent", RawBsonRef::String(text)) => metadata.traceparent = Some(text.to_owned()),
            ("extra", RawBsonRef::Document(extra)) => metadata.extra = decode_document(extra, 0, &subject)?,
            _ => {}
        }
    }
    Ok(metadata)
}

/// An integer of any width.
fn whole(value: RawBsonRef<'_>) -> Option<i64> {
    match value {
        RawBsonRef::Int32(number) => Some(i64::from(number)),
        RawBsonRef::Int64(number) => Some(number),
        _ => None,
    }
}

fn from_binary(binary: RawBinaryRef<'_>) -> Option<Uuid> {
    (binary.subtype == BinarySubtype::Uuid).then(|| Uuid::from_slice(binary.bytes).ok()).flatten()
}

/// A UUID from binary subtype 4.
pub(super) fn read_uuid(value: &Bson) -> Option<Uuid> {
    match value {
        Bson::Binary(binary) if binary.subtype == BinarySubtype::Uuid => Uuid::from_slice(&binary.bytes).ok(),
        _ => None,
    }
}

fn corrupt(subject: &str, reason: &str) -> Error {
    Error::Corrupt { subject: subject.to_owned(), reason: reason.to_owned() }
}
