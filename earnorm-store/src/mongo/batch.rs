//! Commits that go in one transaction: what becomes of each of them, and of the others, when the database refuses one.
//!
//! A member that the database names gets its own answer, and the rest goes again. What nobody is named for is tried
//! again, then the batch is halved, down to single commits. Between two attempts a batch gives its place on the way to
//! others, but keeps what it touches.

use std::sync::Arc;
use std::time::Duration;

use earnorm_core::commit::Committed;
use earnorm_core::error::StoreError;
use tokio::time::Instant;

use super::attempt::{Attempt, Range};
use super::backoff::{Backoff, delay};
use super::committer::Flight;
use super::error::{STORE, gave_up, unknown};
use super::failure::Failure;
use super::fault::Fault;
use super::inner::Inner;
use super::member::Member;
use super::meters;
use super::refusal::Refusal;
use super::watchdog;

/// After so many conflicts that name nobody a batch is halved.
const CONFLICTS_MAX: u32 = 2;

/// Members of one transaction.
pub(super) struct Batch {
    pub(super) members: Vec<Member>,
    /// What goes wrong with it; only tests ask for it.
    pub(super) fault: Option<Fault>,
    /// How often in a row a reserved position was taken.
    pub(super) fenced: u32,
    /// How often it met a conflict that names nobody.
    conflicts: u32,
    /// What stood in its way the last time.
    said: String,
}

impl Batch {
    pub(super) fn new(members: Vec<Member>) -> Self {
        let fault = members.iter().find_map(|member| member.fault);
        let said = "other commits go first".to_owned();
        Self { members, fault, fenced: 0, conflicts: 0, said }
    }

    fn single(member: Member, said: String) -> Self {
        Self { said, ..Self::new(vec![member]) }
    }

    /// Until when to go on: as long as any caller waits.
    pub(super) fn deadline(&self) -> Instant {
        self.members.iter().map(|member| member.deadline).max().unwrap_or_else(Instant::now)
    }

    /// Tries until no member is left that may go at once.
    pub(super) async fn fly(mut self, inner: &Arc<Inner>, flight: Flight) {
        loop {
            self.expire();
            if self.members.is_empty() {
                return;
            }
            let (mut attempt, began) = (Attempt::default(), Instant::now());
            let outcome = attempt.run(inner, &mut self).await;
            meters::transaction_ended(began, outcome.as_ref().err(), attempt.refused.len() + attempt.apart.len());
            let (refused, apart) = (attempt.refused, attempt.apart);
            match outcome {
                Ok(receipts) => return self.finish(inner, receipts, refused),
                Err(Failure::Others) => {
                    self.put_out(inner, refused, apart);
                    meters::retried(self.members.len());
                }
                Err(Failure::Again { said, counter_behind, halve }) => {
                    self.put_out(inner, refused, apart);
                    if counter_behind && let Err(error) = inner.repair_counter().await {
                        tracing::debug!(%error, "could not move the position counter past the log yet");
                    }
                    return self.again(inner, said, halve);
                }
                Err(Failure::Unclear { range, receipts, said }) => {
                    drop(flight);
                    return self.settle(inner, refused, (range, receipts), &said).await;
                }
                Err(Failure::Final(error)) => {
                    self.put_out(inner, refused, apart);
                    if self.members.len() > 1 {
                        return self.again(inner, error.to_string(), true);
                    }
                    if let Some(member) = self.members.pop() {
                        member.answer(Err(error));
                    }
                    return;
                }
                Err(Failure::Gone) => return self.gone(),
            }
        }
    }

    /// Answers those whose time is over.
    fn expire(&mut self) {
        let now = Instant::now();
        let expired: Vec<_> = self.members.extract_if(.., |member| member.deadline <= now).collect();
        for member in expired {
            member.answer(Err(gave_up(&self.said)));
        }
    }

    /// Answers all members of a transaction that committed.
    fn finish(self, inner: &Arc<Inner>, receipts: Vec<(usize, Committed)>, refused: Vec<(usize, Refusal)>) {
        let mut members: Vec<_> = self.members.into_iter().map(Some).collect();
        let mut take = |index: usize| members.get_mut(index).and_then(Option::take);
        for (index, committed) in receipts {
            if let Some(member) = take(index) {
                member.answer(Ok(committed));
            }
        }
        for (index, refusal) in refused {
            if let Some(member) = take(index) {
                look_into(inner, member, refusal);
            }
        }
    }

    /// Takes out those that were refused and those that go on alone. The rest may go again at once.
    fn put_out(&mut self, inner: &Arc<Inner>, refused: Vec<(usize, Refusal)>, apart: Vec<(usize, String)>) {
        let mut members: Vec<_> = self.members.drain(..).map(Some).collect();
        let mut take = |index: usize| members.get_mut(index).and_then(Option::take);
        for (index, refusal) in refused {
            if let Some(member) = take(index) {
                look_into(inner, member, refusal);
            }
        }
        for (index, said) in apart {
            if let Some(member) = take(index) {
                Self::single(member, said).later(inner);
            }
        }
        self.members.extend(members.into_iter().flatten());
    }

    /// Goes again after a while, in halves if that may help.
    fn again(mut self, inner: &Arc<Inner>, said: String, halve: bool) {
        if self.members.is_empty() {
            return;
        }
        self.said = said;
        self.conflicts += u32::from(halve);
        let oldest = self.members.iter().map(|member| member.enqueued.elapsed()).max();
        if halve && oldest.is_some_and(|age| age >= watchdog::PATIENCE) {
            let inner = Arc::clone(inner);
            inner.committer.runtime.clone().spawn(async move { inner.watch().await });
        }
        if self.members.len() > 1 && self.conflicts >= CONFLICTS_MAX {
            let rest = self.members.split_off(self.members.len() / 2);
            let mut other = Self::new(rest);
            other.said.clone_from(&self.said);
            other.later(inner);
            self.conflicts = 0;
        }
        self.later(inner);
    }

    /// Goes again after a wait that grows with the number of attempts.
    fn later(mut self, inner: &Arc<Inner>) {
        meters::retried(self.members.len());
        let mut wait = Duration::ZERO;
        for member in &mut self.members {
            wait = wait.max(delay(member.tries));
            member.tries += 1;
        }
        let until = self.deadline();
        let again = Arc::clone(inner);
        inner.committer.runtime.spawn(async move {
            tokio::time::sleep_until((Instant::now() + wait).min(until)).await;
            again.enqueue_again(self);
        });
    }

    /// Fences off an unclear transaction by filling its positions, which waits while it lives, then looks whether it is
    /// there. One event of it decides for all members.
    async fn settle(
        mut self,
        inner: &Arc<Inner>,
        refused: Vec<(usize, Refusal)>,
        (range, receipts): (Option<Range>, Vec<(usize, Committed)>),
        said: &str,
    ) {
        let mut backoff = Backoff::new(self.deadline());
        let Some(range) = range else {
            // Only checkpoints move: sending them again is safe, and finds them moved if they are.
            self.put_out(inner, refused, Vec::new());
            return self.again(inner, said.to_owned(), false);
        };
        loop {
            inner.fill(range).await;
            match inner.is_there(range, &receipts).await {
                Ok(Some(true)) => return self.finish(inner, receipts, refused),
                Ok(Some(false)) => {
                    self.put_out(inner, refused, Vec::new());
                    return self.again(inner, said.to_owned(), false);
                }
                Ok(None) => {}
                Err(error) => tracing::debug!(%error, "could not look for an unclear commit yet"),
            }
            if !backoff.wait().await {
                for member in self.members.drain(..) {
                    member.answer(Err(unknown(said)));
                }
                return;
            }
        }
    }

    fn gone(self) {
        for member in self.members {
            member.answer(Err(StoreError::new(STORE, "the writer is gone").into()));
        }
    }
}

/// Finds out, aside from the others, why a member was refused, and answers it. Those behind it need not wait for that.
/// If nothing stands in its way any more it gets in line again.
fn look_into(inner: &Arc<Inner>, mut member: Member, refusal: Refusal) {
    let inner = Arc::clone(inner);
    let runtime = inner.committer.runtime.clone();
    let place = member.hold.take().map(|hold| hold.place());
    runtime.spawn(async move {
        match inner.refuse(&member.prepared, &refusal).await {
            Ok(Some(committed)) => member.answer(Ok(committed)),
            Ok(None) => {
                tokio::time::sleep(delay(member.tries)).await;
                member.tries += 1;
                meters::retried(1);
                inner.enqueue_at(place, member);
            }
            Err(error) => member.answer(Err(error)),
        }
    });
}

#[cfg(test)]
mod tests;
