//! Entries from elsewhere, appended with their own positions. What was written is always a part of the list from its
//! start, so that an import that stopped goes on where it was.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use bson::raw::{RawArrayBuf, RawBsonRef, RawDocumentBuf};
use bson::{Document, doc};
use earnorm_core::error::StoreError;
use earnorm_core::store::LogEntry;
use earnorm_core::{Error, Result};
use futures::TryStreamExt;
use uuid::Uuid;

use super::codec::{encode_entry, encode_tombstone, read_uuid};
use super::entries::BATCH_MAX;
use super::error::{DUPLICATE_KEY, Explain, STORE, is_passing_code};
use super::fitness::number;
use super::inner::Inner;
use super::mark::HIGH_WATER;
use super::prepare::POSITIONS;
use super::raw::{COMMAND_BYTES_MAX, WriteFault, faults, insert_command, uuid};
use crate::import::{check, follows, refused};

/// How many entries one insert holds.
const BATCH: usize = 2_000;

/// The ids of all events up to a position, as hashes: event ids have no index, which every commit would pay for.
#[derive(Debug, Default)]
pub(super) struct Known {
    upto: i64,
    hashes: HashSet<u64>,
}

impl Known {
    fn hash(id: Uuid) -> u64 {
        BuildHasherDefault::<DefaultHasher>::default().hash_one(id)
    }
}

/// What one insert writes.
struct Batch<'a> {
    documents: Vec<RawDocumentBuf>,
    /// Which entry each document is; tombstones between entries are none.
    entries: Vec<Option<&'a LogEntry>>,
    last: i64,
}

impl Inner {
    pub(super) async fn append_entries(&self, entries: &[LogEntry]) -> Result<u64> {
        check(entries)?;
        if entries.is_empty() {
            return Ok(0);
        }
        let mut known = self.upkeep.known.lock().await;
        let end = self.whole_end().await?;
        let fresh = entries.partition_point(|entry| entry.position().get() <= end);
        let (there, fresh) = entries.split_at_checked(fresh).unwrap_or((entries, &[]));
        self.check_present(there).await?;
        let Some(last) = fresh.last() else { return Ok(0) };
        self.check_versions(fresh).await?;
        self.check_commits(fresh).await?;
        self.check_ids(fresh, end, &mut known).await?;
        let mut position = end;
        let mut rest = fresh;
        while !rest.is_empty() {
            let (batch, left) = batch(position, rest)?;
            (position, rest) = (batch.last, left);
            self.append_batch(batch).await?;
        }
        known.hashes.extend(fresh.iter().filter_map(id).map(Known::hash));
        known.upto = last.position().get();
        self.raise_note(HIGH_WATER, known.upto).await?;
        self.upkeep.feed.tell(known.upto);
        Ok(fresh.len() as u64)
    }

    /// The end of the log, when no hole lies below it.
    async fn whole_end(&self) -> Result<i64> {
        let top = self.top().await?;
        let end = self.high_water().await?;
        if end >= top {
            return Ok(end);
        }
        let said = format!("could not append to the log: position {} is still being written or filled", end + 1);
        Err(StoreError::new(STORE, said).retryable().into())
    }

    /// Refuses what is not the same as what stands at its position.
    async fn check_present(&self, entries: &[LogEntry]) -> Result<()> {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return Ok(()) };
        let mut missing: HashMap<i64, &LogEntry> =
            entries.iter().map(|entry| (entry.position().get(), entry)).collect();
        let (first, last) = (first.position().get(), last.position().get());
        let mut cursor = self.positions(first - 1, last, usize::MAX).await?;
        while cursor.advance().await.explain("read the log")? {
            let stored = cursor.current();
            let Ok(Some(RawBsonRef::Int64(position))) = stored.get("_id") else { continue };
            let Some(entry) = missing.remove(&position) else { continue };
            let same = encode_entry(entry)?.as_bytes() == stored.as_bytes();
            if !same {
                let there = match (stored.get_str("s"), stored.get_i64("v")) {
                    (Ok(stream), Ok(version)) => format!("there stands version {version} of {stream} already"),
                    _ => "there stands a tombstone already".to_owned(),
                };
                return Err(refused(entry, there));
            }
        }
        match missing.into_values().min_by_key(|entry| entry.position()) {
            None => Ok(()),
            Some(entry) => {
                let truncated = self.truncated().await?;
                Err(refused(entry, format!("the log was truncated up to position {truncated}")))
            }
        }
    }

    /// Refuses versions that do not follow those in the log. A stream whose start was truncated begins above 1.
    async fn check_versions(&self, entries: &[LogEntry]) -> Result<()> {
        let mut heads: HashMap<String, u64> = HashMap::new();
        let mut cut = false;
        let streams: HashSet<_> = entries.iter().filter_map(stream).collect();
        let pipeline = vec![
            doc! { "$match": { "s": { "$in": streams.into_iter().collect::<Vec<_>>() } } },
            doc! { "$sort": { "s": -1, "v": -1 } },
            doc! { "$group": { "_id": "$s", "v": { "$first": "$v" } } },
        ];
        let events = self.db.collection::<Document>(&self.names.events);
        let found = events.aggregate(pipeline).await.explain("read the ends of streams")?;
        let found: Vec<Document> = found.try_collect().await.explain("read the ends of streams")?;
        for head in &found {
            let version = number(head, "v").and_then(|version| u64::try_from(version).ok());
            if let (Ok(stream), Some(version)) = (head.get_str("_id"), version) {
                heads.insert(stream.to_owned(), version);
            }
        }
        for entry in entries {
            let LogEntry::Event { event, .. } = entry else { continue };
            match heads.insert(event.stream.to_string(), event.version) {
                Some(before) => follows(entry, before)?,
                None => cut |= event.version > 1,
            }
        }
        if cut { self.note_cut().await } else { Ok(()) }
    }

    async fn check_commits(&self, entries: &[LogEntry]) -> Result<()> {
        let commits: Vec<_> = entries.iter().filter_map(commit).map(uuid).collect();
        let events = self.db.collection::<Document>(&self.names.events);
        let found = events.find_one(doc! { "c": { "$in": commits } }).projection(doc! { "c": 1 }).await;
        let found = found.explain("look for commits")?.as_ref().and_then(|found| read_uuid(found.get("c")?));
        match entries.iter().find(|entry| found.is_some() && commit(entry) == found) {
            Some(entry) => {
                let id = found.unwrap_or_default();
                Err(refused(entry, format!("its commit id {id} stands in the log already")))
            }
            None => Ok(()),
        }
    }

    async fn check_ids(&self, entries: &[LogEntry], end: i64, known: &mut Known) -> Result<()> {
        if known.upto < end {
            let events = self.db.collection::<RawDocumentBuf>(&self.names.events);
            let filter = doc! { "_id": { "$gt": known.upto, "$lte": end } };
            let find = events.find(filter).sort(doc! { "_id": 1 }).projection(doc! { "_id": 0, "e": 1 });
            let mut cursor = find.batch_size(BATCH_MAX as u32).await.explain("read the ids of events")?;
            while cursor.advance().await.explain("read the ids of events")? {
                if let Ok(Some(RawBsonRef::Binary(id))) = cursor.current().get("e") {
                    known.hashes.extend(Uuid::from_slice(id.bytes).ok().map(Known::hash));
                }
            }
            known.upto = end;
        }
        for entry in entries {
            let Some(id) = id(entry).filter(|id| known.hashes.contains(&Known::hash(*id))) else { continue };
            // Hashes may meet: the log has the last word.
            let events = self.db.collection::<Document>(&self.names.events);
            let found = events.find_one(doc! { "e": uuid(id) }).projection(doc! { "_id": 1 }).await;
            if found.explain("look for an event")?.is_some() {
                return Err(refused(entry, format!("its event id {id} stands in the log already")));
            }
        }
        Ok(())
    }

    /// The counter goes first: no commit is given a position that an entry has.
    async fn append_batch(&self, mut batch: Batch<'_>) -> Result<()> {
        let update = doc! { "q": { "_id": POSITIONS }, "u": { "$max": { "n": batch.last } }, "upsert": true };
        self.raise(&self.names.counters, update).await?;
        let mut documents = RawArrayBuf::new();
        batch.documents.drain(..).for_each(|document| documents.push(document));
        let command = insert_command(&self.names.events, documents);
        let answer = self.durably("append to the log", command).await?;
        let Some(fault) = faults(&answer).into_iter().next() else { return Ok(()) };
        let failed = |said: String| Err(StoreError::new(STORE, said).retryable().into());
        if is_passing_code(fault.code) {
            return failed(format!("could not append to the log: {}", fault.message));
        }
        let Some(entry) = batch.entries.get(fault.index).copied().flatten() else {
            return failed(format!("could not append to the log: another wrote to it ({})", fault.message));
        };
        Err(self.refusal(entry, &fault).await?)
    }

    /// Why the server refused an entry that had been looked at before.
    async fn refusal(&self, entry: &LogEntry, fault: &WriteFault) -> Result<Error> {
        if fault.code != DUPLICATE_KEY {
            return Ok(refused(entry, format!("the server refused it ({}): {}", fault.code, fault.message)));
        }
        // An answer that was lost, or a commit that ran meanwhile.
        self.check_present(std::slice::from_ref(entry)).await?;
        let said = "could not append to the log: a part of it was there already; append the same entries again";
        Ok(StoreError::new(STORE, said).retryable().into())
    }
}

/// The next entries with the tombstones before them, and what is left.
fn batch(mut position: i64, entries: &[LogEntry]) -> Result<(Batch<'_>, &[LogEntry])> {
    let mut batch = Batch { documents: Vec::new(), entries: Vec::new(), last: position };
    let (mut bytes, mut rest) = (0, entries);
    while let Some((entry, left)) = rest.split_first() {
        position += 1;
        let is_entry = position == entry.position().get();
        let document = if is_entry { encode_entry(entry) } else { encode_tombstone(position) }?;
        bytes += document.as_bytes().len();
        if batch.documents.len() == BATCH || (bytes > COMMAND_BYTES_MAX && !batch.documents.is_empty()) {
            break;
        }
        batch.documents.push(document);
        batch.entries.push(is_entry.then_some(entry));
        batch.last = position;
        if is_entry {
            rest = left;
        }
    }
    Ok((batch, rest))
}

fn stream(entry: &LogEntry) -> Option<String> {
    match entry {
        LogEntry::Event { event, .. } => Some(event.stream.to_string()),
        LogEntry::Tombstone(_) => None,
    }
}

fn id(entry: &LogEntry) -> Option<Uuid> {
    match entry {
        LogEntry::Event { event, .. } => Some(event.id),
        LogEntry::Tombstone(_) => None,
    }
}

fn commit(entry: &LogEntry) -> Option<Uuid> {
    match entry {
        LogEntry::Event { commit: Some((id, _)), .. } => Some(*id),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    //! What goes into one insert.

    use chrono::DateTime;
    use earnorm_core::event::RecordedEvent;
    use earnorm_core::metadata::Metadata;
    use earnorm_core::position::Position;
    use earnorm_core::stream::StreamId;

    use super::*;

    fn event(position: i64, bytes: usize) -> LogEntry {
        let event = RecordedEvent {
            id: Uuid::now_v7(),
            stream: StreamId::new("user", "a").unwrap(),
            version: 1,
            position: Position::new(position),
            event_type: "user.noted".to_owned(),
            schema_version: 1,
            data: doc! { "x": "x".repeat(bytes) }.into(),
            metadata: Metadata::new(),
            recorded_at: DateTime::UNIX_EPOCH,
        };
        LogEntry::Event { event, commit: None }
    }

    /// How many documents each insert has, how many of them are entries, and up to where it goes.
    fn batches(end: i64, mut rest: &[LogEntry]) -> Vec<(usize, usize, i64)> {
        let (mut position, mut told) = (end, Vec::new());
        while !rest.is_empty() {
            let (next, left) = batch(position, rest).unwrap();
            assert_eq!(next.documents.len(), next.entries.len());
            told.push((next.documents.len(), next.entries.iter().flatten().count(), next.last));
            (position, rest) = (next.last, left);
        }
        told
    }

    #[test]
    fn an_insert_holds_two_thousand_entries_at_most() {
        let entries: Vec<_> = (11..=4_511).map(|position| event(position, 1)).collect();
        assert_eq!(batches(10, &entries), [(2_000, 2_000, 2_010), (2_000, 2_000, 4_010), (501, 501, 4_511)]);
    }

    #[test]
    fn an_insert_holds_no_more_bytes_than_a_server_takes_unless_one_entry_does() {
        let third = COMMAND_BYTES_MAX / 3;
        let entries: Vec<_> = [third, third, third, 1, COMMAND_BYTES_MAX + 1, 1]
            .into_iter()
            .zip(1..)
            .map(|(size, at)| event(at, size))
            .collect();
        assert_eq!(batches(0, &entries), [(2, 2, 2), (2, 2, 4), (1, 1, 5), (1, 1, 6)]);
        let whole = encode_entry(&event(1, 0)).unwrap().as_bytes().len();
        let exact: Vec<_> = (1..=2).map(|at| event(at, COMMAND_BYTES_MAX / 2 - whole)).collect();
        assert_eq!(batches(0, &exact), [(2, 2, 2)], "as much as there may be");
    }

    #[test]
    fn positions_between_entries_are_tombstones() {
        let entries = [event(3, 1), LogEntry::Tombstone(Position::new(4)), event(6, 1)];
        assert_eq!(batches(0, &entries), [(6, 3, 6)]);
        assert_eq!(batches(2, &entries), [(4, 3, 6)]);
    }
}
