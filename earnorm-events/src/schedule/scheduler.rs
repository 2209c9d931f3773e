//! What looks after the schedules: one process at a time, under a lease as handlers have it.

use std::sync::Arc;
use std::time::Duration;

use earnorm_core::commit::{CheckpointWrite, Commit};
use earnorm_core::error::Applied;
use earnorm_core::position::Position;
use earnorm_core::{Error, Result};
use tokio::sync::watch;
use tokio::time::Instant;

use super::due::due;
use super::firing::{aside, firing};
use super::record::Record;
use crate::backoff::Backoff;
use crate::consumer::{Control, End, Seen, Shared, passed, stopped};
use crate::handler::{Handler, Start};
use crate::lease::Claim;

/// The id of its lease and checkpoint; handlers have no such ids.
pub(crate) const SCHEDULER: &str = "earnorm:scheduler";

/// How long it waits at most before it looks whether something is due: clocks may jump.
const TICK: Duration = Duration::from_secs(1);
/// How long it rests between two looks though the log moves: what moved may be a plan.
const REST: Duration = Duration::from_millis(100);

/// The scheduler as something that is leased. It is not called: the bus runs a [`Scheduler`] in its place.
pub(crate) fn handler() -> Handler {
    let handler = Handler::new(SCHEDULER, |_: Arc<earnorm_core::event::RecordedEvent>, _| async { Ok(()) });
    // It reads nothing of the log: its checkpoint is the fence of its lease only, and must hold no truncation back.
    handler.on([super::PLANNED]).start(Start::After(Position::END)).written_at("the bus")
}

/// A scheduler at work.
pub(crate) struct Scheduler {
    shared: Shared,
    claim: Claim,
    control: watch::Receiver<Control>,
    seen: watch::Sender<Seen>,
    backoff: Backoff,
}

/// What became of a commit.
enum Fired {
    Done,
    /// The record was changed by someone else.
    Moved,
    /// Another process is the scheduler now.
    Lost,
}

impl Scheduler {
    pub(crate) fn new(
        shared: Shared,
        claim: Claim,
        control: watch::Receiver<Control>,
        seen: watch::Sender<Seen>,
    ) -> Self {
        let backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
        Self { shared, claim, control, seen, backoff }
    }

    /// Runs until the bus stops or another process takes over. Errors that pass are waited out; any other ends it.
    pub(crate) async fn run(mut self) -> Result<End> {
        loop {
            match self.work().await {
                Ok(end) => return Ok(end),
                Err(error) => self.shared.wait_out(SCHEDULER, error, &mut self.backoff).await?,
            }
        }
    }

    async fn work(&mut self) -> Result<End> {
        let mut stopping = self.shared.stopping.clone();
        loop {
            if *stopping.borrow() {
                return Ok(End::Stopped(self.claim));
            }
            let (mut end, rested) = (self.shared.end.clone(), Instant::now() + REST);
            let reached = *end.borrow();
            let paused = self.control.borrow_and_update().paused;
            self.show(paused);
            let pause = if paused { Some(TICK) } else { self.look().await? };
            let Some(pause) = pause else { return Ok(End::Lost) };
            self.backoff.reset();
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.shared.due.notified() => {}
                () = async {
                    passed(&mut end, reached).await;
                    tokio::time::sleep_until(rested).await;
                } => {}
                _ = self.control.changed() => {}
                () = stopped(&mut stopping) => {}
            }
        }
    }

    fn show(&self, paused: bool) {
        let stored = self.claim.checkpoint.position;
        let seen = Seen { read: stored, stored, idle: true, paused, ..Seen::default() };
        seen.show(&self.seen);
    }

    /// Fires what is due, and answers how long there is nothing to do; `None` when another process has taken over.
    async fn look(&mut self) -> Result<Option<Duration>> {
        loop {
            let due = due(&self.shared.db).await?;
            if due.now.is_empty() {
                let until = due.next.map(|next| (next - self.shared.db.now()).to_std().unwrap_or_default());
                return Ok(Some(until.unwrap_or(TICK).clamp(Duration::from_millis(1), TICK)));
            }
            for record in due.now {
                if *self.shared.stopping.borrow() || self.control.borrow().paused {
                    return Ok(Some(Duration::from_millis(1)));
                }
                match self.fire(&record).await? {
                    Fired::Done => {}
                    Fired::Moved => tokio::time::sleep(Duration::from_millis(5)).await,
                    Fired::Lost => return Ok(None),
                }
            }
        }
    }

    async fn fire(&mut self, record: &Record) -> Result<Fired> {
        let fired = match firing(&self.shared.db, record).await {
            Ok(commit) => self.commit(commit).await,
            Err(error) => Err(error),
        };
        match fired {
            // One that cannot be fired must not keep the others from it.
            Err(error) if !error.is_retryable() && error.was_applied() == Applied::No => {
                if matches!(error, Error::Closed) {
                    return Err(error);
                }
                tracing::error!(schedule = record.id, %error, "the schedule cannot be fired and is taken aside");
                self.commit(aside(&self.shared.db, record, error.to_string())).await
            }
            other => other,
        }
    }

    /// Commits under the lease.
    async fn commit(&mut self, mut commit: Commit) -> Result<Fired> {
        let store = self.shared.db.store();
        let held = self.claim.checkpoint;
        commit.checkpoints.push(CheckpointWrite { consumer: SCHEDULER.to_owned(), expected: Some(held), next: held });
        let mut backoff = Backoff::new(Duration::from_millis(20), Duration::from_secs(1));
        loop {
            // The same commit again: a lost answer is settled by its id.
            match store.commit(commit.clone()).await {
                Ok(_) => return Ok(Fired::Done),
                Err(Error::CheckpointConflict { .. }) => return Ok(Fired::Lost),
                Err(Error::Conflict(_)) => return Ok(Fired::Moved),
                Err(error) => self.shared.wait_out(SCHEDULER, error, &mut backoff).await?,
            }
        }
    }
}
