//! Erasing the personal data of one instance: an `erased` event, and null in its document.

use bson::{Bson, Document};

use crate::commit::{Append, Commit, DocumentOp, DocumentWrite};
use crate::database::Database;
use crate::entity::Loaded;
use crate::error::{Error, Result};
use crate::event::{ERASED, NewEvent};
use crate::fold::ERASED_FIELDS;
use crate::retry::back_off;
use crate::schema::{self, ModelSchema};
use crate::stream::{ExpectedVersion, StreamId};
use crate::upcast::Span;
use crate::value::key_text;

/// Blanks the personal fields of an instance in one commit with an `erased` event, and answers whether there were any.
/// Hooks do not run: none of them may keep what must go.
pub(super) async fn erase_instance(db: &Database, schema: &ModelSchema, id: &Bson) -> Result<bool> {
    let mut attempt = 0;
    loop {
        let Some(document) = db.store().get(schema.collection, id).await? else { return Ok(false) };
        let Some(commit) = blanking(db, schema, id, document)? else { return Ok(false) };
        match db.reader().commit(commit).await {
            Ok(_) => return Ok(true),
            Err(error) if error.is_conflict() && attempt < db.conflict_retries_max() => back_off(db, attempt).await,
            Err(error) => return Err(error),
        }
        attempt += 1;
    }
}

/// The commit that blanks a document; `None` where there is nothing to blank.
fn blanking(db: &Database, schema: &ModelSchema, id: &Bson, document: Document) -> Result<Option<Commit>> {
    let subject = || format!("{} {id}", schema.collection);
    let loaded = Loaded::from_document(document, |_| subject())?;
    let (found, known) = (loaded.schema_version, schema.version);
    if found > known {
        return Err(Error::SchemaAhead { subject: subject(), found, known });
    }
    let mut document = loaded.document.as_deref().cloned().unwrap_or_default();
    db.upcasters().model(schema.name, &mut document, Span { from: found, to: known }, &subject())?;
    let fields = held(schema, &document);
    if fields.is_empty() {
        return Ok(None);
    }
    let event = erased(db, schema, &loaded, &fields);
    let version = i64::try_from(loaded.version + 1).unwrap_or(i64::MAX);
    let mut set: Vec<_> = fields.iter().map(|field| ((*field).to_owned(), Bson::Null)).collect();
    set.push((schema::VERSION.to_owned(), Bson::Int64(version)));
    let at = bson::DateTime::from_millis(event.recorded_at.timestamp_millis());
    set.push((schema::RECORDED_AT.to_owned(), Bson::DateTime(at)));
    let op = if found == known {
        DocumentOp::Patch { expected: loaded.version, set, unset: Vec::new() }
    } else {
        // The old shape may hold the data under names that no path of today knows.
        set.push((schema::SCHEMA_VERSION.to_owned(), Bson::Int32(i32::try_from(known).unwrap_or(i32::MAX))));
        if schema.soft_delete {
            set.push((schema::LIVE.to_owned(), Bson::Boolean(loaded.live)));
        }
        document.extend(set);
        DocumentOp::Replace { expected: loaded.version, document }
    };
    let mut commit = Commit::new(db.next_id());
    commit.appends.push(Append {
        stream: stream_of(schema, id)?,
        expected: ExpectedVersion::after(loaded.version),
        not_before: loaded.recorded_at,
        events: vec![event],
    });
    commit.documents.push(DocumentWrite { collection: schema.collection.to_owned(), id: id.clone(), op });
    Ok(Some(commit))
}

/// The personal fields that hold something.
pub(super) fn held(schema: &ModelSchema, document: &Document) -> Vec<&'static str> {
    let holds = |field: &&&'static str| document.get(**field).is_some_and(|value| *value != Bson::Null);
    schema.personal.iter().filter(holds).copied().collect()
}

fn erased(db: &Database, schema: &ModelSchema, loaded: &Loaded, fields: &[&str]) -> NewEvent {
    let now = db.now();
    let mut data = Document::new();
    data.insert(ERASED_FIELDS, fields.to_vec());
    NewEvent {
        id: db.next_id(),
        event_type: format!("{}.{ERASED}", schema.name),
        schema_version: schema.version,
        data,
        metadata: db.metadata().clone(),
        recorded_at: loaded.recorded_at.map_or(now, |last| last.max(now)),
    }
}

/// The stream of an instance.
pub(super) fn stream_of(schema: &ModelSchema, id: &Bson) -> Result<StreamId> {
    let key = key_text(id).ok_or_else(|| Error::Corrupt {
        subject: format!("{} {id}", schema.collection),
        reason: "its id is of no type that ids have".to_owned(),
    })?;
    StreamId::new(schema.name, key)
}
