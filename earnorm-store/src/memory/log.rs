//! The log: every event in the order of positions, with the streams and categories as indexes on it.

mod upkeep;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use earnorm_core::commit::CommittedEvent;
use earnorm_core::event::RecordedEvent;
use earnorm_core::position::Position;
use earnorm_core::store::{LogQuery, StreamQuery};
use earnorm_core::stream::StreamId;
use uuid::Uuid;

use crate::page::wanted;

/// An event, and the commit that it begins: its id and how many events it has.
#[derive(Debug)]
struct Slot {
    event: Arc<RecordedEvent>,
    commit: Option<(Uuid, u32)>,
}

/// The events by position. Where none stands, up to the end, is a tombstone, or a part that was truncated.
#[derive(Debug, Default)]
pub(super) struct Log {
    slots: Vec<Slot>,
    end: i64,
    truncated: i64,
    /// Tombstones that a truncation kept.
    kept: BTreeSet<i64>,
    /// Indexes of each stream's events, in the order of their versions.
    streams: HashMap<StreamId, Vec<usize>>,
    categories: HashMap<String, Category>,
    ids: HashSet<Uuid>,
}

/// The events of one category, and the keys of its streams.
#[derive(Debug, Default)]
struct Category {
    indexes: Vec<usize>,
    keys: BTreeSet<String>,
}

impl Log {
    pub(super) fn end(&self) -> Position {
        Position::new(self.end)
    }

    pub(super) fn holds(&self, event: Uuid) -> bool {
        self.ids.contains(&event)
    }

    /// The version of a stream's last event, 0 when there is none.
    pub(super) fn version(&self, stream: &StreamId) -> u64 {
        self.last(stream).map_or(0, |event| event.version)
    }

    /// When a stream's last event was recorded.
    pub(super) fn last_moment(&self, stream: &StreamId) -> Option<DateTime<Utc>> {
        self.last(stream).map(|event| event.recorded_at)
    }

    fn last(&self, stream: &StreamId) -> Option<&RecordedEvent> {
        self.event(*self.streams.get(stream)?.last()?).map(Arc::as_ref)
    }

    fn event(&self, index: usize) -> Option<&Arc<RecordedEvent>> {
        self.slots.get(index).map(|slot| &slot.event)
    }

    /// The index of the first event above `position`.
    fn above(&self, position: i64) -> usize {
        self.slots.partition_point(|slot| slot.event.position.get() <= position)
    }

    /// Gives an event the next position. Its version was checked before.
    pub(super) fn push(&mut self, mut event: RecordedEvent, commit: Option<(Uuid, usize)>) {
        self.end += 1;
        event.position = self.end();
        let commit = commit.map(|(id, events)| (id, u32::try_from(events).unwrap_or(u32::MAX)));
        self.place(Slot { event: Arc::new(event), commit });
    }

    /// Adds a slot behind all others, and to the indexes.
    fn place(&mut self, slot: Slot) {
        let (index, event) = (self.slots.len(), &slot.event);
        self.ids.insert(event.id);
        let category = event.stream.category();
        if !self.categories.contains_key(category) {
            self.categories.insert(category.to_owned(), Category::default());
        }
        if let Some(of_category) = self.categories.get_mut(category) {
            of_category.indexes.push(index);
            match self.streams.get_mut(&event.stream) {
                Some(indexes) => indexes.push(index),
                None => {
                    of_category.keys.insert(event.stream.key().to_owned());
                    self.streams.insert(event.stream.clone(), vec![index]);
                }
            }
        }
        self.slots.push(slot);
    }

    /// The receipts of `count` events from position `first` on, as far as they are there.
    pub(super) fn receipts(&self, first: Position, count: usize) -> Vec<CommittedEvent> {
        let upto = first.get().saturating_add(i64::try_from(count).unwrap_or(i64::MAX));
        let slots = self.slots.iter().skip(self.above(first.get() - 1));
        let events = slots.map(|slot| &slot.event).take_while(|event| event.position.get() < upto);
        events.map(|event| receipt(event)).collect()
    }

    /// The receipts of the last `count` events.
    pub(super) fn latest(&self, count: usize) -> Vec<CommittedEvent> {
        self.slots.iter().skip(self.slots.len().saturating_sub(count)).map(|slot| receipt(&slot.event)).collect()
    }

    pub(super) fn stream(&self, query: &StreamQuery) -> Vec<Arc<RecordedEvent>> {
        let Some(indexes) = self.streams.get(&query.stream) else { return Vec::new() };
        let upto = |version: u64| {
            indexes.partition_point(|index| self.event(*index).is_some_and(|event| event.version <= version))
        };
        let within = indexes.get(upto(query.from.saturating_sub(1))..upto(query.to)).unwrap_or_default();
        let read = |index: &usize| self.event(*index).cloned();
        if query.backwards {
            within.iter().rev().take(query.limit).filter_map(read).collect()
        } else {
            within.iter().take(query.limit).filter_map(read).collect()
        }
    }

    /// The events of a page, and whether more match.
    pub(super) fn page(&self, query: &LogQuery) -> (Vec<Arc<RecordedEvent>>, bool) {
        let (low, high) = (self.above(query.after.get()), self.above(query.upto.get()));
        if low >= high {
            return (Vec::new(), false);
        }
        match self.candidates(query, low, high) {
            Some(indexes) if query.backwards => self.collect(query, indexes.into_iter().rev()),
            Some(indexes) => self.collect(query, indexes.into_iter()),
            None if query.backwards => self.collect(query, (low..high).rev()),
            None => self.collect(query, low..high),
        }
    }

    /// The indexes within `low..high` that streams or categories leave, in order.
    fn candidates(&self, query: &LogQuery, low: usize, high: usize) -> Option<Vec<usize>> {
        let lists: Vec<&Vec<usize>> = if !query.streams.is_empty() {
            query.streams.iter().collect::<HashSet<_>>().into_iter().filter_map(|id| self.streams.get(id)).collect()
        } else if !query.categories.is_empty() {
            let names = query.categories.iter().collect::<HashSet<_>>();
            names.into_iter().filter_map(|name| self.categories.get(name)).map(|found| &found.indexes).collect()
        } else {
            return None;
        };
        let single = lists.len() == 1;
        let mut indexes = Vec::new();
        for list in lists {
            let from = list.partition_point(|index| *index < low);
            let to = list.partition_point(|index| *index < high);
            indexes.extend_from_slice(list.get(from..to).unwrap_or_default());
        }
        if !single {
            indexes.sort_unstable();
        }
        Some(indexes)
    }

    fn collect(&self, query: &LogQuery, indexes: impl Iterator<Item = usize>) -> (Vec<Arc<RecordedEvent>>, bool) {
        let limit = query.limit.max(1);
        let mut events = Vec::new();
        for event in indexes.filter_map(|index| self.event(index)) {
            if !wanted(query, event) {
                continue;
            }
            if events.len() == limit {
                return (events, true);
            }
            events.push(Arc::clone(event));
        }
        (events, false)
    }
}

fn receipt(event: &RecordedEvent) -> CommittedEvent {
    CommittedEvent {
        id: event.id,
        stream: event.stream.clone(),
        version: event.version,
        position: event.position,
        recorded_at: event.recorded_at,
    }
}
