//! The one way in which operations write.

use std::time::Duration;

use earnorm_core::commit::{Checkpoint, CheckpointWrite, Commit, DocumentWrite};
use earnorm_core::database::Database;
use earnorm_core::{Error, Result};

use crate::note::{self, Note};

/// How often a commit is made again when the handler moved on meanwhile.
const TRIES_MAX: u32 = 200;

/// What an operation writes, seen from the records as they are.
pub(super) struct Plan {
    pub(super) documents: Vec<DocumentWrite>,
    /// Where the checkpoint stands afterwards; `None` leaves it.
    pub(super) checkpoint: Option<Checkpoint>,
}

impl Plan {
    pub(super) fn of(documents: Vec<DocumentWrite>) -> Self {
        Self { documents, checkpoint: None }
    }
}

/// Commits what `plan` makes of the handler's note and checkpoint as they are, again and again while the handler moves on.
/// `None` from `plan` means that there is nothing to do; the answer says whether something was done.
pub(super) async fn commit(
    db: &Database,
    handler: &str,
    mut plan: impl AsyncFnMut(&Note, Checkpoint) -> Result<Option<Plan>>,
) -> Result<bool> {
    for attempt in 0..TRIES_MAX {
        let note = note::find(db, handler).await?.ok_or_else(|| super::unknown(handler))?;
        let Some(stored) = db.store().checkpoint(handler).await? else {
            let reason = "it has never run, so that it has nothing yet";
            return Err(super::refused(format!("handler `{handler}`"), reason));
        };
        let Some(Plan { mut documents, checkpoint }) = plan(&note, stored).await? else { return Ok(false) };
        documents.push(note.touch().write(&**db.store()));
        let mut commit = Commit::new(db.next_id());
        let next = checkpoint.unwrap_or(stored);
        commit.checkpoints.push(CheckpointWrite { consumer: handler.to_owned(), expected: Some(stored), next });
        commit.documents = documents;
        match db.store().commit(commit).await {
            Ok(_) => return Ok(true),
            Err(Error::Conflict(_) | Error::CheckpointConflict { .. }) => {
                let wait = Duration::from_millis(u64::from(attempt.min(20)));
                tokio::time::sleep(wait.mul_f64(rand::random::<f64>())).await;
            }
            Err(error) => return Err(error),
        }
    }
    let what = format!("a moment in which the records of handler `{handler}` stand still");
    Err(Error::TimedOut { what, after: Duration::from_secs(4) })
}
