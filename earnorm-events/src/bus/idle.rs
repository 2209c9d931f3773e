//! Waiting until everything that was recorded has been handled: for tests and for orderly ends.

use earnorm_core::position::Position;
use earnorm_core::{Error, Result};

use super::EventBus;

impl EventBus {
    /// Waits until every handler that runs here has dealt with everything that is in the log, and with what that caused.
    /// Retries that are due later, dead letters and paused handlers are not waited for.
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
        let running = shown.wait_for(|shown| shown.iter().all(|(_, seen)| seen.is_some()));
        let running = running.await.map_err(|_| Error::Closed)?.clone();
        for (_, seen) in running {
            let Some(mut seen) = seen else { continue };
            let idle = seen.wait_for(|seen| seen.idle && (seen.paused || seen.read >= end)).await.is_ok();
            if !idle && *self.inner.stop.borrow() {
                return Err(Error::Closed);
            }
        }
        Ok(())
    }
}
