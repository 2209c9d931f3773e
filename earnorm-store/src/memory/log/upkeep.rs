//! What upkeep asks of the log: its entries, its streams, what comes from elsewhere, and its end that goes.

use std::sync::Arc;

use earnorm_core::event::RecordedEvent;
use earnorm_core::position::Position;
use earnorm_core::store::{EntryQuery, LogEntry, StreamHead};
use earnorm_core::stream::StreamId;
use earnorm_core::value::to_millis;

use super::{Log, Slot};

impl Log {
    pub(in super::super) fn truncated(&self) -> Position {
        Position::new(self.truncated)
    }

    /// What stands at `position`.
    pub(in super::super) fn entry(&self, position: i64) -> Option<LogEntry> {
        let found = self.slots.get(self.above(position.saturating_sub(1)));
        match found.filter(|slot| slot.event.position.get() == position) {
            Some(slot) => Some(slot.entry()),
            None => self.is_tombstone(position).then(|| LogEntry::Tombstone(Position::new(position))),
        }
    }

    /// Of a position without an event.
    fn is_tombstone(&self, position: i64) -> bool {
        (position > self.truncated && position <= self.end) || self.kept.contains(&position)
    }

    pub(in super::super) fn entries(&self, query: &EntryQuery) -> Vec<LogEntry> {
        let (after, upto, limit) = (query.after.get(), query.upto.get().min(self.end), query.limit.max(1));
        let mut entries = self.truncated_entries(after, upto, limit);
        let mut slots = self.slots.iter().skip(self.above(after.max(self.truncated))).peekable();
        for position in after.max(self.truncated).saturating_add(1)..=upto {
            if entries.len() >= limit {
                break;
            }
            let event = slots.next_if(|slot| slot.event.position.get() == position);
            entries.push(event.map_or_else(|| LogEntry::Tombstone(Position::new(position)), Slot::entry));
        }
        entries
    }

    /// What was kept of the part that is gone.
    fn truncated_entries(&self, after: i64, upto: i64, limit: usize) -> Vec<LogEntry> {
        let upto = upto.min(self.truncated);
        if after >= upto {
            return Vec::new();
        }
        let slots = self.slots.iter().take(self.above(upto)).skip(self.above(after));
        let tombstones = self.kept.range(after + 1..=upto).map(|position| Position::new(*position));
        let mut entries: Vec<_> = slots.take(limit).map(Slot::entry).collect();
        entries.extend(tombstones.take(limit).map(LogEntry::Tombstone));
        entries.sort_by_key(LogEntry::position);
        entries.truncate(limit);
        entries
    }

    /// Adds an entry above the end; the positions between become tombstones. It was checked before.
    pub(in super::super) fn import(&mut self, entry: LogEntry) {
        self.end = entry.position().get();
        if let LogEntry::Event { mut event, commit } = entry {
            event.recorded_at = to_millis(event.recorded_at);
            let commit = commit.map(|(id, events)| (id, u32::try_from(events).unwrap_or(u32::MAX)));
            self.place(Slot { event: Arc::new(event), commit });
        }
    }

    /// Removes what stands at or below `upto` and not at one of the `kept` positions, which are sorted. Answers how
    /// many entries went.
    pub(in super::super) fn truncate(&mut self, upto: i64, kept: &[i64]) -> u64 {
        let is_kept = |event: &RecordedEvent| kept.binary_search(&event.position.get()).is_ok();
        let before = self.census_upto(upto);
        let tombstones = kept.iter().copied().filter(|position| *position <= upto);
        let tombstones: Vec<_> =
            tombstones.filter(|at| matches!(self.entry(*at), Some(LogEntry::Tombstone(_)))).collect();

        self.truncated = self.truncated.max(upto);
        self.kept = self.kept.split_off(&upto.saturating_add(1));
        self.kept.extend(tombstones);
        let slots = std::mem::take(&mut self.slots);
        (self.streams, self.categories, self.ids) = Default::default();
        let stays = |slot: &Slot| slot.event.position.get() > upto || is_kept(&slot.event);
        slots.into_iter().filter(stays).for_each(|slot| self.place(slot));
        before - self.census_upto(upto)
    }

    /// How many entries stand up to a position.
    fn census_upto(&self, upto: i64) -> u64 {
        let (all, old) = (self.above(upto), self.above(self.truncated.min(upto)));
        let above = u64::try_from(upto - self.truncated.min(upto)).unwrap_or(0);
        let events_above = (all - old) as u64;
        let tombstones = above - events_above + self.kept.range(..=upto).count() as u64;
        all as u64 + tombstones
    }

    pub(in super::super) fn heads(&self, category: &str, after: Option<&str>, limit: usize) -> Vec<StreamHead> {
        use std::ops::Bound::{Excluded, Unbounded};
        let Some(found) = self.categories.get(category) else { return Vec::new() };
        let keys = found.keys.range::<str, _>((after.map_or(Unbounded, Excluded), Unbounded));
        keys.filter_map(|key| self.head(StreamId::new(category, key).ok()?)).take(limit).collect()
    }

    /// The events of a category behind a key and version, stream by stream.
    pub(in super::super) fn scan(
        &self,
        category: &str,
        after: Option<(&str, u64)>,
        limit: usize,
    ) -> Vec<Arc<RecordedEvent>> {
        use std::ops::Bound::{Included, Unbounded};
        let Some(found) = self.categories.get(category) else { return Vec::new() };
        let keys = found.keys.range::<str, _>((after.map_or(Unbounded, |(key, _)| Included(key)), Unbounded));
        let streams = keys.filter_map(|key| self.streams.get(&StreamId::new(category, key).ok()?));
        let events = streams.flatten().filter_map(|index| self.event(*index));
        let behind = |event: &&Arc<RecordedEvent>| {
            after.is_none_or(|(key, version)| event.stream.key() > key || event.version > version)
        };
        events.filter(behind).take(limit.max(1)).cloned().collect()
    }

    fn head(&self, stream: StreamId) -> Option<StreamHead> {
        let indexes = self.streams.get(&stream)?;
        let version = |index: Option<&usize>| self.event(*index?).map(|event| event.version);
        Some(StreamHead { first: version(indexes.first())?, last: version(indexes.last())?, stream })
    }

    pub(in super::super) fn categories(&self) -> Vec<String> {
        let mut names: Vec<_> = self.categories.keys().cloned().collect();
        names.sort_unstable();
        names
    }

    /// How many events and how many tombstones the log holds.
    pub(in super::super) fn census(&self) -> (u64, u64) {
        let tombstones = self.census_upto(self.end) - self.slots.len() as u64;
        (self.slots.len() as u64, tombstones)
    }
}

impl Slot {
    fn entry(&self) -> LogEntry {
        let commit = self.commit.map(|(id, events)| (id, usize::try_from(events).unwrap_or(usize::MAX)));
        LogEntry::Event { event: RecordedEvent::clone(&self.event), commit }
    }
}
