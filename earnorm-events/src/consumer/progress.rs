//! Writing progress: the checkpoint, and with it the records that changed.

use std::time::Duration;

use earnorm_core::commit::{Checkpoint, CheckpointWrite, Commit, DocumentWrite};
use earnorm_core::{Error, Result};

use super::{Consumer, FLUSH_EVERY, SKIP_EVERY};
use crate::backoff::Backoff;
use crate::meter;

impl Consumer {
    /// How long progress may stay unwritten.
    pub(super) fn flush_after(&self) -> Duration {
        if self.handled { FLUSH_EVERY } else { SKIP_EVERY }
    }

    /// Whether progress is to be written now: when time is over, or when there is nothing else to do.
    pub(super) fn flush_is_due(&self) -> bool {
        let Some(since) = self.unwritten else { return false };
        let in_unit = self.handler.call.is_transactional() && !self.jobs.is_empty();
        let quiet = self.is_through() && (self.handled || *self.shared.awaited.borrow() > 0);
        !in_unit && (quiet || since.elapsed() >= self.flush_after())
    }

    /// Whether there is nothing else to do than to write progress.
    pub(super) fn is_through(&self) -> bool {
        let in_unit = self.handler.call.is_transactional() && !self.jobs.is_empty();
        self.caught_up && self.open.is_empty() && !in_unit
    }

    /// Writes the progress; `false` when the handler was taken over.
    pub(super) async fn flush(&mut self) -> Result<bool> {
        if self.mark() == self.claim.checkpoint.position {
            self.unwritten = None;
            return Ok(true);
        }
        self.write(Vec::new()).await
    }

    /// Writes records with the progress; `false` when the handler was taken over.
    pub(super) async fn write(&mut self, documents: Vec<DocumentWrite>) -> Result<bool> {
        let next = Checkpoint { position: self.mark(), ..self.claim.checkpoint };
        let mut commit = Commit::new(self.shared.db.next_id());
        commit.checkpoints.push(self.checkpoint_write(next));
        commit.documents = documents;
        let mut backoff = Backoff::new(Duration::from_millis(20), Duration::from_secs(1));
        loop {
            // The same commit again: a lost answer is settled by its id.
            match self.shared.db.store().commit(commit.clone()).await {
                Ok(_) => {
                    self.written(next);
                    return Ok(true);
                }
                Err(Error::CheckpointConflict { .. }) => {
                    meter::stale(&self.handler.id);
                    return Ok(false);
                }
                Err(Error::Conflict(_)) => return Ok(false),
                Err(error) => self.shared.wait_out(&self.handler.id, error, &mut backoff).await?,
            }
        }
    }

    pub(super) fn checkpoint_write(&self, next: Checkpoint) -> CheckpointWrite {
        CheckpointWrite { consumer: self.handler.id.to_string(), expected: Some(self.claim.checkpoint), next }
    }

    pub(super) fn written(&mut self, checkpoint: Checkpoint) {
        self.claim.checkpoint = checkpoint;
        (self.unwritten, self.handled) = (None, false);
        self.show();
    }
}
