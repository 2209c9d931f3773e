//! Forgetting a handler that no program has any more.

use earnorm_core::Result;
use earnorm_core::commit::{Checkpoint, CheckpointWrite, Commit};
use earnorm_core::predicate::Predicate;
use earnorm_core::store::Own;

use super::{Handlers, nodes, refused, unknown};
use crate::note;

impl Handlers {
    /// Removes everything that the store keeps of a handler that no running program has: its place in the log, its
    /// parked streams and its dead letters, so that the log can be truncated without it. A handler with this id begins
    /// anew.
    ///
    /// Signs of life are judged by the clocks of the processes. A process that still runs it unseen is fenced off by the
    /// epoch of its checkpoint: what it does is not recorded. As long as its program has the handler, it begins anew there.
    ///
    /// # Errors
    /// [`earnorm_core::Error::Refused`] while a program that has it shows signs of life;
    /// [`earnorm_core::Error::InvalidName`] when there is no such handler; what the store answers. It may be called
    /// again to go on.
    pub async fn forget(&self, handler: &str) -> Result<()> {
        let (db, now) = (&self.db, self.db.now());
        note::find(db, handler).await?.ok_or_else(|| unknown(handler))?;
        let what = || format!("handler `{handler}`");
        if let Some(node) = nodes(db)
            .await?
            .iter()
            .find(|node| node.is_alive(now) && node.handlers.iter().any(|known| known == handler))
        {
            let reason =
                format!("process {} has it: deploy programs without it first, and stop the old ones", node.pid);
            return Err(refused(what(), reason));
        }
        let store = db.store();
        if let Some(stored) = store.checkpoint(handler).await? {
            // Whoever runs it unseen is fenced off first.
            let next = Checkpoint { epoch: stored.epoch + 1, ..stored };
            let mut commit = Commit::new(db.next_id());
            commit.checkpoints.push(CheckpointWrite { consumer: handler.to_owned(), expected: Some(stored), next });
            store.commit(commit).await?;
            if !store.admin().remove_checkpoint(handler, next).await? {
                return Err(refused(what(), "someone began to run it: stop that program, and try again"));
            }
        }
        let admin = store.admin();
        for own in [Own::Parked, Own::DeadLetters] {
            admin.remove(&admin.own(own), &Predicate::eq("handler", handler)).await?;
        }
        for own in [Own::Leases, Own::Handlers] {
            admin.remove(&admin.own(own), &Predicate::eq("_id", handler)).await?;
        }
        Ok(())
    }
}
