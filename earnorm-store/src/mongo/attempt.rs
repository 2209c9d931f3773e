//! One attempt: guarded documents, reservation, events, commit, in one transaction.

use bson::raw::RawDocumentBuf;
use bson::{Bson, Document, doc};
use earnorm_core::commit::{Commit, Committed};
use earnorm_core::stream::ExpectedVersion;
use earnorm_core::{Error, Result};
use mongodb::ClientSession;
use mongodb::error::{TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT};
use mongodb::options::{ReadConcern, ReadPreference, ReturnDocument, SelectionCriteria, SessionOptions, WriteConcern};
use tokio::time::Instant;

use super::commit::Backoff;
use super::error::{is_passing, store_error, text};
use super::events::{Head, Plan};
use super::fault::Fault;
use super::fitness::number;
use super::guard::{Group, groups};
use super::inner::Inner;
use super::options::durable;
use super::prepare::POSITIONS;
use super::raw::{Reply, unencodable};
use super::settle::Refusal;

/// Positions that are reserved for one attempt: first and last.
pub(super) type Range = (i64, i64);

/// Why an attempt did not become a commit.
pub(super) enum Failure {
    /// Nothing was written, and another attempt may succeed.
    Again { said: String, counter_behind: bool },
    /// The database names what does not hold.
    Refused(Refusal),
    /// It may be there or not.
    Unclear { range: Option<Range>, said: String },
    /// Nothing was written, and another attempt would fail alike.
    Final(Error),
    /// A sabotaged writer is gone: nothing is cleaned up.
    Gone,
}

impl Failure {
    pub(super) fn again(said: impl Into<String>) -> Self {
        Self::Again { said: said.into(), counter_behind: false }
    }

    /// The failure of a call inside the transaction, before the commit was sent.
    pub(super) fn of(what: &str, error: &mongodb::error::Error) -> Self {
        if error.contains_label(TRANSIENT_TRANSACTION_ERROR) || is_passing(error) {
            Self::again(text(error))
        } else {
            Self::Final(store_error(what, error))
        }
    }
}

/// One commit on its way, over all its attempts.
pub(super) struct Flush<'a> {
    pub(super) inner: &'a Inner,
    pub(super) commit: &'a Commit,
    pub(super) deadline: Instant,
    /// Encoded once: no attempt changes them.
    pub(super) groups: Vec<Group<'a>>,
    fault: Option<Fault>,
    /// How often in a row a reserved position was taken.
    fenced: u32,
}

impl<'a> Flush<'a> {
    pub(super) fn new(inner: &'a Inner, commit: &'a Commit, deadline: Instant, fault: Option<Fault>) -> Result<Self> {
        let groups = groups(commit, &inner.names.checkpoints).map_err(|error| unencodable(&error))?;
        Ok(Self { inner, commit, deadline, groups, fault, fenced: 0 })
    }

    /// Tries once. What it reserved and gave up is filled before it answers.
    pub(super) async fn attempt(&mut self) -> Result<Committed, Failure> {
        let mut session = self.begin().await?;
        let mut range = None;
        let outcome = self.write(&mut session, &mut range).await;
        let plan = match outcome {
            Ok(plan) => plan,
            Err(failure) => {
                // The driver swallows what the server says to an abort; a dead transaction is aborted all the same.
                let _aborted = session.abort_transaction().await;
                drop(session);
                if let (Some(range), false) = (range, matches!(failure, Failure::Gone)) {
                    self.inner.fill(range).await;
                }
                return Err(failure);
            }
        };
        self.finish(session, range).await?;
        Ok(plan.committed)
    }

    async fn begin(&self) -> Result<ClientSession, Failure> {
        let options = SessionOptions::builder().causal_consistency(false).build();
        let started = self.inner.client.start_session().with_options(options).await;
        let mut session = started.map_err(|error| Failure::of("start a session", &error))?;
        session
            .start_transaction()
            .read_concern(ReadConcern::snapshot())
            .write_concern(durable())
            .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
            .max_commit_time(self.inner.commit_timeout)
            .await
            .map_err(|error| Failure::of("start a transaction", &error))?;
        Ok(session)
    }

    async fn write(&mut self, session: &mut ClientSession, range: &mut Option<Range>) -> Result<Plan, Failure> {
        for (index, group) in self.groups.iter().enumerate() {
            let reply = self.run(session, group.command.clone()).await?;
            group.judge(index, &reply, self.inner).map_err(|error| *error)?;
        }
        let heads = self.heads(session).await?;
        let events = self.commit.events();
        if events == 0 {
            return Ok(Plan::empty(self.commit));
        }
        let first = self.reserve(events).await?;
        let last = first + i64::try_from(events).unwrap_or(i64::MAX) - 1;
        *range = Some((first, last));
        if self.fault == Some(Fault::AbandonAfterReserve) {
            return Err(Failure::Gone);
        }
        let mut plan = Plan::new(self.commit, &heads, first, &self.inner.names.events)
            .map_err(|error| Failure::Final(unencodable(&error)))?;
        for (offset, command) in std::mem::take(&mut plan.commands) {
            let reply = self.run(session, command).await?;
            if let Some(fault) = reply.fault {
                return Err(plan.judge(self.commit, offset, &fault, &mut self.fenced));
            }
        }
        self.fenced = 0;
        match self.fault {
            Some(Fault::AbortAfterInsert) => return Err(Failure::Gone),
            Some(Fault::Stall(time)) => tokio::time::sleep(time).await,
            _ => {}
        }
        Ok(plan)
    }

    /// Runs one command in the transaction. A server's error is never passed over: the transaction is dead after it.
    async fn run(&self, session: &mut ClientSession, command: RawDocumentBuf) -> Result<Reply, Failure> {
        let answer = self.inner.db.run_raw_command(command).session(session).await;
        answer.map(|answer| Reply::read(&answer)).map_err(|error| Failure::of("write the commit", &error))
    }

    /// The last events of the streams where they are not implied by a guarded document. The first statement opens the
    /// transaction on the server, which must come before the reservation: so a commit that has nothing else looks.
    async fn heads(&self, session: &mut ClientSession) -> Result<Vec<Head>, Failure> {
        let mut heads = Vec::with_capacity(self.commit.appends.len());
        let mut opened = !self.groups.is_empty();
        for (index, append) in self.commit.appends.iter().enumerate() {
            let implied = match append.expected {
                ExpectedVersion::NoStream => opened,
                ExpectedVersion::Exact(version) => self.is_guarded(append.stream.key(), version),
                ExpectedVersion::Any => false,
            };
            if implied {
                heads.push(Head { version: append.expected.base().unwrap_or(0), at: None });
                continue;
            }
            let head = self.head(session, &append.stream.to_string()).await?;
            opened = true;
            if append.expected.base().is_some_and(|base| base != head.version) {
                return Err(Failure::Refused(Refusal::Stream(index)));
            }
            heads.push(head);
        }
        Ok(heads)
    }

    /// Whether a document of this commit with the stream's key is guarded at `version`: a state document's version is
    /// its stream's, so the stream needs no look of its own.
    fn is_guarded(&self, key: &str, version: u64) -> bool {
        self.groups
            .iter()
            .flat_map(|group| &group.items)
            .any(|item| item.expected == Some(version) && item.key() == key)
    }

    async fn head(&self, session: &mut ClientSession, stream: &str) -> Result<Head, Failure> {
        let command = doc! {
            "find": &self.inner.names.events,
            "filter": { "s": { "$eq": stream } },
            "sort": { "v": -1 },
            "projection": { "_id": 0, "v": 1, "at": 1 },
            "limit": 1,
            "singleBatch": true,
        };
        let answer = self.inner.db.run_command(command).session(session).await;
        let answer = answer.map_err(|error| Failure::of("read the end of a stream", &error))?;
        let batch = answer.get_document("cursor").and_then(|cursor| cursor.get_array("firstBatch")).ok();
        Ok(batch.and_then(|batch| batch.first()).and_then(Bson::as_document).map_or(Head::NONE, Head::read))
    }

    /// Reserves positions outside the transaction, but inside its lifetime: the transaction pins the primary's term, so
    /// that one node's acknowledgement is enough.
    async fn reserve(&self, events: usize) -> Result<i64, Failure> {
        let count = i64::try_from(events).unwrap_or(i64::MAX);
        let counters = self.inner.db.collection::<Document>(&self.inner.names.counters);
        let counter = counters
            .find_one_and_update(doc! { "_id": POSITIONS }, doc! { "$inc": { "n": count } })
            .return_document(ReturnDocument::After)
            .write_concern(WriteConcern::nodes(1))
            .await
            .map_err(|error| Failure::of("reserve positions", &error))?;
        match counter.as_ref().and_then(|counter| number(counter, "n")) {
            Some(last) => Ok(last - count + 1),
            None => Err(Failure::Again { said: "the position counter was gone".to_owned(), counter_behind: true }),
        }
    }

    /// Commits, and commits again in the same session while the answer is unclear.
    async fn finish(&mut self, mut session: ClientSession, range: Option<Range>) -> Result<(), Failure> {
        if let Some(fault @ (Fault::FailCommitOnce | Fault::LoseCommitAnswer)) = self.fault {
            self.fault = None;
            let _unheard = match fault {
                Fault::FailCommitOnce => session.abort_transaction().await,
                _ => session.commit_transaction().await,
            };
            return Err(Failure::Unclear { range, said: "the answer was lost".to_owned() });
        }
        let mut backoff = Backoff::new(self.deadline);
        let mut unclear = false;
        loop {
            let Err(error) = session.commit_transaction().await else { return Ok(()) };
            let said = text(&error);
            if error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) {
                unclear = true;
                if backoff.wait().await {
                    continue;
                }
                return Err(Failure::Unclear { range, said });
            }
            drop(session);
            if unclear || !error.contains_label(TRANSIENT_TRANSACTION_ERROR) {
                return Err(Failure::Unclear { range, said });
            }
            if let Some(range) = range {
                self.inner.fill(range).await;
            }
            return Err(Failure::again(said));
        }
    }
}
