//! Lanes: the events in line, one lane a stream, so that a stream keeps its order while others go on.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use earnorm_core::event::RecordedEvent;
use earnorm_core::position::Position;
use earnorm_core::stream::StreamId;

/// Events in line.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    lanes: HashMap<StreamId, Lane>,
    /// Streams whose first event may start, in the order in which that became so.
    ready: VecDeque<StreamId>,
    /// Streams that wait for something else.
    held: BTreeSet<StreamId>,
    events: usize,
}

#[derive(Debug, Default)]
struct Lane {
    events: VecDeque<Arc<RecordedEvent>>,
    busy: bool,
}

impl Lanes {
    /// How many events are in line.
    pub(super) fn len(&self) -> usize {
        self.events
    }

    pub(super) fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    pub(super) fn push(&mut self, event: Arc<RecordedEvent>) {
        let stream = event.stream.clone();
        let lane = self.lanes.entry(stream.clone()).or_default();
        if lane.events.is_empty() && !lane.busy {
            self.ready.push_back(stream);
        }
        lane.events.push_back(event);
        self.events += 1;
    }

    /// The next event that may start. Its stream waits until [`Lanes::free`].
    pub(super) fn start(&mut self) -> Option<Arc<RecordedEvent>> {
        let stream = self.ready.pop_front()?;
        let lane = self.lanes.get_mut(&stream)?;
        let event = lane.events.pop_front()?;
        lane.busy = true;
        self.events -= 1;
        Some(event)
    }

    /// The first event of the log that is in line, where its stream is free: for handlers that go by the log's order.
    pub(super) fn start_first(&mut self) -> Option<Arc<RecordedEvent>> {
        let first = self.ready.iter().enumerate().min_by_key(|(_, stream)| {
            let lane = self.lanes.get(*stream);
            lane.and_then(|lane| lane.events.front()).map_or(Position::END, |event| event.position)
        });
        let index = first.map(|(index, _)| index)?;
        let stream = self.ready.remove(index)?;
        self.ready.push_front(stream);
        self.start()
    }

    /// The next events of all streams that may start, several of one stream in their order, up to the first that may not.
    pub(super) fn start_many(&mut self, max: usize, may: impl Fn(&RecordedEvent) -> bool) -> Vec<Arc<RecordedEvent>> {
        let mut started = Vec::new();
        while started.len() < max {
            let Some(stream) = self.ready.pop_front() else { break };
            let Some(lane) = self.lanes.get_mut(&stream) else { continue };
            lane.busy = true;
            let count = lane.events.iter().take(max - started.len()).take_while(|event| may(event)).count();
            started.extend(lane.events.drain(..count));
            self.events -= count;
        }
        started
    }

    /// Takes the streams back whose next event may not start.
    pub(super) fn hold_back(&mut self, may: impl Fn(&RecordedEvent) -> bool) {
        let lanes = &self.lanes;
        let first = |stream: &StreamId| lanes.get(stream).and_then(|lane| lane.events.front());
        let (ready, held): (VecDeque<_>, VecDeque<_>) =
            self.ready.drain(..).partition(|stream| first(stream).is_none_or(|event| may(event)));
        self.ready = ready;
        self.held.extend(held);
    }

    /// The next event of each stream that is held back.
    pub(super) fn held(&self) -> impl Iterator<Item = &Arc<RecordedEvent>> {
        self.held.iter().filter_map(|stream| self.lanes.get(stream)?.events.front())
    }

    /// Whether streams are held back.
    pub(super) fn holds(&self) -> bool {
        !self.held.is_empty()
    }

    /// Lets the streams that were held back try again.
    pub(super) fn let_go(&mut self) {
        self.ready.extend(std::mem::take(&mut self.held));
    }

    /// The stream's event is done: the next one may start.
    pub(super) fn free(&mut self, stream: &StreamId) {
        let Some(lane) = self.lanes.get_mut(stream) else { return };
        if !lane.busy {
            return;
        }
        lane.busy = false;
        if lane.events.is_empty() {
            self.lanes.remove(stream);
        } else {
            self.ready.push_back(stream.clone());
        }
    }

    /// Takes a stream out of the line: the positions of its events.
    pub(super) fn remove(&mut self, stream: &StreamId) -> Vec<Position> {
        self.ready.retain(|ready| ready != stream);
        self.held.remove(stream);
        let lane = self.lanes.remove(stream).unwrap_or_default();
        self.events -= lane.events.len();
        lane.events.iter().map(|event| event.position).collect()
    }

    /// Empties the line.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
