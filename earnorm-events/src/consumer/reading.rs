//! Reading the log: which events come into line, and how far everything is done.

use std::sync::Arc;

use earnorm_core::Result;
use earnorm_core::event::RecordedEvent;
use earnorm_core::position::Position;
use earnorm_core::store::LogQuery;
use tokio::time::Instant;

use super::Consumer;

/// How many events are read at once.
const PAGE: usize = 500;
/// How many events may be on their way or in line before no more are read.
const WAITING_MAX: usize = 1_000;

impl Consumer {
    pub(super) fn wants_more(&self) -> bool {
        // The next event of a parked stream must not be read past while its turn is decided.
        let held = self.handler.call.is_transactional() && !self.busy.is_empty();
        !held && self.lanes.len() + self.jobs.len() < WAITING_MAX
    }

    /// Takes the next events into their lanes.
    pub(super) async fn read_page(&mut self) -> Result<()> {
        let limit = PAGE.min(WAITING_MAX.saturating_sub(self.lanes.len()).max(1));
        let types = self.handler.patterns.clone();
        let query = LogQuery { after: self.read, types, limit, ..LogQuery::default() };
        let page = self.shared.db.read_log(query).await?;
        let reached = match page.events.last() {
            Some(last) if page.more => last.position,
            _ if page.more => self.read,
            _ => page.high_water.max(self.read),
        };
        self.caught_up = !page.more && page.events.is_empty();
        for event in page.events {
            self.take(event);
        }
        if reached > self.read {
            self.read = reached;
            self.unwritten.get_or_insert_with(Instant::now);
        }
        Ok(())
    }

    fn take(&mut self, event: RecordedEvent) {
        // What stands behind a record is read again when that is released.
        if self.parked.contains_key(&event.stream) || !self.handler.takes(&event) {
            return;
        }
        self.open.insert(event.position, event.recorded_at);
        self.lanes.push(Arc::new(event));
    }

    /// Everything up to here is done or has a record.
    pub(super) fn mark(&self) -> Position {
        self.open.first_key_value().map_or(self.read, |(first, _)| Position::new(first.get() - 1))
    }
}
