//! What upkeep asks of the log: its streams, its entries, what comes from elsewhere, and its end that goes.

use std::collections::HashMap;

use earnorm_core::event::RecordedEvent;
use earnorm_core::position::Position;
use earnorm_core::store::{EntryQuery, LogEntry, StreamHead};
use earnorm_core::stream::StreamId;
use earnorm_core::value::to_millis;
use rusqlite::OptionalExtension;
use uuid::Uuid;

use super::error::{Done, corrupt};
use super::log::{EventTexts, Place, read_event};
use super::tx::Tx;
use crate::import::{follows, refused, same};
use crate::upkeep::check_truncation;

/// An event's columns, and the commit that it begins.
const ENTRY: &str =
    "position, stream, version, type, schema_version, data, metadata, recorded_at, id, commit_id, commit_events";

impl Tx<'_> {
    /// The streams of a category, after a key.
    pub(super) fn heads(&self, category: &str, after: Option<&str>, limit: usize) -> Done<Vec<StreamHead>> {
        let (mut last, end) = (format!("{category}-{}", after.unwrap_or_default()), format!("{category}."));
        let sql = "SELECT stream, version FROM events WHERE stream > ? AND stream < ? ORDER BY stream, version LIMIT 1";
        let mut next = self.conn.prepare_cached(sql)?;
        let mut heads = Vec::new();
        while heads.len() < limit {
            let found: Option<(String, i64)> =
                next.query_row((&last, &end), |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
            let Some((name, first)) = found else { break };
            let stream = StreamId::parse(&name)?;
            let newest = self.last_of(&name)?.map_or(0, |(version, _)| version);
            heads.push(StreamHead { stream, first: u64::try_from(first).unwrap_or(0), last: newest });
            last = name;
        }
        Ok(heads)
    }

    /// The categories that have events, in order.
    pub(super) fn categories(&self) -> Done<Vec<String>> {
        let sql = "SELECT category FROM events WHERE category > ? ORDER BY category LIMIT 1";
        let mut next = self.conn.prepare_cached(sql)?;
        let mut names: Vec<String> = Vec::new();
        loop {
            let last = names.last().map_or("", String::as_str);
            match next.query_row([last], |row| row.get(0)).optional()? {
                Some(name) => names.push(name),
                None => return Ok(names),
            }
        }
    }

    /// How many events and how many tombstones the log holds.
    pub(super) fn census(&self) -> Done<(i64, i64)> {
        let events = self.count("SELECT count(*) FROM events WHERE position <= ?", self.head.end)?;
        Ok((events, self.entries_upto(self.head.end)? - events))
    }

    /// Everything within a range of positions.
    pub(super) fn entries(&self, query: &EntryQuery) -> Done<Vec<LogEntry>> {
        let (after, upto, limit) = (query.after.get(), query.upto.get().min(self.head.end), query.limit.max(1));
        let truncated = self.head.truncated;
        let mut entries = self.entry_rows(after, upto.min(truncated), limit)?;
        let sql =
            "SELECT position FROM earnorm_tombstones WHERE position > ? AND position <= ? ORDER BY position LIMIT ?";
        let mut kept = self.conn.prepare_cached(sql)?;
        let limit_rows = i64::try_from(limit).unwrap_or(i64::MAX);
        for position in kept.query_map((after, upto, limit_rows), |row| row.get(0))? {
            entries.push(LogEntry::Tombstone(Position::new(position?)));
        }
        entries.sort_by_key(LogEntry::position);
        entries.truncate(limit);
        let mut events = self.entry_rows(after.max(truncated), upto, limit - entries.len())?.into_iter().peekable();
        for position in after.max(truncated).saturating_add(1)..=upto {
            if entries.len() >= limit {
                break;
            }
            let event = events.next_if(|entry| entry.position().get() == position);
            entries.push(event.unwrap_or_else(|| LogEntry::Tombstone(Position::new(position))));
        }
        Ok(entries)
    }

    /// The events above one position up to another, with the commits that they begin.
    fn entry_rows(&self, after: i64, upto: i64, limit: usize) -> Done<Vec<LogEntry>> {
        let sql = format!("SELECT {ENTRY} FROM events WHERE position > ? AND position <= ? ORDER BY position LIMIT ?");
        let mut read = self.conn.prepare_cached(&sql)?;
        let mut rows = read.query((after, upto, i64::try_from(limit).unwrap_or(i64::MAX)))?;
        let mut entries = Vec::new();
        while let Some(row) = rows.next()? {
            let event = read_event(row)?;
            let commit = match (row.get::<_, Option<String>>(9)?, row.get::<_, Option<i64>>(10)?) {
                (Some(id), Some(events)) => {
                    let subject = format!("event at position {}", event.position);
                    let id = Uuid::parse_str(&id).map_err(|_| corrupt(subject, "its commit id is none"))?;
                    Some((id, usize::try_from(events).unwrap_or(usize::MAX)))
                }
                _ => None,
            };
            entries.push(LogEntry::Event { event, commit });
        }
        Ok(entries)
    }

    /// What stands at a position.
    fn entry(&self, position: i64) -> Done<Option<LogEntry>> {
        let (after, upto) = (Position::new(position.saturating_sub(1)), Position::new(position));
        Ok(self.entries(&EntryQuery { after, upto, limit: 1 })?.pop())
    }

    /// Appends the entries that are not there yet.
    pub(super) fn import(&mut self, entries: &[LogEntry]) -> Done<u64> {
        let mut heads = HashMap::new();
        let mut written = 0;
        for entry in entries {
            if entry.position().get() <= self.head.end {
                self.check_present(entry)?;
                continue;
            }
            if let LogEntry::Event { event, commit } = entry {
                let texts = EventTexts::new(event.id, event.data()?, &event.metadata);
                self.check_new(entry, event, &texts, *commit, &mut heads)?;
                let commit = commit.map(|(id, events)| (id.to_string(), events));
                let place = Place {
                    position: event.position.get(),
                    stream: event.stream.as_str(),
                    version: event.version,
                    event_type: &event.event_type,
                    schema_version: event.schema_version,
                    recorded_at: to_millis(event.recorded_at),
                    begins: commit.as_ref().map(|(id, events)| (id.as_str(), *events)),
                };
                self.insert_event(&place, &texts)?;
            }
            self.head.end = entry.position().get();
            written += 1;
        }
        Ok(written)
    }

    fn check_new(
        &self,
        entry: &LogEntry,
        event: &RecordedEvent,
        texts: &EventTexts,
        commit: Option<(Uuid, usize)>,
        heads: &mut HashMap<StreamId, u64>,
    ) -> Done<()> {
        let head = match heads.get(&event.stream) {
            Some(head) => *head,
            None => self.last_of(event.stream.as_str())?.map_or(0, |(version, _)| version),
        };
        // A stream whose start was truncated begins above 1.
        if head > 0 {
            follows(entry, head)?;
        }
        heads.insert(event.stream.clone(), event.version);
        if self.holds(texts)? {
            return Err(refused(entry, format!("its event id {} stands in the log already", event.id)).into());
        }
        if let Some((id, _)) = commit
            && self.receipt(&id.to_string())?.is_some()
        {
            return Err(refused(entry, format!("its commit id {id} stands in the log already")).into());
        }
        Ok(())
    }

    fn check_present(&self, entry: &LogEntry) -> Done<()> {
        let reason = match self.entry(entry.position().get())? {
            Some(found) if same(&found, entry) => return Ok(()),
            Some(LogEntry::Event { event, .. }) => {
                format!("there stands version {} of {} already", event.version, event.stream)
            }
            Some(LogEntry::Tombstone(_)) => "there stands a tombstone already".to_owned(),
            None => format!("the log was truncated up to position {}", self.head.truncated),
        };
        Err(refused(entry, reason).into())
    }

    /// Removes what stands at or below `upto` and not at one of the `kept` positions. Answers how many entries went.
    pub(super) fn truncate(&mut self, upto: Position, kept: &[Position]) -> Done<u64> {
        let checkpoints = self.checkpoints()?;
        let checkpoints = checkpoints.iter().map(|(name, checkpoint)| (name.as_str(), checkpoint.position));
        check_truncation(upto, Position::new(self.head.end), checkpoints)?;
        let upto = upto.get();
        let before = self.entries_upto(upto)?;
        let kept: Vec<i64> = kept.iter().map(|position| position.get()).filter(|position| *position <= upto).collect();
        let mut tombstones = Vec::new();
        for position in &kept {
            if let Some(LogEntry::Tombstone(position)) = self.entry(*position)? {
                tombstones.push(position.get());
            }
        }
        let listed = format!("[{}]", kept.iter().map(ToString::to_string).collect::<Vec<_>>().join(","));
        let sql = "DELETE FROM events WHERE position <= ? AND position NOT IN (SELECT value FROM json_each(?))";
        self.conn.prepare_cached(sql)?.execute((upto, listed))?;
        self.conn.prepare_cached("DELETE FROM earnorm_tombstones WHERE position <= ?")?.execute([upto])?;
        let mut keep = self.conn.prepare_cached("INSERT OR IGNORE INTO earnorm_tombstones (position) VALUES (?)")?;
        for position in tombstones {
            keep.execute([position])?;
        }
        self.head.truncated = self.head.truncated.max(upto);
        Ok(u64::try_from(before - self.entries_upto(upto)?).unwrap_or(0))
    }

    /// How many entries stand up to a position.
    fn entries_upto(&self, upto: i64) -> Done<i64> {
        let old = upto.min(self.head.truncated);
        let events = self.count("SELECT count(*) FROM events WHERE position <= ?", old)?;
        let kept = self.count("SELECT count(*) FROM earnorm_tombstones WHERE position <= ?", upto)?;
        // Above what was truncated, every position is an event or a tombstone.
        Ok(events + kept + (upto - old))
    }

    fn count(&self, sql: &str, upto: i64) -> Done<i64> {
        Ok(self.conn.prepare_cached(sql)?.query_row([upto], |row| row.get(0))?)
    }
}
