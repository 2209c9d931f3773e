//! A commit from the outside: it gets room, waits in line, and is answered.

use std::sync::Arc;

use earnorm_core::commit::{Commit, Committed};
use earnorm_core::{Error, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::Instant;

use super::error::{gave_up, unknown};
use super::fault::Fault;
use super::inner::Inner;
use super::member::{Member, Prepared, Stay};

/// What a caller waits for.
type Answer = oneshot::Receiver<Result<Committed>>;

/// Makes all of `commit` durable, or none of it. Its transaction runs on a task of its own: a caller that goes away
/// never leaves an open transaction, which would block others until the server ends it.
pub(super) async fn run(inner: &Arc<Inner>, commit: Commit, fault: Option<Fault>) -> Result<Committed> {
    let deadline = Instant::now() + inner.commit_timeout;
    let (member, answer) = admit(inner, commit, deadline, fault).await?;
    let waiting = Waiting { inner, place: inner.enqueue(member) };
    wait(answer, deadline, &waiting).await
}

/// Sends commits that share nothing in one transaction, with what goes wrong with it.
#[cfg(feature = "conformance")]
pub(super) async fn run_together(
    inner: &Arc<Inner>,
    commits: Vec<Commit>,
    fault: Fault,
) -> Result<Vec<Result<Committed>>> {
    let deadline = Instant::now() + inner.commit_timeout;
    let (mut members, mut answers) = (Vec::new(), Vec::new());
    for commit in commits {
        let (member, answer) = admit(inner, commit, deadline, Some(fault)).await?;
        members.push(member);
        answers.push(answer);
    }
    inner.enqueue_together(members);
    let mut results = Vec::new();
    for answer in answers {
        results.push(answer.await.unwrap_or_else(|ended| Err(unknown(&ended.to_string()))));
    }
    Ok(results)
}

/// Checks and encodes a commit, and waits until there is room for it.
async fn admit(
    inner: &Arc<Inner>,
    commit: Commit,
    deadline: Instant,
    fault: Option<Fault>,
) -> Result<(Member, Answer)> {
    inner.open()?;
    inner.limits.check(&commit)?;
    let prepared = Prepared::new(commit)?;
    let committer = &inner.committer;
    let units = committer.units(prepared.bytes);
    let room = (room(&committer.room, 1, deadline).await?, room(&committer.room_bytes, units, deadline).await?);
    let flight = Arc::clone(&inner.flights).read_owned().await;
    inner.open()?;
    let (reply, answer) = oneshot::channel();
    let member = Member {
        prepared,
        deadline,
        enqueued: Instant::now(),
        tries: 0,
        fault,
        reply,
        hold: None,
        stay: Stay { _room: room, _flight: flight },
    };
    Ok((member, answer))
}

async fn room(room: &Arc<Semaphore>, units: u32, deadline: Instant) -> Result<OwnedSemaphorePermit> {
    if let Ok(permit) = Arc::clone(room).try_acquire_many_owned(units) {
        return Ok(permit);
    }
    match tokio::time::timeout_at(deadline, Arc::clone(room).acquire_many_owned(units)).await {
        Ok(Ok(permit)) => Ok(permit),
        Ok(Err(_)) => Err(Error::Closed),
        Err(_) => Err(gave_up(
            "so many other commits wait that there was no room for it, and nothing of it was sent; save less at once, or \
             give `Batching` more room",
        )),
    }
}

/// A commit in line, which is withdrawn when its caller goes away before it is on its way.
struct Waiting<'a> {
    inner: &'a Inner,
    place: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.inner.committer.withdraw(self.place);
    }
}

async fn wait(mut answer: Answer, deadline: Instant, waiting: &Waiting<'_>) -> Result<Committed> {
    let ended = |ended: oneshot::error::RecvError| Err(unknown(&ended.to_string()));
    if let Ok(answer) = tokio::time::timeout_at(deadline, &mut answer).await {
        return answer.unwrap_or_else(ended);
    }
    if waiting.inner.committer.withdraw(waiting.place) {
        return Err(gave_up("other commits go first"));
    }
    match tokio::time::timeout(waiting.inner.selection_timeout, answer).await {
        Ok(answer) => answer.unwrap_or_else(ended),
        Err(_) => Err(unknown("the server does not answer")),
    }
}

/// Why two commits with one id are an error of the caller.
pub(super) fn reused(id: uuid::Uuid) -> Error {
    Error::InvalidCommit { reason: format!("its id {id} was used before, for other events; take a new id") }
}
