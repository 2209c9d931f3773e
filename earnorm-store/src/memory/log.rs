//! The log: every event in the order of positions, with the streams and categories as indexes on it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use earnorm_core::commit::CommittedEvent;
use earnorm_core::event::RecordedEvent;
use earnorm_core::position::Position;
use earnorm_core::store::{LogQuery, StreamQuery};
use earnorm_core::stream::StreamId;
use uuid::Uuid;

/// Events, dense from position 1: the event at position `p` stands at index `p - 1`.
#[derive(Debug, Default)]
pub(super) struct Log {
    events: Vec<Arc<RecordedEvent>>,
    /// Indexes of each stream's events; version `v` stands at `v - 1`.
    streams: HashMap<StreamId, Vec<usize>>,
    categories: HashMap<String, Vec<usize>>,
    ids: HashSet<Uuid>,
}

/// The last position a `Vec` of events can reach is far within an `i64`.
fn position(index: usize) -> Position {
    Position::new(i64::try_from(index).unwrap_or(i64::MAX).saturating_add(1))
}

/// How many events stand up to `position`.
fn upto(position: Position) -> usize {
    usize::try_from(position.get()).unwrap_or(usize::MAX)
}

impl Log {
    pub(super) fn end(&self) -> Position {
        Position::new(i64::try_from(self.events.len()).unwrap_or(i64::MAX))
    }

    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    pub(super) fn holds(&self, event: Uuid) -> bool {
        self.ids.contains(&event)
    }

    /// The version of a stream's last event, 0 when there is none.
    pub(super) fn version(&self, stream: &StreamId) -> u64 {
        self.streams.get(stream).map_or(0, |indexes| indexes.len() as u64)
    }

    /// When a stream's last event was recorded.
    pub(super) fn last_moment(&self, stream: &StreamId) -> Option<DateTime<Utc>> {
        let last = *self.streams.get(stream)?.last()?;
        self.events.get(last).map(|event| event.recorded_at)
    }

    /// Gives an event the next position. Its version was checked before.
    pub(super) fn push(&mut self, mut event: RecordedEvent) {
        let index = self.events.len();
        event.position = position(index);
        self.ids.insert(event.id);
        match self.streams.get_mut(&event.stream) {
            Some(indexes) => indexes.push(index),
            None => {
                self.streams.insert(event.stream.clone(), vec![index]);
            }
        }
        match self.categories.get_mut(event.stream.category()) {
            Some(indexes) => indexes.push(index),
            None => {
                self.categories.insert(event.stream.category().to_owned(), vec![index]);
            }
        }
        self.events.push(Arc::new(event));
    }

    /// The receipts of `count` events from index `first`.
    pub(super) fn receipts(&self, first: usize, count: usize) -> Vec<CommittedEvent> {
        let events = self.events.iter().skip(first).take(count);
        let receipt = |event: &Arc<RecordedEvent>| CommittedEvent {
            id: event.id,
            stream: event.stream.clone(),
            version: event.version,
            position: event.position,
            recorded_at: event.recorded_at,
        };
        events.map(receipt).collect()
    }

    pub(super) fn stream(&self, query: &StreamQuery) -> Vec<Arc<RecordedEvent>> {
        let Some(indexes) = self.streams.get(&query.stream) else { return Vec::new() };
        let bound = |version: u64| usize::try_from(version).unwrap_or(usize::MAX).min(indexes.len());
        let within = indexes.get(bound(query.from.saturating_sub(1))..bound(query.to)).unwrap_or_default();
        let read = |index: &usize| self.events.get(*index).cloned();
        if query.backwards {
            within.iter().rev().take(query.limit).filter_map(read).collect()
        } else {
            within.iter().take(query.limit).filter_map(read).collect()
        }
    }

    /// The events of a page, and whether more match.
    pub(super) fn page(&self, query: &LogQuery) -> (Vec<Arc<RecordedEvent>>, bool) {
        let (low, high) = (upto(query.after), upto(query.upto).min(self.events.len()));
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
            names.into_iter().filter_map(|name| self.categories.get(name)).collect()
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
        for event in indexes.filter_map(|index| self.events.get(index)) {
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

fn wanted(query: &LogQuery, event: &RecordedEvent) -> bool {
    let one_of = |wanted: &Option<String>, found: &Option<String>| wanted.is_none() || wanted == found;
    (query.categories.is_empty() || query.categories.iter().any(|category| category == event.stream.category()))
        && query.since.is_none_or(|since| event.recorded_at >= since)
        && query.until.is_none_or(|until| event.recorded_at < until)
        && one_of(&query.actor, &event.metadata.actor)
        && one_of(&query.correlation_id, &event.metadata.correlation_id)
        && (query.types.is_empty() || query.types.iter().any(|pattern| pattern.matches(&event.event_type)))
}
