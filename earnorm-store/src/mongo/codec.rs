//! Events as they stand in the log.
//!
//! `_id` position, `s` stream, `k` category, `v` version, `e` event id, `t` type, `sv` schema version, `d` data,
//! `m` metadata (what is set), `at` time; on a commit's first event `c` its id and `n` how many events it has.
//! A tombstone is `{_id, x: true}`.

use bson::raw::{RawDocument, RawDocumentBuf, cstr};
use bson::spec::BinarySubtype;
use bson::{Bson, Document, RawBson, doc};
use chrono::{DateTime, Utc};
use earnorm_core::event::{NewEvent, RecordedEvent};
use earnorm_core::limits::decode_document;
use earnorm_core::metadata::Metadata;
use earnorm_core::position::Position;
use earnorm_core::stream::StreamId;
use earnorm_core::{Error, Result};
use uuid::Uuid;

use super::fitness::number;
use super::raw::{RawResult, uuid};

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
    stored.append(cstr!("s"), place.stream.to_string());
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
    let position = match stored.get("_id") {
        Ok(Some(bson::RawBsonRef::Int64(position))) => Position::new(position),
        _ => return Err(corrupt("an event of the log", "its `_id` is no position")),
    };
    let subject = || format!("event at position {position}");
    // The data stands one level down, free metadata two.
    let mut stored = decode_document(stored, 2, subject)?;
    read(&mut stored, position).ok_or_else(|| corrupt(&subject(), "a field of it is missing or of another type"))
}

fn read(stored: &mut Document, position: Position) -> Option<RecordedEvent> {
    let metadata = match stored.remove("m") {
        Some(Bson::Document(metadata)) => decode_metadata(metadata),
        _ => Metadata::default(),
    };
    Some(RecordedEvent {
        id: read_uuid(stored.get("e")?)?,
        stream: StreamId::parse(stored.get_str("s").ok()?).ok()?,
        version: u64::try_from(number(stored, "v")?).ok()?,
        position,
        event_type: stored.get_str("t").ok()?.to_owned(),
        schema_version: u32::try_from(number(stored, "sv")?).ok()?,
        data: match stored.remove("d")? {
            Bson::Document(data) => data,
            _ => return None,
        },
        metadata,
        recorded_at: DateTime::from_timestamp_millis(stored.get_datetime("at").ok()?.timestamp_millis())?,
    })
}

fn decode_metadata(mut stored: Document) -> Metadata {
    let mut text = |field: &str| match stored.remove(field) {
        Some(Bson::String(text)) => Some(text),
        _ => None,
    };
    Metadata {
        actor: text("actor"),
        correlation_id: text("correlation_id"),
        causation_id: text("causation_id"),
        traceparent: text("traceparent"),
        extra: match stored.remove("extra") {
            Some(Bson::Document(extra)) => extra,
            _ => Document::new(),
        },
    }
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
