//! One attempt: guarded documents, reservation, events, commit, in one transaction of one or many commits.

use bson::raw::RawDocumentBuf;
use earnorm_core::commit::Committed;
use mongodb::ClientSession;
use mongodb::error::{TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT};
use mongodb::options::{ReadConcern, ReadPreference, SelectionCriteria, SessionOptions};

use super::backoff::Backoff;
use super::batch::Batch;
use super::error::{code, text};
use super::events::Plan;
use super::failure::Failure;
use super::fault::Fault;
use super::guard::{Group, groups};
use super::inner::Inner;
use super::member::Member;
use super::meters;
use super::options::durable;
use super::raw::{Reply, unencodable};
use super::refusal::Refusal;

/// Positions that are reserved for one attempt: first and last.
pub(super) type Range = (i64, i64);

/// What each member becomes, by its number.
pub(super) type Receipts = Vec<(usize, Committed)>;

/// One transaction, and what it learns about its members.
#[derive(Default)]
pub(super) struct Attempt {
    /// Members that the database refuses, and why.
    pub(super) refused: Vec<(usize, Refusal)>,
    /// Members that must be tried alone: what was said of them may be due to the others.
    pub(super) apart: Vec<(usize, String)>,
    /// Members that have written something in this transaction.
    pub(super) touched: Vec<bool>,
    pub(super) reserved: Option<Reserved>,
}

/// What was reserved for an attempt.
#[derive(Clone, Copy)]
pub(super) struct Reserved {
    pub(super) range: Range,
    /// Whether it ends with the transaction, or is a hole when that fails.
    pub(super) inside: bool,
}

impl Attempt {
    /// Tries once. What it reserved and gave up is filled before it answers.
    pub(super) async fn run(&mut self, inner: &Inner, batch: &mut Batch) -> Result<Receipts, Failure> {
        self.touched = vec![false; batch.members.len()];
        batch.die_at(Fault::AbandonBeforeTransaction)?;
        let mut session = begin(inner).await?;
        let plan = match self.write(inner, batch, &mut session).await {
            Ok(plan) => plan,
            Err(Failure::Gone) if batch.fault.is_some_and(Fault::freezes) => {
                // As a process that stands still: its session is neither ended nor given back.
                std::mem::forget(session);
                return Err(Failure::Gone);
            }
            Err(failure) => {
                // The driver swallows what the server says to an abort; a dead transaction is aborted all the same.
                let _aborted = session.abort_transaction().await;
                drop(session);
                if !matches!(failure, Failure::Gone) {
                    self.give_up(inner).await;
                }
                return Err(failure);
            }
        };
        let Some(plan) = plan else {
            let _aborted = session.abort_transaction().await;
            return Ok(Vec::new());
        };
        self.finish(inner, batch, session, plan.receipts).await
    }

    /// Everything but the commit. `None` when all members were refused.
    async fn write(
        &mut self,
        inner: &Inner,
        batch: &mut Batch,
        session: &mut ClientSession,
    ) -> Result<Option<Plan>, Failure> {
        let inside = inner.may_hold_counter(batch);
        // Inside, the reservation may open the transaction itself.
        let mut opened = inside;
        for group in groups(&batch.members, &inner.names) {
            opened |= self.guard(inner, &batch.members, session, group).await?;
        }
        let heads = self.heads(inner, &batch.members, session, opened).await?;
        batch.die_at(Fault::AbandonAfterGuards)?;
        batch.die_at(Fault::FreezeInTransaction)?;
        let live = self.live(&batch.members);
        if live.is_empty() {
            return Ok(None);
        }
        let events = live.iter().filter_map(|&index| batch.members.get(index));
        let events: usize = events.map(|member| member.prepared.commit.events()).sum();
        let first = match events {
            0 => 0,
            _ => self.reserve(inner, inside.then_some(&mut *session), events).await?,
        };
        batch.die_at(Fault::FreezeWithCounter)?;
        batch.die_at(Fault::AbandonAfterReserve)?;
        let mut plan = Plan::new(&batch.members, &live, &heads, first, &inner.names.events)
            .map_err(|error| Failure::Final(unencodable(&error)))?;
        for (offset, command) in std::mem::take(&mut plan.commands) {
            let reply = run(inner, session, command).await?;
            if let Some(fault) = reply.fault {
                return Err(self.judge_insert(batch, &plan, offset, &fault));
            }
        }
        batch.fenced = 0;
        batch.die_at(Fault::AbortAfterInsert)?;
        batch.die_at(Fault::FreezeAfterInsert)?;
        if let Some(Fault::Stall(time)) = batch.fault {
            batch.fault = None;
            tokio::time::sleep(time).await;
        }
        Ok(Some(plan))
    }

    /// The members that are still part of this transaction.
    fn live(&self, members: &[Member]) -> Vec<usize> {
        (0..members.len()).filter(|&index| self.is_live(index)).collect()
    }

    pub(super) fn is_live(&self, index: usize) -> bool {
        self.refused.iter().all(|(refused, _)| *refused != index)
    }

    /// Writes a group of guarded statements; whether anything was sent.
    async fn guard(
        &mut self,
        inner: &Inner,
        members: &[Member],
        session: &mut ClientSession,
        mut group: Group,
    ) -> Result<bool, Failure> {
        group.entries.retain(|(member, _)| self.is_live(*member));
        if group.entries.is_empty() {
            return Ok(false);
        }
        let reply = run(inner, session, group.command(members)).await?;
        if let Some(fault) = &reply.fault {
            return Err(self.judge_guard(inner, members, &group, fault));
        }
        let stale = if reply.n == group.entries.len() {
            Vec::new()
        } else {
            inner.stale_entries(members, &group, reply.n).await?
        };
        for (member, statement) in &group.entries {
            if let (Some(touched), false) = (self.touched.get_mut(*member), stale.contains(&(*member, *statement))) {
                *touched = true;
            }
        }
        let mut outcome = Ok(());
        for (member, statement) in stale {
            outcome = outcome.and(self.refuse(member, Refusal::Stale(statement)));
        }
        outcome.map(|()| true)
    }

    /// Fills positions whose transaction failed, where they did not end with it.
    async fn give_up(&self, inner: &Inner) {
        if let Some(Reserved { range, inside: false }) = self.reserved {
            meters::gave_up(range);
            inner.fill(range).await;
        }
    }

    /// Commits, and commits again in the same session while the answer is unclear.
    async fn finish(
        &self,
        inner: &Inner,
        batch: &mut Batch,
        mut session: ClientSession,
        receipts: Receipts,
    ) -> Result<Receipts, Failure> {
        let range = self.reserved.map(|reserved| reserved.range);
        if let Some(fault @ (Fault::FailCommitOnce | Fault::LoseCommitAnswer)) = batch.fault {
            batch.fault = None;
            let _unheard = match fault {
                Fault::FailCommitOnce => session.abort_transaction().await,
                _ => session.commit_transaction().await,
            };
            return Err(Failure::Unclear { range, receipts, said: "the answer was lost".to_owned() });
        }
        let mut backoff = Backoff::new(batch.deadline());
        let mut unclear = false;
        loop {
            let Err(error) = session.commit_transaction().await else {
                batch.die_at(Fault::AbandonAfterCommit)?;
                return Ok(receipts);
            };
            let said = text(&error);
            if error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) {
                unclear = true;
                if backoff.wait().await {
                    continue;
                }
                return Err(Failure::Unclear { range, receipts, said });
            }
            drop(session);
            if unclear || !error.contains_label(TRANSIENT_TRANSACTION_ERROR) {
                return Err(Failure::Unclear { range, receipts, said });
            }
            self.give_up(inner).await;
            return Err(Failure::Again { said, counter_behind: false, halve: code(&error).is_some() });
        }
    }
}

/// Opens a session and readies its transaction, which the server opens with the first statement.
async fn begin(inner: &Inner) -> Result<ClientSession, Failure> {
    let options = SessionOptions::builder().causal_consistency(false).build();
    let started = inner.commits.start_session().with_options(options).await;
    let mut session = started.map_err(|error| Failure::of("start a session", &error))?;
    session
        .start_transaction()
        .read_concern(ReadConcern::snapshot())
        .write_concern(durable())
        .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
        .max_commit_time(inner.commit_timeout)
        .await
        .map_err(|error| Failure::of("start a transaction", &error))?;
    Ok(session)
}

/// Runs one command in the transaction. A server's error is never passed over: the transaction is dead after it.
async fn run(inner: &Inner, session: &mut ClientSession, command: RawDocumentBuf) -> Result<Reply, Failure> {
    let answer = inner.commits_db.run_raw_command(command).session(session).await;
    answer.map(|answer| Reply::read(&answer)).map_err(|error| Failure::of("write the commit", &error))
}
