//! Waiting until everything that was recorded has been handled: for tests and for orderly ends.

use std::time::Duration;

use earnorm_core::position::Position;
use earnorm_core::store::Own;
use earnorm_core::{Error, Result};
use tokio::sync::watch;
use tokio::time::Instant;

use super::{EventBus, Here, Place, ShownHandler};
use crate::Follow;
use crate::backoff::Backoff;
use crate::consumer::stopped;
use crate::handler::Handler;
use crate::schedule::{SCHEDULER, due};

/// Counts who waits, until it is dropped.
struct Awaited<'a>(&'a watch::Sender<usize>);

impl<'a> Awaited<'a> {
    fn begin(waiting: &'a watch::Sender<usize>) -> Self {
        waiting.send_modify(|waiting| *waiting += 1);
        Self(waiting)
    }
}

impl Drop for Awaited<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|waiting| *waiting = waiting.saturating_sub(1));
    }
}

impl EventBus {
    /// Waits until the schedules that are due are fired, here or by another process, system metrics that are due are
    /// published, and every handler of this bus has dealt with everything that is in the log, and with what that caused,
    /// here or in the process that runs it. Schedules and retries that are due later, dead letters, paused handlers,
    /// projections that stand at a failed event, and handlers that wait here for one of these ([`Handler::after`]) are not
    /// waited for. It has no time limit: while events keep coming, or a handler that runs in another process waits there for
    /// a parked stream, it goes on. Dropping it ends the wait and nothing else.
    ///
    /// # Errors
    /// What the store answers; [`Error::Closed`] when the bus has stopped.
    pub async fn run_until_idle(&self) -> Result<()> {
        let _awaited = Awaited::begin(&self.inner.awaited);
        // What was asked for meanwhile, from wherever, is obeyed first.
        self.nudge().look().await;
        #[cfg(feature = "system")]
        if let Some(system) = &self.inner.system {
            system.look().await;
        }
        loop {
            self.fired().await?;
            let end = self.inner.db.store().high_water().await?;
            self.handled(end).await?;
            if self.inner.db.store().high_water().await? == end && !self.is_due().await? {
                return Ok(());
            }
        }
    }

    async fn fired(&self) -> Result<()> {
        let mut backoff = Backoff::new(Duration::from_millis(5), Duration::from_millis(100));
        while self.is_due().await? {
            if *self.inner.stop.borrow() {
                return Err(Error::Closed);
            }
            self.inner.due.notify_one();
            tokio::time::sleep(backoff.wait()).await;
        }
        Ok(())
    }

    /// Whether a schedule is to be fired now.
    async fn is_due(&self) -> Result<bool> {
        if due(&self.inner.db).await?.now.is_empty() {
            return Ok(false);
        }
        let store = self.inner.db.store();
        let note = store.get(&store.admin().own(Own::Handlers), &SCHEDULER.into()).await?;
        Ok(!note.is_some_and(|note| note.get_bool("paused").unwrap_or(false)))
    }

    async fn handled(&self, end: Position) -> Result<()> {
        let mut backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(100));
        while !self.handled_where_placed(end).await? {
            if *self.inner.stop.borrow() {
                return Err(Error::Closed);
            }
            tokio::time::sleep(backoff.wait()).await;
            self.nudge().look().await;
        }
        Ok(())
    }

    /// Waits for every handler where it runs now; `false` when one ended there meanwhile, to begin anew or elsewhere.
    async fn handled_where_placed(&self, end: Position) -> Result<bool> {
        let mut shown = self.inner.shown.clone();
        // A handler may be taken over from a process that is gone meanwhile.
        let placed = shown.wait_for(|shown| !shown.handlers.iter().any(|one| matches!(one.place, Place::Nowhere)));
        let placed = placed.await.map_err(|_| Error::Closed)?.handlers.clone();
        for one in others_first(placed) {
            // What waits for others is at rest when it has looked at them while they were.
            let others_rest = Instant::now();
            let Place::Here(Here { mut seen, control, .. }) = one.place else {
                self.handled_elsewhere(&one.handler, end).await?;
                continue;
            };
            let idle = seen.wait_for(|seen| {
                let obeyed = seen.touched == control.borrow().touched;
                let held = seen.held.is_some_and(|looked| looked >= others_rest);
                (seen.idle || held) && obeyed && (seen.paused || seen.stuck || seen.read >= end)
            });
            if idle.await.is_err() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Waits for a handler that another process runs, or that is taken over from it meanwhile.
    async fn handled_elsewhere(&self, handler: &Handler, end: Position) -> Result<()> {
        let store = self.inner.db.store();
        let note = store.get(&store.admin().own(Own::Handlers), &handler.id().into()).await?;
        if note.is_some_and(|note| note.get_bool("paused").unwrap_or(false)) {
            return Ok(());
        }
        let mut stop = self.inner.stop.subscribe();
        tokio::select! {
            reached = self.inner.db.wait_until(end).consumer(handler.id()).within(Duration::MAX) => reached,
            () = stopped(&mut stop) => Err(Error::Closed),
        }
    }
}

/// Handlers in an order in which each comes after those that it waits for.
fn others_first(mut left: Vec<ShownHandler>) -> Vec<ShownHandler> {
    let mut ordered = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let waits =
            |one: &ShownHandler| left.iter().any(|other| one.handler.after.iter().any(|id| **id == *other.handler.id));
        // Those of a circle wait for ever, in any order.
        let next = left.iter().position(|one| !waits(one)).unwrap_or(0);
        ordered.push(left.remove(next));
    }
    ordered
}
