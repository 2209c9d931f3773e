//! What the store measures, in the words of [`earnorm_core::telemetry`].

use std::time::Duration;

use earnorm_core::commit::Committed;
use earnorm_core::error::Applied;
use earnorm_core::telemetry::{self, labels};
use earnorm_core::{Error, Result};
use metrics::{counter, histogram};
use tokio::time::Instant;

use super::failure::Failure;
use super::member::Member;

/// A batch starts for the first time.
pub(super) fn batch_starts(members: &[Member]) {
    let now = Instant::now();
    histogram!(telemetry::BATCH_SIZE).record(count(members.len()));
    let waits = histogram!(telemetry::COMMIT_WAIT);
    for member in members {
        waits.record(now.duration_since(member.enqueued).as_secs_f64());
    }
}

/// A transaction ended, well or not.
pub(super) fn transaction_ended(began: Instant, failure: Option<&Failure>, refused: usize) {
    histogram!(telemetry::BATCH_DURATION).record(began.elapsed().as_secs_f64());
    if refused > 0 {
        counter!(telemetry::COMMIT_CONFLICTS, labels::KIND => "named").increment(whole(refused));
    }
    if matches!(failure, Some(Failure::Again { halve: true, .. })) {
        counter!(telemetry::COMMIT_CONFLICTS, labels::KIND => "unnamed").increment(1);
    }
}

/// A commit is answered.
pub(super) fn answered(result: &Result<Committed>) {
    let outcome = match result {
        Ok(_) => "committed",
        Err(Error::Conflict(_)) => "conflict",
        Err(Error::Unique(_)) => "unique",
        Err(Error::CheckpointConflict { .. }) => "checkpoint",
        Err(error) if error.was_applied() == Applied::Unknown => "unknown",
        Err(_) => "failed",
    };
    counter!(telemetry::COMMITS, labels::OUTCOME => outcome).increment(1);
}

/// Commits go once more.
pub(super) fn retried(members: usize) {
    counter!(telemetry::COMMIT_RETRIES).increment(whole(members));
}

/// Tombstones were inserted.
pub(super) fn filled(positions: i64) {
    counter!(telemetry::HOLES_FILLED).increment(u64::try_from(positions).unwrap_or(0));
}

/// Positions were reserved in vain.
pub(super) fn gave_up((first, last): (i64, i64)) {
    counter!(telemetry::HOLES_GIVEN_UP).increment(u64::try_from(last - first + 1).unwrap_or(0));
}

/// Readers waited for a hole.
pub(super) fn stalled(time: Duration) {
    histogram!(telemetry::HIGH_WATER_STALL).record(time.as_secs_f64());
}

/// Sessions were ended whose writer is gone.
pub(super) fn killed(sessions: usize) {
    counter!(telemetry::WATCHDOG_KILLS).increment(whole(sessions));
}

fn whole(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "batches are small")]
fn count(number: usize) -> f64 {
    number as f64
}
