//! The parent's own commits: the end of the run, and what a wrong reader cannot survive.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use bson::doc;
use chrono::Utc;
use earnorm_core::commit::{Append, Commit, Committed};
use earnorm_core::event::NewEvent;
use earnorm_core::metadata::Metadata;
use earnorm_core::ports::{Ids, RandomIds};
use earnorm_core::store::Store;
use earnorm_core::stream::{ExpectedVersion, StreamId};
use earnorm_store::MongoStore;
use earnorm_store::sabotage::Sabotage;
use tokio::sync::{mpsc, watch};

use super::keys::{Key, event_id, key};
use super::line::{How, Line, Order};

/// The parent's lanes: one for what it commits itself, one for what stalls.
pub(crate) const LANE: u32 = 0;
const STALLING_LANE: u32 = 1;
/// The first lane of writers.
pub(crate) const FIRST_LANE: u32 = 2;

/// How long a provocation holds its position: longer than a wrong reader waits.
const HOLD: Duration = Duration::from_millis(1_000);
/// The time between commits that overtake it.
const OVERTAKE: Duration = Duration::from_millis(30);

/// A commit of one event.
pub(crate) fn note(first: Key) -> Result<Commit> {
    let event = NewEvent {
        id: event_id(first),
        event_type: "note.taken".to_owned(),
        schema_version: 1,
        data: doc! { "nth": 0_i64, "of": 1_i64 },
        metadata: Metadata::new(),
        recorded_at: Utc::now(),
    };
    let mut commit = Commit::new(RandomIds.next());
    commit.appends.push(Append {
        stream: StreamId::new("note", first.to_string())?,
        expected: ExpectedVersion::NoStream,
        not_before: None,
        events: vec![event],
    });
    Ok(commit)
}

/// The line of an acknowledged commit.
pub(crate) fn ack(first: Key, committed: &Committed, how: How) -> Line {
    let events = committed.events.iter().map(|event| (event.position.get(), event.version)).collect();
    Line::Ack { first, events, mark: 0, how, millis: 0 }
}

/// What a wrong reader cannot survive.
pub(crate) struct Provoker {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) hostile: MongoStore,
    pub(crate) lines: mpsc::UnboundedSender<Line>,
    rounds: u64,
    notes: u64,
}

impl Provoker {
    pub(crate) fn new(store: Arc<dyn Store>, hostile: MongoStore, lines: mpsc::UnboundedSender<Line>) -> Self {
        Self { store, hostile, lines, rounds: 0, notes: 0 }
    }

    /// Goes on until the run stops.
    pub(crate) async fn run(mut self, orders: watch::Receiver<Order>) -> Result<()> {
        while *orders.borrow() == Order::Go {
            self.round().await?;
        }
        Ok(())
    }

    /// Holds a position while others overtake it: whoever reads past the mark meanwhile misses it. On a log where
    /// nobody else writes that is certain.
    pub(crate) async fn round(&mut self) -> Result<()> {
        let first = key(STALLING_LANE, self.rounds);
        self.rounds += 1;
        let (writer, commit) = (self.hostile.clone(), note(first)?);
        let stalled = tokio::spawn(async move { writer.sabotage(commit, Sabotage::Stall(HOLD)).await });
        while !stalled.is_finished() {
            let first = key(LANE, self.notes);
            self.notes += 1;
            let committed = self.store.commit(note(first)?).await?;
            self.tell(ack(first, &committed, How::Plain));
            tokio::time::sleep(OVERTAKE).await;
        }
        self.tell(ack(first, &stalled.await??, How::Stall));
        Ok(())
    }

    fn tell(&self, line: Line) {
        let _unheard = self.lines.send(line);
    }
}
