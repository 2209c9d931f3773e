//! What entries that come from elsewhere must hold before any store appends them.

use std::collections::{HashMap, HashSet};

use earnorm_core::event::{RecordedEvent, is_dotted_name};
use earnorm_core::limits::{DOCUMENT_BYTES_MAX, ENVELOPE_BYTES_MAX, size_of};
use earnorm_core::store::LogEntry;
use earnorm_core::stream::StreamId;
use earnorm_core::{Error, Result};

/// Refuses entries that are not in order among themselves, or that no commit could have written.
pub(crate) fn check(entries: &[LogEntry]) -> Result<()> {
    let (mut before, mut streams) = (0, HashMap::<&StreamId, u64>::new());
    let (mut ids, mut commits) = (HashSet::new(), HashSet::new());
    for entry in entries {
        let position = entry.position().get();
        if position <= before || position == i64::MAX {
            return Err(refused(entry, format!("positions rise from 1 on, and the one before it is {before}")));
        }
        before = position;
        let LogEntry::Event { event, commit } = entry else { continue };
        check_event(entry, event)?;
        if let Some(last) = streams.insert(&event.stream, event.version) {
            follows(entry, last)?;
        }
        if !ids.insert(event.id) {
            return Err(refused(entry, format!("its event id {} stands in the list twice", event.id)));
        }
        if let Some((id, events)) = commit {
            if *events == 0 {
                return Err(refused(entry, format!("its commit {id} has no events")));
            }
            if !commits.insert(id) {
                return Err(refused(entry, format!("its commit id {id} stands in the list twice")));
            }
        }
    }
    Ok(())
}

fn check_event(entry: &LogEntry, event: &RecordedEvent) -> Result<()> {
    if event.version == 0 || i64::try_from(event.version).is_err() {
        return Err(refused(entry, format!("versions count from 1, and this is {}", event.version)));
    }
    if !is_dotted_name(&event.event_type) {
        let name = event.event_type.escape_debug();
        return Err(refused(entry, format!("its type `{name}` is not made of lower-case words joined by dots")));
    }
    let measure = |document| size_of(document, String::new).map_err(|error| refused(entry, error.to_string()));
    let texts = [
        &event.metadata.actor,
        &event.metadata.correlation_id,
        &event.metadata.causation_id,
        &event.metadata.traceparent,
    ];
    let envelope = measure(&event.metadata.extra)? + texts.into_iter().flatten().map(String::len).sum::<usize>();
    let sizes = [
        ("metadata", envelope, ENVELOPE_BYTES_MAX / 2),
        ("data", measure(event.data()?)?, DOCUMENT_BYTES_MAX - ENVELOPE_BYTES_MAX),
    ];
    for (what, actual, limit) in sizes {
        if actual > limit {
            return Err(refused(entry, format!("its {what} has {actual} bytes where the limit is {limit}")));
        }
    }
    Ok(())
}

/// Refuses an event that is not the next one after version `last` of its stream.
pub(crate) fn follows(entry: &LogEntry, last: u64) -> Result<()> {
    let LogEntry::Event { event, .. } = entry else { return Ok(()) };
    if event.version == last + 1 {
        return Ok(());
    }
    Err(refused(entry, format!("it has version {}, and the stream stands at version {last}", event.version)))
}

/// The error for an entry that does not follow.
pub(crate) fn refused(entry: &LogEntry, reason: impl Into<String>) -> Error {
    let position = entry.position();
    let subject = match entry {
        LogEntry::Event { event, .. } => format!("the entry for position {position}, an event of {}", event.stream),
        LogEntry::Tombstone(_) => format!("the entry for position {position}, a tombstone"),
    };
    Error::Corrupt { subject, reason: reason.into() }
}

/// Whether two entries are the same in all parts; a number that is none equals itself.
pub(crate) fn same(a: &LogEntry, b: &LogEntry) -> bool {
    match (a, b) {
        (LogEntry::Tombstone(a), LogEntry::Tombstone(b)) => a == b,
        (LogEntry::Event { event: a, commit: of_a }, LogEntry::Event { event: b, commit: of_b }) => {
            let bytes = |document: &bson::Document| bson::serialize_to_vec(document).ok();
            let data = |event: &RecordedEvent| event.data().ok().and_then(bytes);
            of_a == of_b
                && (a.id, &a.stream, a.version, a.position) == (b.id, &b.stream, b.version, b.position)
                && (&a.event_type, a.schema_version) == (&b.event_type, b.schema_version)
                && a.recorded_at.timestamp_millis() == b.recorded_at.timestamp_millis()
                && data(a) == data(b)
                && bytes(&a.metadata.extra) == bytes(&b.metadata.extra)
                && (&a.metadata.actor, &a.metadata.traceparent) == (&b.metadata.actor, &b.metadata.traceparent)
                && a.metadata.correlation_id == b.metadata.correlation_id
                && a.metadata.causation_id == b.metadata.causation_id
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use bson::doc;
    use earnorm_core::metadata::Metadata;

    use super::*;

    /// An event whose metadata and data have so many bytes.
    fn event(metadata: usize, data: usize) -> LogEntry {
        let (half, rest) = ("x".repeat(100), "x".repeat(metadata - 105));
        let event = RecordedEvent {
            id: uuid::Uuid::from_u128(1),
            stream: StreamId::new("user", "a").unwrap(),
            version: 1,
            position: earnorm_core::position::Position::new(1),
            event_type: "user.noted".to_owned(),
            schema_version: 1,
            // Length, kind and name of the field, length and end of the text, end.
            data: doc! { "x": "x".repeat(data - 13) }.into(),
            metadata: Metadata::new().actor(half).correlation_id(rest),
            recorded_at: chrono::DateTime::UNIX_EPOCH,
        };
        LogEntry::Event { event, commit: None }
    }

    #[test]
    fn an_entry_may_be_as_large_as_a_commit_could_have_made_it() {
        let (metadata, data) = (8 * 1024, 16 * 1024 * 1024 - 16 * 1024);
        check(&[event(metadata, data)]).unwrap();
        for (entry, told) in [
            (event(metadata + 1, data), "its metadata has 8193 bytes where the limit is 8192".to_owned()),
            (event(metadata, data + 1), format!("its data has {} bytes where the limit is {data}", data + 1)),
        ] {
            match check(&[entry]) {
                Err(Error::Corrupt { subject, reason }) => {
                    assert_eq!(subject, "the entry for position 1, an event of user-a");
                    assert_eq!(reason, told);
                }
                other => panic!("expected a refusal, not {other:?}"),
            }
        }
    }
}
