//! Schedules as they are stored: events that are to be published at a time, and periodic schedules.

use bson::{Bson, Document, doc};
use chrono::{DateTime, Utc};
use earnorm_core::commit::{DocumentOp, DocumentWrite};
use earnorm_core::metadata::Metadata;
use earnorm_core::schema::VERSION;
use earnorm_core::store::{Own, Store};
use earnorm_core::{Error, Result};

use super::periodic::{Misfire, Overlap};
use super::times::Times;
use crate::publish::AppEvent;

/// Says which of the two a record is.
pub(super) const KIND: &str = "kind";
/// The field by which due records are found; null in those that are never due.
pub(super) const DUE_AT: &str = "due_at";
pub(super) const ONCE: &str = "once";

/// A schedule.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    pub(crate) id: String,
    /// The version of the record itself.
    pub(crate) record: u64,
    /// `None` when there is no time any more, or it cannot be fired.
    pub(crate) due_at: Option<DateTime<Utc>>,
    pub(crate) what: What,
    /// Why it cannot be fired.
    pub(crate) problem: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum What {
    Once(Box<Planned>),
    Periodic(Box<Routine>),
}

/// An event that is to be published.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Planned {
    pub(crate) event: AppEvent,
    /// Who planned it, and what caused that.
    pub(crate) metadata: Metadata,
}

/// A function that is to run again and again.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Routine {
    pub(crate) times: Times,
    /// Where counting begins.
    pub(crate) from: DateTime<Utc>,
    pub(crate) misfire: Misfire,
    pub(crate) tolerance_millis: i64,
    pub(crate) overlap: Overlap,
    /// The last time that was decided about, fired or not. It never falls.
    pub(crate) last: Option<DateTime<Utc>>,
    /// The last time that was fired.
    pub(crate) fired: Option<DateTime<Utc>>,
}

impl Record {
    pub(crate) fn to_document(&self) -> Document {
        let version = i64::try_from(self.record).unwrap_or(i64::MAX);
        let mut document = doc! { "_id": &self.id, VERSION: version, DUE_AT: time(self.due_at) };
        match &self.what {
            What::Once(planned) => {
                document.insert(KIND, ONCE);
                document.insert("event", planned.event.to_document());
                document.insert("metadata", metadata_document(&planned.metadata));
            }
            What::Periodic(routine) => {
                document.insert(KIND, "periodic");
                document.extend(routine.to_document());
            }
        }
        if let Some(problem) = &self.problem {
            document.insert("problem", problem.as_str());
        }
        document
    }

    pub(crate) fn from_document(document: &Document) -> Result<Self> {
        Self::read(document).map_err(|reason| {
            let id = document.get_str("_id").unwrap_or("without an id");
            Error::Corrupt { subject: format!("the schedule `{id}`"), reason }
        })
    }

    fn read(document: &Document) -> Result<Self, String> {
        let what = if document.get_str(KIND).is_ok_and(|kind| kind == ONCE) {
            let event = AppEvent::from_document(part(document, "event")?).ok_or("its event has no type")?;
            let metadata = metadata_of(part(document, "metadata")?);
            What::Once(Box::new(Planned { event, metadata }))
        } else {
            What::Periodic(Box::new(Routine::from_document(document)?))
        };
        let version = document.get_i64(VERSION).ok().and_then(|version| u64::try_from(version).ok());
        Ok(Self {
            id: document.get_str("_id").map_err(|_| "its `_id` is no text")?.to_owned(),
            record: version.ok_or("it has no version")?,
            due_at: time_of(document, DUE_AT)?,
            what,
            problem: document.get_str("problem").ok().map(ToOwned::to_owned),
        })
    }

    pub(crate) fn insert(&self, store: &dyn Store) -> DocumentWrite {
        self.write(store, DocumentOp::Insert { document: self.to_document() })
    }

    /// Writes it over the one of the version before.
    pub(crate) fn replace(&self, store: &dyn Store) -> DocumentWrite {
        self.write(store, DocumentOp::Replace { expected: self.record - 1, document: self.to_document() })
    }

    pub(crate) fn delete(&self, store: &dyn Store) -> DocumentWrite {
        self.write(store, DocumentOp::Delete { expected: self.record })
    }

    fn write(&self, store: &dyn Store, op: DocumentOp) -> DocumentWrite {
        DocumentWrite { collection: store.admin().own(Own::Schedules), id: self.id.as_str().into(), op }
    }
}

impl Routine {
    fn to_document(&self) -> Document {
        let mut document = self.times.to_document();
        document.insert("from", time(Some(self.from)));
        document.insert("misfire", self.misfire.name());
        document.insert("tolerance", self.tolerance_millis);
        document.insert("overlap", self.overlap.name());
        document.insert("last", time(self.last));
        document.insert("fired", time(self.fired));
        document
    }

    fn from_document(document: &Document) -> Result<Self, String> {
        let name = |field: &str| document.get_str(field).map_err(|_| format!("its field `{field}` is missing"));
        Ok(Self {
            times: Times::from_document(document)?,
            from: time_of(document, "from")?.ok_or("its field `from` is missing")?,
            misfire: Misfire::named(name("misfire")?).ok_or("its field `misfire` is unknown")?,
            tolerance_millis: document.get_i64("tolerance").map_err(|_| "its field `tolerance` is missing")?,
            overlap: Overlap::named(name("overlap")?).ok_or("its field `overlap` is unknown")?,
            last: time_of(document, "last")?,
            fired: time_of(document, "fired")?,
        })
    }
}

fn part<'a>(document: &'a Document, field: &str) -> Result<&'a Document, String> {
    document.get_document(field).map_err(|_| format!("its field `{field}` is missing"))
}

pub(super) fn time(at: Option<DateTime<Utc>>) -> Bson {
    at.map_or(Bson::Null, |at| bson::DateTime::from_millis(at.timestamp_millis()).into())
}

pub(super) fn time_of(document: &Document, field: &str) -> Result<Option<DateTime<Utc>>, String> {
    match document.get(field) {
        None | Some(Bson::Null) => Ok(None),
        Some(Bson::DateTime(at)) => Ok(DateTime::from_timestamp_millis(at.timestamp_millis())),
        Some(_) => Err(format!("its field `{field}` is no time")),
    }
}

fn metadata_document(metadata: &Metadata) -> Document {
    doc! {
        "actor": metadata.actor.clone(),
        "correlation_id": metadata.correlation_id.clone(),
        "causation_id": metadata.causation_id.clone(),
        "traceparent": metadata.traceparent.clone(),
        "extra": metadata.extra.clone(),
    }
}

fn metadata_of(document: &Document) -> Metadata {
    let text = |field: &str| document.get_str(field).ok().map(ToOwned::to_owned);
    Metadata {
        actor: text("actor"),
        correlation_id: text("correlation_id"),
        causation_id: text("causation_id"),
        traceparent: text("traceparent"),
        extra: document.get_document("extra").cloned().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_read_back_as_they_were_written() {
        let at = DateTime::from_timestamp_millis(1_700_000_000_123).unwrap_or_default();
        let event = AppEvent::new("mail.due", doc! { "to": "ada" }).key("ada");
        let metadata = Metadata::new().actor("bob").extra("tenant", 7);
        let once = What::Once(Box::new(Planned { event, metadata }));
        let times = Times::cron("0 3 * * *", "Europe/Rome").unwrap_or_else(|error| panic!("{error}"));
        let routine = Routine {
            times,
            from: at,
            misfire: Misfire::All,
            tolerance_millis: 5,
            overlap: Overlap::Queue,
            last: Some(at),
            fired: None,
        };
        for what in [once, What::Periodic(Box::new(routine))] {
            let record = Record { id: "nightly".into(), record: 3, due_at: Some(at), what, problem: None };
            let read = Record::from_document(&record.to_document()).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(read, record);
            let mut broken = record.to_document();
            broken.insert(DUE_AT, "soon");
            let error = Record::from_document(&broken).map(|_| ()).map_err(|error| error.to_string());
            assert!(error.is_err_and(|error| error.contains("`nightly`") && error.contains("`due_at`")));
        }
    }
}
