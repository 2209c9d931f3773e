//! What the runner reads and writes of itself: its record, its checkpoint, the collections of its builds.

use std::sync::Arc;
use std::time::Duration;

use earnorm_core::commit::{Checkpoint, CheckpointWrite, Commit};
use earnorm_core::position::Position;
use earnorm_core::{Error, Result};

use super::super::record::Record;
use super::Runner;
use crate::backoff::Backoff;

/// What became of a commit.
pub(super) enum Wrote {
    /// It is durable.
    Done,
    /// Someone else has taken the projection over, or changed its record.
    Lost,
}

impl Runner {
    /// Reads where it stands and begins from there, a version that is new to the store with nothing; `false` when the
    /// projection was taken over.
    pub(super) async fn load(&mut self) -> Result<bool> {
        let store = Arc::clone(self.shared.db.store());
        self.read = self.claim.checkpoint.position;
        (self.caught_up, self.unwritten) = (false, None);
        let found = Record::find(&self.shared.db, &self.handler.id).await?;
        let is_new = found.is_none();
        // The epoch is a number that no build had before, should the record have been lost.
        let build = u32::try_from(self.claim.checkpoint.epoch).unwrap_or(u32::MAX);
        self.record = found.unwrap_or_else(|| Record::new(self.folds.name(), self.folds.version(), build));
        let rows = self.record.rows(&*store, self.record.build);
        if !self.record.retired {
            store.admin().prepare(&[self.folds.collection(rows.clone())]).await?;
        }
        self.folding = self.folds.begin(&self.shared.db, rows);
        if is_new {
            let next = self.record.clone();
            if let Wrote::Lost = self.commit(Position::START, next).await? {
                return Ok(false);
            }
        }
        if let Some(failing) = &mut self.record.failing {
            // A program that begins may have been mended: it tries at once.
            failing.next_try_at = self.shared.db.now();
        }
        self.drop_old().await?;
        Ok(true)
    }

    /// Writes the progress; `false` when the projection was taken over.
    pub(super) async fn flush(&mut self) -> Result<bool> {
        if self.read == self.claim.checkpoint.position {
            self.unwritten = None;
            return Ok(true);
        }
        let next = self.record.clone();
        Ok(matches!(self.commit(self.read, next).await?, Wrote::Done))
    }

    /// Readers turn to what was built, which has reached the end of the log.
    pub(super) async fn go_live(&mut self) -> Result<bool> {
        let next = Record { live: self.record.build, ..self.record.clone() };
        if let Wrote::Lost = self.commit(self.read, next).await? {
            return Ok(false);
        }
        self.drop_old().await?;
        Ok(true)
    }

    /// Drops the collections of builds that nobody reads any more.
    pub(super) async fn drop_old(&mut self) -> Result<()> {
        let record = &mut self.record;
        if record.oldest >= record.live.max(1) && record.oldest >= record.build {
            return Ok(());
        }
        let store = self.shared.db.store();
        for build in record.oldest..record.build {
            if build != record.live {
                store.admin().drop_collection(&record.rows(&**store, build)).await?;
            }
        }
        if record.is_live() {
            // It is stored with the record's next change; until then they are dropped again, which is nothing.
            record.oldest = record.build;
        }
        Ok(())
    }

    /// Commits the rows that changed, the checkpoint, and the record where it changed.
    pub(super) async fn commit(&mut self, position: Position, mut next: Record) -> Result<Wrote> {
        let store = Arc::clone(self.shared.db.store());
        let checkpoint = Checkpoint { position, ..self.claim.checkpoint };
        let mut commit = Commit::new(self.shared.db.next_id());
        commit.checkpoints.push(CheckpointWrite {
            consumer: self.handler.id.to_string(),
            expected: Some(self.claim.checkpoint),
            next: checkpoint,
        });
        commit.documents = self.folding.writes()?;
        let changed = next != self.record || self.record.record == 0;
        if changed {
            commit.documents.push(self.record.write(&*store, &mut next));
        }
        if commit.documents.is_empty() && checkpoint == self.claim.checkpoint {
            self.written(checkpoint);
            return Ok(Wrote::Done);
        }
        let mut backoff = Backoff::new(Duration::from_millis(20), Duration::from_secs(1));
        loop {
            // The same commit again: a lost answer is settled by its id.
            match store.commit(commit.clone()).await {
                Ok(_) => break,
                Err(Error::Conflict(_) | Error::CheckpointConflict { .. }) => return Ok(Wrote::Lost),
                Err(error) => self.shared.wait_out(&self.handler.id, error, &mut backoff).await?,
            }
        }
        if changed {
            self.record = next;
        }
        self.folding.written();
        self.written(checkpoint);
        Ok(Wrote::Done)
    }

    fn written(&mut self, checkpoint: Checkpoint) {
        self.claim.checkpoint = checkpoint;
        (self.read, self.unwritten) = (checkpoint.position, None);
    }
}
