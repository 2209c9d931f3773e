//! What handlers leave in the store beside their checkpoints: leases, parked streams, dead letters.

use bson::{Bson, Document, doc};
use chrono::{DateTime, Utc};
use earnorm_core::commit::{DocumentOp, DocumentWrite};
use earnorm_core::event::RecordedEvent;
use earnorm_core::position::Position;
use earnorm_core::schema::{CollectionSpec, IndexSpec, VERSION};
use earnorm_core::store::{Own, Store};
use earnorm_core::stream::StreamId;
use earnorm_core::{Error, Result};
use uuid::Uuid;

/// The collections, with their indexes.
pub(crate) fn collections(store: &dyn Store) -> Vec<CollectionSpec> {
    let spec = |own: Own, paths: &[&str]| {
        let keys = paths.iter().map(|path| ((*path).to_owned(), false)).collect();
        let index = IndexSpec { keys, unique: false, present: Vec::new(), live_only: false };
        CollectionSpec { name: store.admin().own(own), indexes: if paths.is_empty() { vec![] } else { vec![index] } }
    };
    vec![
        spec(Own::Leases, &[]),
        spec(Own::Handlers, &[]),
        spec(Own::Nodes, &[]),
        spec(Own::Schedules, &["due_at", "_id"]),
        spec(Own::Parked, &["handler", "_id"]),
        spec(Own::DeadLetters, &["handler", "_id"]),
        spec(Own::Projections, &[]),
    ]
}

/// What a failure was, as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failure {
    pub(crate) attempts: u32,
    pub(crate) error: String,
    pub(crate) first_failed_at: DateTime<Utc>,
    pub(crate) failed_at: DateTime<Utc>,
}

/// The event that a record is about.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EventRef {
    pub(crate) id: Uuid,
    pub(crate) event_type: String,
    pub(crate) stream: StreamId,
    pub(crate) version: u64,
    pub(crate) position: Position,
}

impl EventRef {
    pub(crate) fn of(event: &RecordedEvent) -> Self {
        Self {
            id: event.id,
            event_type: event.event_type.clone(),
            stream: event.stream.clone(),
            version: event.version,
            position: event.position,
        }
    }
}

/// A stream that waits for one of its events.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Parked {
    /// The version of the record itself.
    pub(crate) record: u64,
    pub(crate) event: EventRef,
    /// `None` when the event has not failed: it waits for its turn.
    pub(crate) failure: Option<Failure>,
    /// `None` when only a person can release it: its event is dead.
    pub(crate) next_try_at: Option<DateTime<Utc>>,
    /// Whether a person has discarded the event: the stream goes on behind it when its turn comes.
    pub(crate) discarded: bool,
}

/// An event that a handler has given up.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dead {
    pub(crate) record: u64,
    pub(crate) event: EventRef,
    pub(crate) failure: Failure,
    pub(crate) reason: String,
    /// The data to hand over instead of the event's, where a person has edited it.
    pub(crate) data: Option<Document>,
    /// Whether it is to be tried again.
    pub(crate) requeued: bool,
}

pub(crate) fn parked_id(handler: &str, stream: &StreamId) -> String {
    format!("{handler}/{stream}")
}

pub(crate) fn dead_id(handler: &str, event: Uuid) -> String {
    format!("{handler}/{event}")
}

pub(crate) fn millis(at: DateTime<Utc>) -> Bson {
    bson::DateTime::from_millis(at.timestamp_millis()).into()
}

pub(crate) fn int(number: u64) -> Bson {
    Bson::Int64(i64::try_from(number).unwrap_or(i64::MAX))
}

pub(crate) fn put_event(document: &mut Document, event: &EventRef) {
    document.insert("event", event.id.to_string());
    document.insert("type", event.event_type.as_str());
    document.insert("stream", event.stream.to_string());
    document.insert("version", int(event.version));
    document.insert("position", event.position.get());
}

pub(crate) fn put_failure(document: &mut Document, failure: &Failure) {
    document.insert("attempts", i64::from(failure.attempts));
    document.insert("error", failure.error.as_str());
    document.insert("first_failed_at", millis(failure.first_failed_at));
    document.insert("failed_at", millis(failure.failed_at));
}

impl Parked {
    pub(crate) fn to_document(&self, handler: &str) -> Document {
        let mut document = doc! { "_id": parked_id(handler, &self.event.stream), VERSION: int(self.record) };
        document.insert("handler", handler);
        put_event(&mut document, &self.event);
        if let Some(failure) = &self.failure {
            put_failure(&mut document, failure);
        }
        document.insert("next_try_at", self.next_try_at.map_or(Bson::Null, millis));
        if self.discarded {
            document.insert("discarded", true);
        }
        document
    }

    pub(crate) fn from_document(document: &Document) -> Result<Self> {
        let fields = Fields(document);
        let failed = document.contains_key("attempts");
        Ok(Self {
            record: fields.number(VERSION)?,
            event: fields.event()?,
            failure: if failed { Some(fields.failure()?) } else { None },
            next_try_at: fields.time("next_try_at")?,
            discarded: document.get_bool("discarded").unwrap_or(false),
        })
    }

    /// The write that makes this of the record; `None` as next: it goes.
    pub(crate) fn write(
        store: &dyn Store,
        handler: &str,
        before: Option<&Self>,
        next: Option<&Self>,
    ) -> Option<DocumentWrite> {
        let stream = &before.or(next)?.event.stream;
        let op = match (before, next) {
            (None, None) => return None,
            (None, Some(next)) => DocumentOp::Insert { document: next.to_document(handler) },
            (Some(before), Some(next)) => {
                DocumentOp::Replace { expected: before.record, document: next.to_document(handler) }
            }
            (Some(before), None) => DocumentOp::Delete { expected: before.record },
        };
        let collection = store.admin().own(Own::Parked);
        Some(DocumentWrite { collection, id: parked_id(handler, stream).into(), op })
    }
}

impl Dead {
    pub(crate) fn to_document(&self, handler: &str) -> Document {
        let mut document = doc! { "_id": dead_id(handler, self.event.id), VERSION: int(self.record) };
        document.insert("handler", handler);
        put_event(&mut document, &self.event);
        put_failure(&mut document, &self.failure);
        document.insert("reason", self.reason.as_str());
        document.insert("requeued", self.requeued);
        if let Some(data) = &self.data {
            document.insert("data", data.clone());
        }
        document
    }

    pub(crate) fn from_document(document: &Document) -> Result<Self> {
        let fields = Fields(document);
        Ok(Self {
            record: fields.number(VERSION)?,
            event: fields.event()?,
            failure: fields.failure()?,
            reason: fields.text("reason")?.to_owned(),
            data: document.get_document("data").ok().cloned(),
            requeued: document.get_bool("requeued").unwrap_or(false),
        })
    }

    pub(crate) fn write(store: &dyn Store, handler: &str, op: DocumentOp, event: Uuid) -> DocumentWrite {
        DocumentWrite { collection: store.admin().own(Own::DeadLetters), id: dead_id(handler, event).into(), op }
    }
}

/// The fields of a stored record.
pub(crate) struct Fields<'a>(pub(crate) &'a Document);

impl Fields<'_> {
    pub(crate) fn corrupt(&self, field: &str) -> Error {
        let id = self.0.get_str("_id").unwrap_or("without an id");
        let reason = format!("its field `{field}` is missing or of another type");
        Error::Corrupt { subject: format!("the record `{id}` of a handler"), reason }
    }

    pub(crate) fn number(&self, field: &str) -> Result<u64> {
        let number = self.0.get_i64(field).ok().and_then(|number| u64::try_from(number).ok());
        number.ok_or_else(|| self.corrupt(field))
    }

    pub(crate) fn text(&self, field: &str) -> Result<&str> {
        self.0.get_str(field).map_err(|_| self.corrupt(field))
    }

    pub(crate) fn time(&self, field: &str) -> Result<Option<DateTime<Utc>>> {
        match self.0.get(field) {
            None | Some(Bson::Null) => Ok(None),
            Some(Bson::DateTime(at)) => Ok(DateTime::from_timestamp_millis(at.timestamp_millis())),
            Some(_) => Err(self.corrupt(field)),
        }
    }

    pub(crate) fn event(&self) -> Result<EventRef> {
        Ok(EventRef {
            id: Uuid::parse_str(self.text("event")?).map_err(|_| self.corrupt("event"))?,
            event_type: self.text("type")?.to_owned(),
            stream: StreamId::parse(self.text("stream")?).map_err(|_| self.corrupt("stream"))?,
            version: self.number("version")?,
            position: Position::new(self.0.get_i64("position").map_err(|_| self.corrupt("position"))?),
        })
    }

    pub(crate) fn failure(&self) -> Result<Failure> {
        Ok(Failure {
            attempts: u32::try_from(self.number("attempts")?).unwrap_or(u32::MAX),
            error: self.text("error")?.to_owned(),
            first_failed_at: self.time("first_failed_at")?.ok_or_else(|| self.corrupt("first_failed_at"))?,
            failed_at: self.time("failed_at")?.ok_or_else(|| self.corrupt("failed_at"))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_back_as_they_were_written() {
        let at = DateTime::from_timestamp_millis(1_700_000_000_123).unwrap_or_default();
        let event = EventRef {
            id: Uuid::now_v7(),
            event_type: "user.created".into(),
            stream: StreamId::new("user", "a-b/c").unwrap_or_else(|error| panic!("{error}")),
            version: 3,
            position: Position::new(9),
        };
        let failure = Failure { attempts: 2, error: "no".into(), first_failed_at: at, failed_at: at };
        for (failure, next_try_at) in
            [(Some(failure.clone()), Some(at)), (Some(failure.clone()), None), (None, Some(at))]
        {
            let discarded = failure.is_none();
            let parked = Parked { record: 4, event: event.clone(), failure, next_try_at, discarded };
            let read = Parked::from_document(&parked.to_document("mail")).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(read, parked);
        }
        let data = Some(doc! { "a": 1 });
        let dead = Dead { record: 1, event, failure, reason: "fatal".into(), data, requeued: true };
        let stored = dead.to_document("mail");
        assert_eq!(Dead::from_document(&stored).unwrap_or_else(|error| panic!("{error}")), dead);
        let mut broken = stored;
        broken.insert("position", "9");
        let error = Dead::from_document(&broken).map(|_| ()).map_err(|error| error.to_string());
        assert!(error.is_err_and(|error| error.contains("`position`") && error.contains("mail/")));
    }
}
