//! The names of everything that the library measures, with their kinds, units and meanings.
//!
//! Measurements go through the `metrics` facade: install any recorder of it and they arrive there; without one they cost
//! next to nothing.

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetricKind {
    /// It only rises.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Values of which the distribution counts.
    Histogram,
}

/// A metric that the library emits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metric {
    /// Its name, which is stable.
    pub name: &'static str,
    /// What it is.
    pub kind: MetricKind,
    /// What it counts, in the singular: `commit`, `second`.
    pub unit: &'static str,
    /// What it tells.
    pub help: &'static str,
}

/// Names of the labels that metrics carry.
pub mod labels {
    /// What became of a commit: `committed`, `conflict`, `unique`, `checkpoint`, `unknown`, `failed`.
    pub const OUTCOME: &str = "outcome";
    /// Whether the database named a commit that is in the way: `named`, `unnamed`.
    pub const KIND: &str = "kind";
    /// A handler's id.
    pub const HANDLER: &str = "handler";
    /// What became of an attempt: `ok`, `error`, `panic`, `timeout`.
    pub const RESULT: &str = "result";
    /// Why an event was given up: `exhausted`, `fatal`, `cycle`.
    pub const REASON: &str = "reason";
}

macro_rules! metrics {
    ($($(#[doc = $help:literal])+ $constant:ident = $name:literal, $kind:ident of $unit:literal;)+) => {
        $($(#[doc = $help])+ pub const $constant: &str = $name;)+

        /// Every metric that the library emits.
        pub const METRICS: &[Metric] = &[$(
            Metric { name: $name, kind: MetricKind::$kind, unit: $unit, help: concat!($($help),+) },
        )+];
    };
}

metrics! {
    /// Commits that were answered, by `outcome`.
    COMMITS = "earnorm_commits_total", Counter of "commit";
    /// Conflicts that a transaction met, by `kind`: whether the database named the commit that is in the way.
    COMMIT_CONFLICTS = "earnorm_commit_conflicts_total", Counter of "conflict";
    /// Commits that were sent once more after an attempt that wrote nothing.
    COMMIT_RETRIES = "earnorm_commit_retries_total", Counter of "commit";
    /// From asking for a commit until its transaction starts.
    COMMIT_WAIT = "earnorm_commit_wait_seconds", Histogram of "second";
    /// How many commits share a transaction.
    BATCH_SIZE = "earnorm_batch_commits", Histogram of "commit";
    /// How long one transaction takes, commit included.
    BATCH_DURATION = "earnorm_batch_seconds", Histogram of "second";
    /// Positions that were filled with a tombstone, by whoever reserved them or by readers.
    HOLES_FILLED = "earnorm_holes_filled_total", Counter of "position";
    /// Positions that were reserved and given up, since their transaction failed.
    HOLES_GIVEN_UP = "earnorm_holes_given_up_total", Counter of "position";
    /// Waits of readers for a position that nobody had filled yet; their sum is the time that readers stood still.
    HIGH_WATER_STALL = "earnorm_high_water_stall_seconds", Histogram of "second";
    /// Sessions that were ended because their transaction stood still.
    WATCHDOG_KILLS = "earnorm_watchdog_kills_total", Counter of "session";
    /// Attempts of handlers and projections that came to an end, by `handler` and `result`: as many as a handler was called,
    /// but for those that were cut off. A projection folds an event again that stood behind one that failed in its commit.
    BUS_ATTEMPTS = "earnorm_bus_attempts_total", Counter of "attempt";
    /// How long attempts take, by `handler` and `result`.
    BUS_HANDLER_DURATION = "earnorm_bus_handler_duration_seconds", Histogram of "second";
    /// From when an event could be handled, since it was recorded or its next try was due, until its turn came, by
    /// `handler`.
    BUS_QUEUE_WAIT = "earnorm_bus_queue_wait_seconds", Histogram of "second";
    /// From recording an event until a handler is done with it, by `handler`.
    BUS_END_TO_END = "earnorm_bus_end_to_end_seconds", Histogram of "second";
    /// Attempts on their way in this process, by `handler`.
    BUS_INFLIGHT = "earnorm_bus_inflight", Gauge of "attempt";
    /// How old the oldest event is that a handler has read and is not done with, parked ones aside, by `handler`.
    BUS_OLDEST_PENDING = "earnorm_bus_oldest_pending_age_seconds", Gauge of "second";
    /// Failed attempts that are followed by another one, by `handler`.
    BUS_RETRIES = "earnorm_bus_retries_scheduled_total", Counter of "attempt";
    /// Events that were given up, by `handler` and `reason`.
    BUS_DEAD_LETTERS = "earnorm_bus_dead_letters_total", Counter of "event";
    /// Handlers that were taken over from a process that showed no life any more, by `handler`.
    BUS_TAKE_OVERS = "earnorm_bus_take_overs_total", Counter of "handler";
    /// Progress that was refused since another process had taken the handler over, by `handler`.
    BUS_STALE = "earnorm_bus_stale_completions_total", Counter of "commit";
}

#[cfg(test)]
mod tests {
    //! Names are unique and say what they are.

    use super::{METRICS, MetricKind};

    #[test]
    fn every_name_is_unique_and_names_its_kind() {
        let mut names: Vec<_> = METRICS.iter().map(|metric| metric.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), METRICS.len());
        for metric in METRICS {
            assert!(metric.name.starts_with("earnorm_") && !metric.help.is_empty(), "{metric:?}");
            assert_eq!(metric.name.ends_with("_total"), metric.kind == MetricKind::Counter, "{metric:?}");
        }
    }
}
