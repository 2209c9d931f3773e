//! A commit from the outside: attempts until one succeeds, is refused, or time is over.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use earnorm_core::commit::{Commit, Committed};
use earnorm_core::error::StoreError;
use earnorm_core::{Error, Result};
use tokio::time::Instant;

use super::attempt::{Failure, Flush};
use super::error::{STORE, gave_up, unknown};
use super::fault::Fault;
use super::inner::Inner;
use super::settle::Settled;

/// The first wait between two attempts.
const BACKOFF_FIRST: Duration = Duration::from_millis(5);
/// The longest wait between two attempts.
const BACKOFF_MAX: Duration = Duration::from_millis(500);

/// Makes all of `commit` durable, or none of it. It runs on a task of its own: a caller that goes away never leaves an
/// open transaction, which would block others until the server ends it.
pub(super) async fn run(inner: &Arc<Inner>, commit: Commit, fault: Option<Fault>) -> Result<Committed> {
    inner.open()?;
    inner.limits.check(&commit)?;
    let flight = Arc::clone(&inner.flights).read_owned().await;
    inner.open()?;
    let patience = inner.commit_timeout + inner.selection_timeout;
    let inner = Arc::clone(inner);
    let task = tokio::spawn(async move {
        let _flight = flight;
        flush(&inner, &commit, fault).await
    });
    match tokio::time::timeout(patience, task).await {
        Ok(Ok(result)) => result,
        Ok(Err(ended)) => Err(unknown(&ended.to_string())),
        Err(_) => Err(unknown("the server does not answer")),
    }
}

async fn flush(inner: &Inner, commit: &Commit, fault: Option<Fault>) -> Result<Committed> {
    let deadline = Instant::now() + inner.commit_timeout;
    let Ok(_turns) = tokio::time::timeout_at(deadline, inner.turns.take(commit)).await else {
        return Err(gave_up("other commits append to the same stream"));
    };
    let mut flush = Flush::new(inner, commit, deadline, fault)?;
    let mut backoff = Backoff::new(deadline);
    loop {
        let said = match flush.attempt().await {
            Ok(committed) => return Ok(committed),
            Err(Failure::Final(error)) => return Err(error),
            Err(Failure::Gone) => return Err(StoreError::new(STORE, "the writer is gone").into()),
            Err(Failure::Refused(refusal)) => match flush.refuse(&refusal).await {
                Ok(Some(committed)) => return Ok(committed),
                Ok(None) => "the versions changed while they were looked at".to_owned(),
                Err(error) => return Err(error),
            },
            Err(Failure::Again { said, counter_behind }) => {
                if counter_behind {
                    inner.repair_counter().await?;
                }
                said
            }
            Err(Failure::Unclear { range, said }) => match flush.settle(range).await? {
                Settled::Applied(committed) => return Ok(committed),
                Settled::Absent => said,
                Settled::Unknown => return Err(unknown(&said)),
            },
        };
        if !backoff.wait().await {
            return Err(gave_up(&said));
        }
    }
}

/// Growing waits with full jitter, until a deadline.
pub(super) struct Backoff {
    next: Duration,
    deadline: Instant,
}

impl Backoff {
    pub(super) fn new(deadline: Instant) -> Self {
        Self { next: BACKOFF_FIRST, deadline }
    }

    /// Waits; `false` when the deadline is reached.
    pub(super) async fn wait(&mut self) -> bool {
        let now = Instant::now();
        if now >= self.deadline {
            return false;
        }
        tokio::time::sleep_until((now + self.next.mul_f64(jitter())).min(self.deadline)).await;
        self.next = self.next.mul_f64(1.5).min(BACKOFF_MAX);
        true
    }
}

/// A random number between 0 and 1. A new hasher state is random enough to spread writers.
fn jitter() -> f64 {
    let random = u32::try_from(RandomState::new().hash_one(Instant::now()) >> 32).unwrap_or_default();
    f64::from(random) / f64::from(u32::MAX)
}

/// Why two commits with one id are an error of the caller.
pub(super) fn reused(id: uuid::Uuid) -> Error {
    Error::InvalidCommit { reason: format!("its id {id} was used before, for other events; take a new id") }
}
