//! What the store knows of a handler: how it was registered last, and whether it is paused.

use bson::{Bson, Document, doc};
use chrono::{DateTime, Utc};
use earnorm_core::Result;
use earnorm_core::commit::{DocumentOp, DocumentWrite};
use earnorm_core::database::Database;
use earnorm_core::pattern::EventPattern;
use earnorm_core::predicate::Predicate;
use earnorm_core::schema::VERSION;
use earnorm_core::store::{DocumentQuery, Own, PutRule, Store};
use futures::TryStreamExt;
use uuid::Uuid;

use crate::handler::Handler;

/// How often a note is written again when others write it too.
const TRIES_MAX: u32 = 20;

/// Why and since when a handler is paused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pause {
    /// Why.
    pub reason: String,
    /// Since when.
    pub at: DateTime<Utc>,
    /// Whether the handler paused itself, since too many of its streams were parked.
    pub by_itself: bool,
}

impl Pause {
    pub(crate) fn new(reason: impl Into<String>, at: DateTime<Utc>, by_itself: bool) -> Self {
        Self { reason: reason.into(), at, by_itself }
    }
}

/// What is known of one handler.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Note {
    /// The version of the record.
    record: u64,
    pub(crate) id: String,
    pub(crate) patterns: Vec<String>,
    pub(crate) except: Vec<String>,
    /// Whether it looks into events, or lets a key name the instance, to decide which it handles.
    pub(crate) conditions: bool,
    pub(crate) place: String,
    pub(crate) group: Option<String>,
    pub(crate) paused: Option<Pause>,
    /// Changes when someone changed the handler's records.
    pub(crate) touched: String,
}

impl Note {
    pub(crate) fn of(handler: &Handler) -> Self {
        let texts = |patterns: &[EventPattern]| patterns.iter().map(|pattern| pattern.as_str().to_owned()).collect();
        Self {
            record: 1,
            id: handler.id.to_string(),
            patterns: texts(&handler.patterns),
            except: texts(&handler.except),
            conditions: handler.is_conditional(),
            place: handler.place.to_owned(),
            group: handler.group.clone(),
            paused: None,
            touched: String::new(),
        }
    }

    /// What both say of the handler itself.
    fn describes_alike(&self, other: &Self) -> bool {
        let said = |note: &Self| {
            (note.patterns.clone(), note.except.clone(), note.conditions, note.place.clone(), note.group.clone())
        };
        said(self) == said(other)
    }

    pub(crate) fn to_document(&self) -> Document {
        let mut document = doc! {
            "_id": &self.id,
            VERSION: i64::try_from(self.record).unwrap_or(i64::MAX),
            "patterns": self.patterns.clone(),
            "except": self.except.clone(),
            "conditions": self.conditions,
            "place": &self.place,
            "group": self.group.clone(),
            "paused": self.paused.is_some(),
            "touched": &self.touched,
        };
        if let Some(pause) = &self.paused {
            document.insert("reason", pause.reason.as_str());
            document.insert("paused_at", bson::DateTime::from_millis(pause.at.timestamp_millis()));
            document.insert("by_itself", pause.by_itself);
        }
        document
    }

    /// Reads a note; what is missing in it is as if it had not been said.
    pub(crate) fn from_document(document: &Document) -> Option<Self> {
        let texts = |field: &str| {
            let stored = document.get_array(field).map(Vec::as_slice).unwrap_or_default();
            stored.iter().filter_map(Bson::as_str).map(ToOwned::to_owned).collect()
        };
        let text = |field: &str| document.get_str(field).unwrap_or_default().to_owned();
        let flag = |field: &str| document.get_bool(field).unwrap_or(false);
        let at = document.get_datetime("paused_at").map_or(0, |at| at.timestamp_millis());
        let at = DateTime::from_timestamp_millis(at).unwrap_or_default();
        Some(Self {
            record: document.get_i64(VERSION).ok().and_then(|record| u64::try_from(record).ok()).unwrap_or(0),
            id: document.get_str("_id").ok()?.to_owned(),
            patterns: texts("patterns"),
            except: texts("except"),
            conditions: flag("conditions"),
            place: text("place"),
            group: document.get_str("group").ok().map(ToOwned::to_owned),
            paused: flag("paused").then(|| Pause::new(text("reason"), at, flag("by_itself"))),
            touched: text("touched"),
        })
    }

    /// Whether the handler takes events of a type, as far as its patterns say.
    pub(crate) fn takes(&self, event_type: &str) -> bool {
        let matches = |patterns: &[String]| {
            patterns.iter().filter_map(|text| EventPattern::new(text).ok()).any(|p| p.matches(event_type))
        };
        matches(&self.patterns) && !matches(&self.except)
    }

    /// The note that follows this one: whoever runs the handler reads its records again.
    pub(crate) fn touch(&self) -> Self {
        Self { record: self.record + 1, touched: Uuid::now_v7().to_string(), ..self.clone() }
    }

    /// The write that makes `self` of the note before it.
    pub(crate) fn write(&self, store: &dyn Store) -> DocumentWrite {
        DocumentWrite {
            collection: store.admin().own(Own::Handlers),
            id: self.id.as_str().into(),
            op: DocumentOp::Replace { expected: self.record - 1, document: self.to_document() },
        }
    }
}

/// Every handler that the store knows, by id.
pub(crate) async fn all(db: &Database) -> Result<Vec<Note>> {
    let store = db.store();
    let query = DocumentQuery::new(store.admin().own(Own::Handlers), Predicate::always());
    let stored: Vec<Document> = store.find(query).await?.try_collect().await?;
    let mut notes: Vec<_> = stored.iter().filter_map(Note::from_document).collect();
    notes.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(notes)
}

/// The note of one handler.
pub(crate) async fn find(db: &Database, handler: &str) -> Result<Option<Note>> {
    let store = db.store();
    let found = store.get(&store.admin().own(Own::Handlers), &handler.into()).await?;
    Ok(found.as_ref().and_then(Note::from_document))
}

/// Changes a note and nothing else; `None` where there is none. `change` answers whether there is anything to change.
pub(crate) async fn change(
    db: &Database,
    handler: &str,
    change: impl Fn(&mut Note) -> bool + Send + Sync,
) -> Result<Option<bool>> {
    let admin = db.store().admin();
    for _ in 0..TRIES_MAX {
        let Some(note) = find(db, handler).await? else { return Ok(None) };
        let mut next = note.touch();
        if !change(&mut next) {
            return Ok(Some(false));
        }
        if admin.put(&admin.own(Own::Handlers), vec![next.to_document()], PutRule::Newer).await? == 1 {
            return Ok(Some(true));
        }
    }
    Err(earnorm_core::Error::TimedOut {
        what: format!("a moment in which nobody else changes the note of handler `{handler}`"),
        after: std::time::Duration::ZERO,
    })
}

/// Writes handlers down as they are registered now.
pub(crate) async fn introduce(db: &Database, handlers: &[std::sync::Arc<Handler>]) -> Result<()> {
    let admin = db.store().admin();
    let notes: Vec<_> = handlers.iter().map(|handler| Note::of(handler)).collect();
    let fresh: Vec<_> = notes.iter().map(Note::to_document).collect();
    if fresh.is_empty() || admin.put(&admin.own(Own::Handlers), fresh, PutRule::Absent).await? == notes.len() as u64 {
        return Ok(());
    }
    for note in notes {
        let described = change(db, &note.id, |stored| {
            let differs = !stored.describes_alike(&note);
            *stored = Note {
                record: stored.record,
                paused: stored.paused.clone(),
                touched: stored.touched.clone(),
                ..note.clone()
            };
            differs
        });
        described.await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_back_as_it_was_written_and_matches_as_the_handler_does() {
        let note = Note {
            record: 3,
            id: "mail".into(),
            patterns: vec!["user.*".into()],
            except: vec!["user.deleted".into()],
            conditions: true,
            place: "src/mail.rs:1".into(),
            group: Some("mails".into()),
            paused: Some(Pause::new("maintenance", DateTime::from_timestamp_millis(1_700).unwrap_or_default(), false)),
            touched: "x".into(),
        };
        assert_eq!(Note::from_document(&note.to_document()).as_ref(), Some(&note));
        assert!(note.takes("user.created") && !note.takes("user.deleted") && !note.takes("order.created"));
        let next = note.touch();
        assert!(next.record == 4 && next.touched != note.touched && next.describes_alike(&note));
    }
}
