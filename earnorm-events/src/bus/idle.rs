//! Waiting until everything that was recorded has been handled: for tests and for orderly ends.

use std::time::Duration;

use earnorm_core::position::Position;
use earnorm_core::store::Own;
use earnorm_core::{Error, Result};

use super::{EventBus, Place};
use crate::Follow;
use crate::consumer::stopped;
use crate::handler::Handler;

impl EventBus {
    /// Waits until every handler of this bus has dealt with everything that is in the log, and with what that caused,
    /// here or in the process that runs it. Retries that are due later, dead letters, paused handlers and projections that
    /// stand at a failed event are not waited for.
    ///
    /// # Errors
    /// What the store answers; [`Error::Closed`] when the bus has stopped.
    pub async fn run_until_idle(&self) -> Result<()> {
        loop {
            let end = self.inner.db.store().high_water().await?;
            self.handled(end).await?;
            if self.inner.db.store().high_water().await? == end {
                return Ok(());
            }
        }
    }

    async fn handled(&self, end: Position) -> Result<()> {
        let mut shown = self.inner.shown.clone();
        // A handler may be taken over from a process that is gone meanwhile.
        let placed = shown.wait_for(|shown| shown.iter().all(|(_, place)| !matches!(place, Place::Nowhere)));
        let placed = placed.await.map_err(|_| Error::Closed)?.clone();
        for (handler, place) in placed {
            let Place::Here(mut seen) = place else {
                self.handled_elsewhere(&handler, end).await?;
                continue;
            };
            let idle = seen.wait_for(|seen| seen.idle && (seen.paused || seen.stuck || seen.read >= end)).await.is_ok();
            if !idle && *self.inner.stop.borrow() {
                return Err(Error::Closed);
            }
        }
        Ok(())
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
