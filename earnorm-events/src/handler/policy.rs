//! Where handlers begin, and what they do when things go wrong for long.

use std::time::Duration;

use chrono::{DateTime, Utc};
use earnorm_core::position::Position;

/// Where a handler begins at its first start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Start {
    /// With what comes from now on: the default, but for projections.
    End,
    /// With the first event of the log.
    Beginning,
    /// With the first event behind this position.
    After(Position),
    /// With the first event recorded at this time or later.
    Since(DateTime<Utc>),
}

/// What becomes of a stream behind an event that is dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDead {
    /// It waits until someone has requeued or discarded the dead letter: what comes after never overtakes it. The default
    /// of transactional handlers.
    Park,
    /// It goes on with the next event; the dead letter, requeued, is handled out of its order. The default of others.
    Continue,
}

/// So many attempts in a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    pub(crate) events: u32,
    pub(crate) per: Duration,
}

impl Rate {
    /// At most so many attempts in each `per`, evenly spread: `Rate::new(100, minute)` begins one each 600 ms, with no
    /// bursts. At least 1. It holds for the handler, which one process runs at a time, and begins anew after a take-over.
    #[must_use]
    pub fn new(events: u32, per: Duration) -> Self {
        Self { events: events.max(1), per }
    }

    /// The time between two events.
    pub(crate) fn pace(self) -> Duration {
        self.per / self.events
    }
}

/// When a handler stops trying.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breaker {
    pub(crate) failures: u32,
    pub(crate) rest: Duration,
}

impl Breaker {
    /// Opens after so many failures in a row (at least 1), of any streams; after each `rest` one event is tried, and the
    /// first that succeeds closes it. Events that wait for it use no attempt, their retries are put off. It is counted in
    /// the process that runs the handler, and is closed after a restart.
    #[must_use]
    pub fn new(failures: u32, rest: Duration) -> Self {
        Self { failures: failures.max(1), rest }
    }
}
