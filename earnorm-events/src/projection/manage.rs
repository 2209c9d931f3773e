//! What a person tells a projection: to be built again, to pass over an event, to end.

use std::time::Duration;

use earnorm_core::commit::{Checkpoint, CheckpointWrite, Commit};
use earnorm_core::database::Database;
use earnorm_core::position::Position;
use earnorm_core::{Error, Result};

use super::record::{self, Record, Skipped};
use super::status::{self, ProjectionStatus};
use crate::backoff::Backoff;

/// How often a change is tried while the projection writes its progress.
const TRIES_MAX: u32 = 200;

/// One version of a projection, wherever it runs. What is changed here reaches the process that runs it within a second.
#[derive(Debug, Clone)]
pub struct ManageProjection {
    db: Database,
    name: String,
    version: u32,
}

impl ManageProjection {
    pub(super) fn new(db: Database, name: String, version: u32) -> Self {
        Self { db, name, version }
    }

    /// The name of its checkpoint, for `wait_until(…).consumer(…)`.
    #[must_use]
    pub fn consumer(&self) -> String {
        record::consumer(&self.name, self.version)
    }

    /// Where it stands; `None` when it was never started on this database.
    ///
    /// # Errors
    /// What the store answers.
    pub async fn status(&self) -> Result<Option<ProjectionStatus>> {
        let Some(record) = Record::find(&self.db, &self.consumer()).await? else { return Ok(None) };
        status::of(&self.db, record).await.map(Some)
    }

    /// Builds it again from the beginning of the log, in a new collection; readers see the old rows, which stand still,
    /// until the new ones have caught up. Events that were skipped are tried again. A retired version comes back.
    ///
    /// # Errors
    /// [`Error::Unbuilt`] when there is no such version, or the log was truncated, so that what was folded from its
    /// beginning would be lost: nothing changes then, and readers keep the rows that they have. What went is in the
    /// archive only, which the projection cannot read; import it with an export of the rest into another database, and
    /// build it there. What the store answers.
    pub async fn rebuild(&self) -> Result<()> {
        let cut = self.db.store().admin().truncated().await?;
        if cut > Position::START {
            return Err(self.refuse(format!(
                "the log was truncated up to position {cut}, and what was folded from there would be lost: raise its \
                 version to build one from what is left beside it, or build it in a database into which the archive was \
                 imported"
            )));
        }
        self.change(|record, _| {
            record.build += 1;
            (record.retired, record.failing) = (false, None);
            record.skipped.clear();
            Ok(Position::START)
        })
        .await
        .map(|_| ())
    }

    /// Passes over the event at this position, at which it stands. The hole is noted in its status for good, or until
    /// it is built again.
    ///
    /// # Errors
    /// [`Error::Unbuilt`] when there is no such version, or it does not stand at this position; what the store answers.
    pub async fn skip(&self, position: Position) -> Result<()> {
        let now = self.db.now();
        self.change(|record, checkpoint| {
            let failing = record.failing.take().filter(|failing| failing.event.position == position);
            let Some(failing) = failing else {
                return Err(self.refuse(format!("it does not stand at position {position}: look at its status")));
            };
            record.skipped.push(Skipped { event: failing.event, error: failing.failure.error, at: now });
            Ok(checkpoint.position)
        })
        .await
        .map(|_| ())
    }

    /// Ends it: its rows are dropped, no process runs it any more, and its checkpoint holds no truncation up. Building
    /// it again brings it back.
    ///
    /// # Errors
    /// [`Error::Unbuilt`] when there is no such version; what the store answers.
    pub async fn retire(&self) -> Result<()> {
        let record = self
            .change(|record, _| {
                (record.retired, record.live, record.failing) = (true, 0, None);
                Ok(Position::END)
            })
            .await?;
        let store = self.db.store();
        for build in record.oldest..=record.build {
            store.admin().drop_collection(&record.rows(&**store, build)).await?;
        }
        Ok(())
    }

    fn refuse(&self, reason: String) -> Error {
        Error::Unbuilt { projection: self.consumer(), reason }
    }

    /// Changes record and checkpoint together. The epoch rises, so that the process that runs it begins anew.
    async fn change(
        &self,
        change: impl Fn(&mut Record, Checkpoint) -> Result<Position> + Send + Sync,
    ) -> Result<Record> {
        let (db, store) = (&self.db, self.db.store());
        let mut backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(20));
        let mut tries = 0;
        loop {
            let found = Record::find(db, &self.consumer()).await?;
            let expected = store.checkpoint(&self.consumer()).await?;
            let (Some(before), Some(checkpoint)) = (found, expected) else {
                return Err(self.refuse("this version was never started on this database".to_owned()));
            };
            let mut next = before.clone();
            let position = change(&mut next, checkpoint)?;
            let mut commit = Commit::new(db.next_id());
            commit.documents.push(before.write(&**store, &mut next));
            let to = Checkpoint { position, epoch: checkpoint.epoch + 1 };
            commit.checkpoints.push(CheckpointWrite { consumer: self.consumer(), expected, next: to });
            match store.commit(commit).await {
                Ok(_) => return Ok(next),
                Err(Error::Conflict(_) | Error::CheckpointConflict { .. }) if tries < TRIES_MAX => {
                    tries += 1;
                    tokio::time::sleep(backoff.wait()).await;
                }
                Err(error) => return Err(error),
            }
        }
    }
}
