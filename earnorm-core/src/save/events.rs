//! The events and document writes that a save becomes.

use bson::{Bson, Document};
use chrono::{DateTime, Utc};

use crate::commit::{DocumentOp, DocumentWrite};
use crate::database::Database;
use crate::diff::Changes;
use crate::entity::{KeptState, Loaded, Raised};
use crate::event::NewEvent;
use crate::model::Model;
use crate::schema;

/// The personal fields of one event.
pub(super) type PersonalFields = (uuid::Uuid, &'static [&'static str]);

/// Makes the events of one write.
pub(super) struct EventMaker<'a, M> {
    db: &'a Database,
    recorded_at: DateTime<Utc>,
    of: std::marker::PhantomData<fn() -> M>,
}

impl<'a, M: Model> EventMaker<'a, M> {
    /// Time never falls within a stream, whatever the clock does.
    pub(super) fn new(db: &'a Database, last: Option<DateTime<Utc>>) -> Self {
        let now = db.now();
        Self { db, recorded_at: last.map_or(now, |last| last.max(now)), of: std::marker::PhantomData }
    }

    pub(super) fn recorded_at(&self) -> DateTime<Utc> {
        self.recorded_at
    }

    pub(super) fn event(&self, name: &str, schema_version: u32, data: Document) -> NewEvent {
        NewEvent {
            id: self.db.next_id(),
            event_type: [M::SCHEMA.name, ".", name].concat(),
            schema_version,
            data,
            metadata: self.db.metadata().clone(),
            recorded_at: self.recorded_at,
        }
    }

    pub(super) fn lifecycle(&self, name: &str, data: Document) -> NewEvent {
        self.event(name, M::SCHEMA.version, data)
    }

    /// Adds raised events, and notes those that have personal fields.
    pub(super) fn raised(&self, raised: Vec<Raised>, events: &mut Vec<NewEvent>, noted: &mut Vec<PersonalFields>) {
        for raised in raised {
            let event = self.event(raised.name, raised.version, raised.data);
            if !raised.personal.is_empty() {
                noted.push((event.id, raised.personal));
            }
            events.push(event);
        }
    }
}

/// The library's own fields of a state document.
fn internals<M: Model>(loaded: &Loaded) -> Vec<(&'static str, Bson)> {
    let version = i64::try_from(loaded.version).unwrap_or(i64::MAX);
    let mut fields = vec![
        (schema::VERSION, Bson::Int64(version)),
        (schema::SCHEMA_VERSION, Bson::Int32(i32::try_from(M::SCHEMA.version).unwrap_or(i32::MAX))),
    ];
    if let Some(moment) = loaded.recorded_at {
        fields.push((schema::RECORDED_AT, Bson::DateTime(bson::DateTime::from_millis(moment.timestamp_millis()))));
    }
    if M::SCHEMA.soft_delete {
        fields.push((schema::LIVE, Bson::Boolean(loaded.live)));
    }
    fields
}

/// A document for the first time, or again after a delete.
pub(super) fn insert<M: Model>(id: Bson, next: &Loaded) -> DocumentWrite {
    DocumentWrite {
        collection: M::SCHEMA.collection.to_owned(),
        id,
        op: DocumentOp::Insert { document: whole::<M>(next) },
    }
}

/// A document whose schema version rose is replaced: the old shape may hold fields that no path names.
pub(super) fn update<M: Model>(id: Bson, expected: &Loaded, next: &Loaded, changes: Changes) -> DocumentWrite {
    let op = if expected.schema_version == M::SCHEMA.version {
        let (mut set, unset) = changes.into_patch();
        set.extend(internals::<M>(next).into_iter().map(|(name, value)| (name.to_owned(), value)));
        DocumentOp::Patch { expected: expected.version, set, unset }
    } else {
        DocumentOp::Replace { expected: expected.version, document: whole::<M>(next) }
    };
    DocumentWrite { collection: M::SCHEMA.collection.to_owned(), id, op }
}

fn whole<M: Model>(next: &Loaded) -> Document {
    let mut document = next.document.as_deref().cloned().unwrap_or_default();
    for (name, value) in internals::<M>(next) {
        document.insert(name, value);
    }
    document
}

/// What an instance is after a write.
pub(super) fn after<M: Model>(
    loaded: &Loaded,
    events: usize,
    document: KeptState,
    recorded_at: DateTime<Utc>,
) -> Loaded {
    Loaded {
        version: loaded.version + events as u64,
        document: Some(document),
        recorded_at: Some(recorded_at),
        schema_version: M::SCHEMA.version,
        stored: true,
        live: true,
    }
}
