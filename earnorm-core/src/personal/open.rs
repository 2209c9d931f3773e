//! Opening on the way out of the log. It needs no schema: sealed values are found by their binary subtype.

use std::collections::{BTreeSet, HashMap};

use bson::{Binary, Bson, Document};
use uuid::Uuid;

use super::changes::change_path;
use super::cipher::{self, Place, is_sealed, key_of};
use super::key::{KeyId, KeyState};
use crate::error::{Error, Result};
use crate::event::{RecordedEvent, UPDATED};
use crate::fold;
use crate::reader::Reader;
use crate::stream::StreamId;

/// Opens what is sealed in events, with one question for all keys. What was sealed with a key that is destroyed becomes
/// null.
///
/// # Errors
/// [`Error::Corrupt`] names the position, the stream and the field of a value that was changed or moved, or whose key
/// is unknown; what the key store answers when it is out of reach.
pub(crate) async fn open_events(reader: &Reader, events: &mut [RecordedEvent]) -> Result<()> {
    let mut ids = BTreeSet::new();
    let mut sealed = Vec::new();
    for (index, event) in events.iter_mut().enumerate() {
        if !event.data.may_be_sealed() || !holds_sealed(event.data()?) {
            continue;
        }
        sealed.push(index);
        let subject = fold::subject(event);
        let mut note = |value: &mut Bson, path: &str| note_key(value, path, &subject, &mut ids);
        let event_type = event.event_type.clone();
        walk_event(&event_type, event.data_mut()?, &mut note)?;
    }
    if ids.is_empty() {
        return Ok(());
    }
    let keys = reader.keys().find(ids).await?;
    for index in sealed {
        let Some(event) = events.get_mut(index) else { continue };
        let subject = fold::subject(event);
        let RecordedEvent { id, stream, event_type, data, .. } = event;
        let place = Place { event: *id, stream, event_type };
        let mut open = |value: &mut Bson, path: &str| open_value(value, path, place, &keys, &subject);
        walk_event(event_type, data.document_mut_of(|| subject.clone())?, &mut open)?;
    }
    Ok(())
}

/// Opens a document that was sealed as one of `kind`: see [`super::seal::seal_documents`].
///
/// # Errors
/// As [`open_events`].
pub(crate) async fn open_document(
    reader: &Reader,
    stream: &StreamId,
    kind: &str,
    document: &mut Document,
) -> Result<()> {
    if !holds_sealed(document) {
        return Ok(());
    }
    let subject = format!("{kind} of {stream}");
    let mut ids = BTreeSet::new();
    walk_document(document, "", &mut |value, path| note_key(value, path, &subject, &mut ids))?;
    let keys = reader.keys().find(ids).await?;
    let place = Place { event: Uuid::nil(), stream, event_type: kind };
    walk_document(document, "", &mut |value, path| open_value(value, path, place, &keys, &subject))
}

fn note_key(value: &Bson, path: &str, subject: &str, ids: &mut BTreeSet<KeyId>) -> Result<()> {
    let Some(sealed) = as_sealed(value) else { return Ok(()) };
    ids.insert(key_of(sealed).map_err(|reason| corrupt(subject, path, &reason))?);
    Ok(())
}

fn open_value(
    value: &mut Bson,
    path: &str,
    place: Place<'_>,
    keys: &HashMap<KeyId, KeyState>,
    subject: &str,
) -> Result<()> {
    let Some(sealed) = as_sealed(value) else { return Ok(()) };
    let failed = |reason: String| corrupt(subject, path, &reason);
    let id = key_of(sealed).map_err(failed)?;
    *value = match keys.get(&id) {
        Some(KeyState::Live(key)) => cipher::open(key, place, path, sealed).map_err(failed)?,
        Some(KeyState::Destroyed(_)) => Bson::Null,
        Some(KeyState::Unknown) | None => {
            return Err(failed(format!(
                "its key {id} is not in the key store, nor destroyed there: connect with the key store that made it"
            )));
        }
    };
    Ok(())
}

fn corrupt(subject: &str, path: &str, reason: &str) -> Error {
    Error::Corrupt { subject: format!("the sealed value `{path}` of {subject}"), reason: reason.to_owned() }
}

fn as_sealed(value: &Bson) -> Option<&Binary> {
    match value {
        Bson::Binary(binary) if is_sealed(value) => Some(binary),
        _ => None,
    }
}

/// Whether anything in a document is sealed: what most events are asked, so that they pay for nothing else.
fn holds_sealed(document: &Document) -> bool {
    document.values().any(value_holds_sealed)
}

fn value_holds_sealed(value: &Bson) -> bool {
    match value {
        Bson::Document(inner) => holds_sealed(inner),
        Bson::Array(items) => items.iter().any(value_holds_sealed),
        other => is_sealed(other),
    }
}

type Visit<'v> = dyn FnMut(&mut Bson, &str) -> Result<()> + 'v;

/// Visits the values of an event among which sealed ones are, each with the path that it was bound to.
fn walk_event(event_type: &str, data: &mut Document, visit: &mut Visit<'_>) -> Result<()> {
    let updated = event_type.rsplit_once('.').is_some_and(|(_, name)| name == UPDATED);
    let Some(Bson::Array(changes)) = data.get_mut("changes").filter(|_| updated) else {
        return walk_document(data, "", visit);
    };
    for change in changes.iter_mut().filter_map(Bson::as_document_mut) {
        let path = change.get_str("path").unwrap_or_default().to_owned();
        for (side, value) in change.iter_mut() {
            walk_value(value, &change_path(&path, side), visit)?;
        }
    }
    Ok(())
}

fn walk_document(document: &mut Document, prefix: &str, visit: &mut Visit<'_>) -> Result<()> {
    for (name, value) in document.iter_mut().filter(|(_, value)| value_holds_sealed(value)) {
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        walk_value(value, &path, visit)?;
    }
    Ok(())
}

fn walk_value(value: &mut Bson, path: &str, visit: &mut Visit<'_>) -> Result<()> {
    match value {
        Bson::Document(inner) => walk_document(inner, path, visit),
        Bson::Array(items) => items
            .iter_mut()
            .enumerate()
            .try_for_each(|(index, item)| walk_value(item, &format!("{path}.{index}"), visit)),
        other => visit(other, path),
    }
}
