//! What the bus measures. Labels are handlers, results and reasons: few, and never ids of events.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use earnorm_core::telemetry::{self, labels};
use metrics::{counter, gauge, histogram};
use tokio::time::Instant;

use crate::failure::{Handled, HandlerError};
use crate::handler::Broken;

/// The attempts of one handler that are on their way in this process.
#[derive(Debug, Clone, Default)]
pub(crate) struct Attempts(Arc<Mutex<Begun>>);

#[derive(Debug, Default)]
struct Begun {
    next: u64,
    since: BTreeMap<u64, Instant>,
}

impl Attempts {
    fn with<T>(&self, change: impl FnOnce(&mut Begun) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How long the oldest has been on its way.
    pub(crate) fn oldest(&self) -> Option<Duration> {
        // They begin in the order of their numbers.
        self.with(|begun| begun.since.values().next().map(Instant::elapsed))
    }

    /// An attempt begins. It ends when the answer is counted, or when what is returned is dropped: one that was cut off
    /// is no attempt.
    pub(crate) fn begin(&self, handler: &Arc<str>) -> Attempt {
        let number = self.with(|begun| {
            begun.next += 1;
            begun.since.insert(begun.next, Instant::now());
            begun.next
        });
        gauge!(telemetry::BUS_INFLIGHT, labels::HANDLER => Arc::clone(handler)).increment(1.0);
        Attempt { attempts: self.clone(), number, handler: Arc::clone(handler), began: Instant::now() }
    }
}

/// An attempt on its way.
#[derive(Debug)]
pub(crate) struct Attempt {
    attempts: Attempts,
    number: u64,
    handler: Arc<str>,
    began: Instant,
}

impl Attempt {
    /// It has ended.
    pub(crate) fn ended<'a>(self, answer: Result<impl IntoIterator<Item = &'a Handled>, &Broken>) {
        let fails = |handled: &Handled| !matches!(handled, Ok(()) | Err(HandlerError::Discard(_)));
        let result = match answer {
            Err(Broken::Panicked(_)) => "panic",
            Err(Broken::TimedOut(_)) => "timeout",
            Ok(answers) => {
                if answers.into_iter().any(fails) {
                    "error"
                } else {
                    "ok"
                }
            }
        };
        let handler = || Arc::clone(&self.handler);
        counter!(telemetry::BUS_ATTEMPTS, labels::HANDLER => handler(), labels::RESULT => result).increment(1);
        histogram!(telemetry::BUS_HANDLER_DURATION, labels::HANDLER => handler(), labels::RESULT => result)
            .record(self.began.elapsed());
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.attempts.with(|begun| begun.since.remove(&self.number));
        gauge!(telemetry::BUS_INFLIGHT, labels::HANDLER => Arc::clone(&self.handler)).decrement(1.0);
    }
}

fn seconds(from: DateTime<Utc>, to: DateTime<Utc>) -> f64 {
    (to - from).to_std().unwrap_or_default().as_secs_f64()
}

/// An event's turn has come that could have come at `due`.
pub(crate) fn started(handler: &Arc<str>, due: DateTime<Utc>, now: DateTime<Utc>) {
    histogram!(telemetry::BUS_QUEUE_WAIT, labels::HANDLER => Arc::clone(handler)).record(seconds(due, now));
}

/// An event is done that was recorded at `recorded`.
pub(crate) fn done(handler: &Arc<str>, recorded: DateTime<Utc>, now: DateTime<Utc>) {
    histogram!(telemetry::BUS_END_TO_END, labels::HANDLER => Arc::clone(handler)).record(seconds(recorded, now));
}

pub(crate) fn retry(handler: &Arc<str>) {
    counter!(telemetry::BUS_RETRIES, labels::HANDLER => Arc::clone(handler)).increment(1);
}

pub(crate) fn dead(handler: &Arc<str>, reason: &'static str) {
    counter!(telemetry::BUS_DEAD_LETTERS, labels::HANDLER => Arc::clone(handler), labels::REASON => reason)
        .increment(1);
}

pub(crate) fn oldest_pending(handler: &Arc<str>, recorded: Option<DateTime<Utc>>, now: DateTime<Utc>) {
    let age = recorded.map_or(0.0, |recorded| seconds(recorded, now));
    gauge!(telemetry::BUS_OLDEST_PENDING, labels::HANDLER => Arc::clone(handler)).set(age);
}

/// A handler was taken over from a process that showed no life any more.
pub(crate) fn taken_over(handler: &Arc<str>) {
    counter!(telemetry::BUS_TAKE_OVERS, labels::HANDLER => Arc::clone(handler)).increment(1);
}

/// What this process did came too late: another one had taken the handler over.
pub(crate) fn stale(handler: &Arc<str>) {
    counter!(telemetry::BUS_STALE, labels::HANDLER => Arc::clone(handler)).increment(1);
}
