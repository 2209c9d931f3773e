//! Sealing on the way into the log.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bson::{Bson, Document};
use uuid::Uuid;

use super::changes::{change_path, moved, tells, whole_fields};
use super::cipher::{Place, seal};
use super::key::{DataKey, KeyId, KeyState};
use super::subject;
use crate::commit::Commit;
use crate::database::Database;
use crate::error::Result;
use crate::event::{BASELINE, CREATED, DELETED, NewEvent, RESTORED, UPDATED};
use crate::reader::Reader;
use crate::schema::ModelInfo;
use crate::stream::StreamId;
use crate::unit::Staged;

/// The keys that a commit was sealed with, each with the writes that it sealed.
#[derive(Debug, Default)]
pub(crate) struct SealedWith(BTreeMap<KeyId, Vec<usize>>);

/// One value on its way to be sealed.
struct Slot<'a> {
    value: &'a mut Bson,
    place: Place<'a>,
    path: String,
    subject: String,
    write: usize,
}

/// The personal fields of one event that was raised.
type Raised = (Uuid, &'static [&'static str]);

/// The events of one write, and what their sealing must know of the instance.
struct Unsealed<'a> {
    stream: &'a StreamId,
    events: &'a mut [NewEvent],
    names: Cow<'a, [&'a str]>,
    subject: &'a str,
    /// The documents before and after the write.
    previous: Option<&'a Document>,
    after: Option<&'a Document>,
    raised: &'a [Raised],
}

/// Seals the personal data in the events of staged writes, all keys asked for at once.
pub(crate) async fn seal_writes(db: &Database, writes: &mut [Staged]) -> Result<SealedWith> {
    let personal = |write: &Staged| !write.schema.personal.is_empty() || !write.raised.is_empty();
    if !writes.iter().any(personal) {
        return Ok(SealedWith::default());
    }
    let mut slots = Vec::new();
    for (index, write) in writes.iter_mut().enumerate() {
        let unsealed = Unsealed {
            stream: &write.stream,
            events: &mut write.events,
            names: Cow::Borrowed(write.schema.personal),
            subject: write.schema.subject,
            previous: write.previous.as_deref(),
            after: write.after.document.as_deref(),
            raised: &write.raised,
        };
        unsealed.collect(index, &mut slots)?;
    }
    seal_slots(db.reader(), slots).await
}

/// Looks at the keys again once the commit is durable. One that was destroyed since it was asked for sealed data which
/// the erasure may not have seen: that is erased here.
pub(crate) async fn settle_writes(db: &Database, writes: &[Staged], with: SealedWith) {
    if with.0.is_empty() {
        return;
    }
    let ids: Vec<_> = with.0.keys().copied().collect();
    let states = match db.reader().keys().ask(&ids).await {
        Ok(states) => states,
        Err(error) => {
            tracing::warn!(
                %error,
                "cannot see whether keys were destroyed during a save; an erasure that ran meanwhile must run again"
            );
            return;
        }
    };
    let gone = with.0.values().zip(states).filter(|(_, state)| !matches!(state, KeyState::Live(_)));
    for write in gone.flat_map(|(indexes, _)| indexes).filter_map(|index| writes.get(*index)) {
        if let Err(error) = super::erase_instance::erase_instance(db, write.schema, &write.id).await {
            tracing::warn!(
                stream = %write.stream,
                %error,
                "personal data was saved while its subject was erased and could not be blanked; run the erasure again"
            );
        }
    }
}

/// Seals the events of a commit that is no save: those that adopt, record or keep what a document holds. Where they
/// record changes, `documents` are the ones before and after.
pub(crate) async fn seal_commit(
    reader: &Reader,
    info: &ModelInfo,
    commit: &mut Commit,
    documents: Option<(&Document, &Document)>,
) -> Result<()> {
    if info.personal.is_empty() {
        return Ok(());
    }
    let mut slots = Vec::new();
    for append in &mut commit.appends {
        let unsealed = Unsealed {
            stream: &append.stream,
            events: &mut append.events,
            names: names(info),
            subject: &info.subject,
            previous: documents.map(|(previous, _)| previous),
            after: documents.map(|(_, after)| after),
            raised: &[],
        };
        unsealed.collect(0, &mut slots)?;
    }
    seal_slots(reader, slots).await.map(|_| ())
}

/// Seals the personal data of documents that are kept beside the log, such as the states of snapshots. Each comes with
/// a text that says what it is, which must be the same when it is opened.
pub(crate) async fn seal_documents(
    reader: &Reader,
    info: &ModelInfo,
    stream: &StreamId,
    documents: Vec<(&str, &mut Document)>,
) -> Result<()> {
    if info.personal.is_empty() {
        return Ok(());
    }
    let mut slots = Vec::new();
    for (kind, document) in documents {
        let of = subject::of(document, &info.subject, || stream.to_string())?;
        let place = Place { event: Uuid::nil(), stream, event_type: kind };
        collect_fields(document, "", &names(info), (place, &of, 0), &mut slots);
    }
    seal_slots(reader, slots).await.map(|_| ())
}

fn names(info: &ModelInfo) -> Cow<'_, [&str]> {
    info.personal.iter().map(String::as_str).collect()
}

async fn seal_slots(reader: &Reader, slots: Vec<Slot<'_>>) -> Result<SealedWith> {
    let mut keys: BTreeMap<String, Option<DataKey>> = BTreeMap::new();
    for slot in &slots {
        keys.entry(slot.subject.clone()).or_default();
    }
    if keys.is_empty() {
        return Ok(SealedWith::default());
    }
    let subjects: Vec<_> = keys.keys().cloned().collect();
    for (slot, key) in keys.values_mut().zip(reader.keys().current(&subjects).await?) {
        *slot = Some(key);
    }
    let mut with = SealedWith::default();
    for slot in slots {
        let Some(Some(key)) = keys.get(&slot.subject) else { continue };
        *slot.value = seal(key, slot.place, &slot.path, std::mem::take(slot.value))?;
        let writes = with.0.entry(key.id()).or_default();
        if writes.last() != Some(&slot.write) {
            writes.push(slot.write);
        }
    }
    Ok(with)
}

impl<'a> Unsealed<'a> {
    /// Adds every value that is to be sealed.
    fn collect(self, write: usize, slots: &mut Vec<Slot<'a>>) -> Result<()> {
        let Self { stream, events, names, subject, previous, after, raised } = self;
        let of = |document: Option<&Document>| {
            subject::of(document.unwrap_or(&Document::new()), subject, || stream.to_string())
        };
        for event in events {
            let NewEvent { id, event_type, data, .. } = event;
            let place = Place { event: *id, stream, event_type };
            match name_of(event_type) {
                CREATED | RESTORED | DELETED if holds(data, &names) => {
                    let of = of(Some(data))?;
                    collect_fields(data, "", &names, (place, &of, write), slots);
                }
                BASELINE => {
                    let Some(Bson::Document(state)) = data.get_mut("state") else { continue };
                    if holds(state, &names) {
                        let of = of(Some(state))?;
                        collect_fields(state, "state.", &names, (place, &of, write), slots);
                    }
                }
                UPDATED if !names.is_empty() => {
                    let moved = moved(data, subject);
                    whole_fields(data, &names, (previous, after), moved);
                    // A side that holds nothing about anybody needs no subject.
                    let of =
                        |side: &str, document| if tells(data, &names, side) { of(document) } else { Ok(String::new()) };
                    let (new, old) = (of("new", after)?, of("old", if moved { previous } else { after })?);
                    collect_changes(data, &names, (place, [&new, &old], write), slots);
                }
                // Of the library's own events none was raised.
                _ => {
                    let fields = raised.iter().find(|(raised, _)| raised == id).map_or(&[][..], |(_, fields)| fields);
                    if holds(data, fields) {
                        let of = of(after)?;
                        collect_fields(data, "", fields, (place, &of, write), slots);
                    }
                }
            }
        }
        Ok(())
    }
}

/// Whether a document holds something in one of these fields.
fn holds(document: &Document, names: &[&str]) -> bool {
    names.iter().any(|name| document.get(*name).is_some_and(|value| *value != Bson::Null))
}

/// The fields of a document that are personal and hold something.
fn collect_fields<'a>(
    document: &'a mut Document,
    prefix: &str,
    names: &[&str],
    (place, subject, write): (Place<'a>, &str, usize),
    slots: &mut Vec<Slot<'a>>,
) {
    for (name, value) in document.iter_mut() {
        if *value != Bson::Null && names.contains(&name.as_str()) {
            let path = format!("{prefix}{name}");
            slots.push(Slot { value, place, path, subject: subject.to_owned(), write });
        }
    }
}

/// Both sides of the changes of personal fields, which may be of different subjects.
fn collect_changes<'a>(
    data: &'a mut Document,
    names: &[&str],
    (place, [new, old], write): (Place<'a>, [&str; 2], usize),
    slots: &mut Vec<Slot<'a>>,
) {
    let Some(Bson::Array(changes)) = data.get_mut("changes") else { return };
    for change in changes.iter_mut().filter_map(Bson::as_document_mut) {
        let path = change.get_str("path").unwrap_or_default().to_owned();
        if !names.contains(&path.as_str()) {
            continue;
        }
        for (side, value) in change.iter_mut().filter(|(_, value)| **value != Bson::Null) {
            let subject = match side.as_str() {
                "new" => new,
                "old" => old,
                _ => continue,
            };
            let path = change_path(&path, side);
            slots.push(Slot { value, place, path, subject: subject.to_owned(), write });
        }
    }
}

fn name_of(event_type: &str) -> &str {
    event_type.rsplit_once('.').map_or(event_type, |(_, name)| name)
}
