//! A hostile writer's lane: one commit after another, each with its own fate, each answer reported at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bson::{Bson, Document, doc};
use chrono::Utc;
use earnorm_core::commit::{Append, Commit, Committed, DocumentOp, DocumentWrite};
use earnorm_core::error::Applied;
use earnorm_core::event::NewEvent;
use earnorm_core::metadata::Metadata;
use earnorm_core::ports::{Ids, RandomIds};
use earnorm_core::store::Store;
use earnorm_core::stream::{ExpectedVersion, StreamId};
use earnorm_core::{Error, Result};
use earnorm_store::MongoStore;
use earnorm_store::sabotage::Sabotage;
use tokio::sync::watch;

use super::dice::{Dice, Shape};
use super::keys::{Key, event_id, key};
use super::line::{How, Line, Order, Why};
use super::place::ACCOUNTS;
use super::worker::Output;

/// How often an unclear commit is sent at most.
const SENDS_MAX: usize = 5;
/// The pause between two commits of a lane where nothing else slows it down.
const PAUSE: Duration = Duration::from_millis(5);

/// One lane of a writer.
pub(crate) struct Writer {
    pub(crate) lane: u32,
    pub(crate) dice: Dice,
    /// Where commits share transactions with those of other lanes.
    pub(crate) store: Arc<dyn Store>,
    /// Where sabotage happens.
    pub(crate) hostile: Option<MongoStore>,
    pub(crate) output: Output,
    pub(crate) orders: watch::Receiver<Order>,
    /// The number of the next event.
    pub(crate) number: u64,
    pub(crate) own: Own,
}

/// The account that only this lane changes.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Own {
    generation: u32,
    version: u64,
}

/// A commit and what it does to the lane's own account.
struct Draft {
    commit: Commit,
    first: Key,
    /// What the own account is if the commit is applied.
    own: Own,
    /// Whether others may be in its way.
    contested: bool,
}

impl Writer {
    /// Writes until it is told to stop.
    pub(crate) async fn run(mut self) {
        while *self.orders.borrow() == Order::Go {
            let fate = self.dice.fate();
            // A store that does not reserve positions has no way to go wrong like this.
            let (how, sabotage) = if self.hostile.is_some() { fate } else { (How::Plain, None) };
            let shape = self.dice.shape(how);
            let looks = self.dice.looks();
            match self.draft(shape).await {
                Ok(draft) => self.step(draft, how, sabotage, looks).await,
                Err(error) if error.is_retryable() => tokio::task::yield_now().await,
                Err(error) => self.trouble(&format!("could not read an account: {error}")),
            }
            if self.hostile.is_none() {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    async fn step(&mut self, draft: Draft, how: How, sabotage: Option<Sabotage>, looks: bool) {
        let mark = match looks {
            true => self.store.high_water().await.map_or(0, |mark| mark.get()),
            false => 0,
        };
        let first = draft.first;
        let events = draft.commit.events() as u64;
        let sent = Instant::now();
        match self.send(&draft.commit, sabotage).await {
            Ok(committed) => {
                self.own = draft.own;
                let events = committed.events.iter().map(|event| (event.position.get(), event.version)).collect();
                let millis = u64::try_from(sent.elapsed().as_millis()).unwrap_or(u64::MAX);
                self.output.tell(&Line::Ack { first, events, mark, how, millis });
            }
            Err(error) if error.was_applied() == Applied::Unknown => {
                self.output.tell(&Line::Unclear { first, events });
                self.another_account();
            }
            Err(error) => {
                self.output.tell(&Line::No { first, events, how, why: why(how, &error) });
                self.judge(&draft, &error);
            }
        }
    }

    /// Sends a commit, and sends it again while its fate is unclear.
    async fn send(&self, commit: &Commit, sabotage: Option<Sabotage>) -> Result<Committed> {
        let mut result = match (sabotage, &self.hostile) {
            (Some(how), Some(hostile)) => hostile.sabotage(commit.clone(), how).await,
            _ => self.store.commit(commit.clone()).await,
        };
        for _ in 1..SENDS_MAX {
            match &result {
                Err(error) if error.was_applied() == Applied::Unknown => {}
                _ => break,
            }
            result = self.store.commit(commit.clone()).await;
        }
        result
    }

    /// A refusal that nobody else can have caused is a fault of the store.
    fn judge(&mut self, draft: &Draft, error: &Error) {
        match error {
            Error::Store(_) => {}
            Error::Conflict(_) if draft.contested => {}
            other => self.trouble(&format!("commit of key {} was refused: {other}", draft.first)),
        }
    }

    fn trouble(&self, what: &str) {
        self.output.tell(&Line::Trouble { what: format!("lane {}: {what}", self.lane) });
    }

    /// Nobody knows at which version the own account stands: it is left alone.
    fn another_account(&mut self) {
        self.own = Own { generation: self.own.generation + 1, version: 0 };
    }

    async fn draft(&mut self, shape: Shape) -> Result<Draft> {
        let first = key(self.lane, self.number);
        let mut draft = Draft { commit: Commit::new(RandomIds.next()), first, own: self.own, contested: false };
        match shape {
            Shape::Shared(streams) => {
                for (stream, events) in streams {
                    let stream = StreamId::new("shared", stream.to_string())?;
                    draft.append(stream, ExpectedVersion::Any, "shared.noted", events);
                }
            }
            Shape::Note => {
                draft.append(StreamId::new("note", first.to_string())?, ExpectedVersion::NoStream, "note.taken", 1);
            }
            Shape::Own { events, whole } => {
                let id = self.own_id();
                draft.change(&id, self.own.version, events, whole)?;
                draft.own.version += events as u64;
            }
            Shape::Close if self.own.version == 0 => {
                let id = self.own_id();
                draft.change(&id, 0, 1, true)?;
                draft.own.version += 1;
            }
            Shape::Close => {
                let (id, expected) = (self.own_id(), self.own.version);
                let stream = StreamId::new("account", &id)?;
                draft.append(stream, ExpectedVersion::Exact(expected), "account.closed", 1);
                draft.document(&id, DocumentOp::Delete { expected });
                draft.own = Own { generation: self.own.generation + 1, version: 0 };
            }
            Shape::Contested { account, events } => {
                let id = format!("shared {account}");
                let found = self.store.get(ACCOUNTS, &Bson::String(id.clone())).await?;
                draft.contested = true;
                draft.change(&id, version(found.as_ref()), events, false)?;
            }
        }
        draft.number();
        self.number += draft.commit.events() as u64;
        Ok(draft)
    }

    fn own_id(&self) -> String {
        format!("{} {}", self.lane, self.own.generation)
    }
}

impl Draft {
    fn append(&mut self, stream: StreamId, expected: ExpectedVersion, event_type: &str, events: usize) {
        let event = NewEvent {
            id: RandomIds.next(),
            event_type: event_type.to_owned(),
            schema_version: 1,
            data: Document::new(),
            metadata: Metadata::new(),
            recorded_at: Utc::now(),
        };
        self.commit.appends.push(Append { stream, expected, not_before: None, events: vec![event; events] });
    }

    /// A change of a state document by so many events; its creation at version 0.
    fn change(&mut self, id: &str, version: u64, events: usize, whole: bool) -> Result<()> {
        let what = if version == 0 { "account.created" } else { "account.updated" };
        self.append(StreamId::new("account", id)?, ExpectedVersion::after(version), what, events);
        let next = Bson::Int64(int64(version + events as u64));
        let last = Bson::Int64(int64(self.first + self.commit.events() as u64 - 1));
        let document = doc! { "_id": id, "_v": next.clone(), "last": last.clone() };
        self.document(
            id,
            match version {
                0 => DocumentOp::Insert { document },
                expected if whole => DocumentOp::Replace { expected, document },
                expected => DocumentOp::Patch {
                    expected,
                    set: vec![("_v".to_owned(), next), ("last".to_owned(), last)],
                    unset: Vec::new(),
                },
            },
        );
        Ok(())
    }

    fn document(&mut self, id: &str, op: DocumentOp) {
        self.commit.documents.push(DocumentWrite { collection: ACCOUNTS.to_owned(), id: id.into(), op });
    }

    /// Gives the events their keys, and says in each which part of the commit it is.
    fn number(&mut self) {
        let all = self.commit.events() as u64;
        let events = self.commit.appends.iter_mut().flat_map(|append| &mut append.events);
        for (event, nth) in events.zip(0_u64..) {
            event.id = event_id(self.first + nth);
            event.data = doc! { "nth": int64(nth), "of": int64(all) };
        }
    }
}

fn version(document: Option<&Document>) -> u64 {
    document.and_then(|document| document.get_i64("_v").ok()).map_or(0, i64::unsigned_abs)
}

fn int64(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn why(how: How, error: &Error) -> Why {
    match (how, error) {
        (_, Error::Conflict(_)) => Why::Conflict,
        (How::Abandon, Error::Store(error)) if !error.retryable => Why::Abandoned,
        (How::Abort, Error::Store(error)) if !error.retryable => Why::Aborted,
        _ => Why::Failed,
    }
}
