//! The one write: everything is checked, the documents are written and undone if one is refused, then the rest follows.

use std::collections::HashSet;
use std::sync::Arc;

use earnorm_core::commit::{Append, Check, CheckpointWrite, Commit, Committed, DocumentOp, DocumentWrite};
use earnorm_core::error::VersionConflict;
use earnorm_core::event::RecordedEvent;
use earnorm_core::position::Position;
use earnorm_core::value::to_millis;
use earnorm_core::{Error, Result};
use uuid::Uuid;

use super::documents::Before;
use super::state::{Receipt, State, StoredCheckpoint};
use crate::documents::touched::Touched;
use crate::documents::{after, expect};

impl State {
    pub(super) fn commit(&mut self, commit: Commit) -> Result<Committed> {
        if let Some(Receipt { first, count }) = self.commits.get(&commit.id).copied() {
            return Ok(Committed { id: commit.id, events: self.log.receipts(first, count) });
        }
        self.check_appends(&commit.appends)?;
        commit.checks.iter().try_for_each(|check| self.check_version(check))?;
        commit.checkpoints.iter().try_for_each(|write| self.check_checkpoint(write))?;
        let receipt = Receipt { first: self.log.end().next(), count: commit.events() };
        self.write_documents(commit.documents)?;
        // Nothing below can fail.
        let mut begins = Some((commit.id, receipt.count));
        commit.appends.into_iter().for_each(|append| self.append(append, &mut begins));
        self.write_checkpoints(commit.checkpoints, commit.id, receipt.count == 0);
        self.commits.insert(commit.id, receipt);
        Ok(Committed { id: commit.id, events: self.log.latest(receipt.count) })
    }

    fn check_appends(&self, appends: &[Append]) -> Result<()> {
        let mut ids = HashSet::new();
        for append in appends {
            let actual = self.log.version(&append.stream);
            if append.expected.base().is_some_and(|base| base != actual) {
                return Err(VersionConflict::new(&append.stream, append.expected, actual).into());
            }
            if let Some(event) = append.events.iter().find(|event| self.log.holds(event.id) || !ids.insert(event.id)) {
                let reason = format!("event id {} stands in the log already; every event needs its own", event.id);
                return Err(Error::InvalidCommit { reason });
            }
        }
        Ok(())
    }

    fn check_version(&self, check: &Check) -> Result<()> {
        let found = self.documents.get(&check.collection, &check.id);
        expect(&check.collection, &check.id, check.expected, found.map(Arc::as_ref))
    }

    fn check_checkpoint(&self, write: &CheckpointWrite) -> Result<()> {
        if self.checkpoint(&write.consumer) == write.expected {
            return Ok(());
        }
        Err(Error::CheckpointConflict { consumer: write.consumer.clone() })
    }

    /// All of them, or none.
    fn write_documents(&mut self, mut writes: Vec<DocumentWrite>) -> Result<()> {
        let Some(last) = writes.pop() else { return Ok(()) };
        let mut done = Vec::with_capacity(writes.len());
        let mut written = Ok(());
        for write in writes {
            written = self.write_document(write).map(|before| done.push(before));
            if written.is_err() {
                break;
            }
        }
        let written = written.and_then(|()| self.write_last(last));
        if written.is_err() {
            self.documents.undo(done);
        }
        written
    }

    /// The last document of a commit is the one that nothing takes back, and most commits have but one.
    fn write_last(&mut self, write: DocumentWrite) -> Result<()> {
        let collection = self.documents.collection_mut(&write.collection);
        match write.op {
            DocumentOp::Patch { expected, set, unset } if collection.cannot_refuse(&set, &unset) => {
                collection.patch_in_place(&write.collection, write.id, expected, (set, &unset))
            }
            _ => self.write_document(write).map(drop),
        }
    }

    fn write_document(&mut self, write: DocumentWrite) -> Result<Before> {
        let DocumentWrite { collection: name, id, op } = write;
        let collection = self.documents.collection_mut(&name);
        let document = match after(&name, &id, &op, collection.get(&id).map(Arc::as_ref))? {
            Some(document) => collection.write(&name, &id, document, touched(&op))?,
            None => collection.put(&id, None),
        };
        Ok(Before { collection: name, id, document })
    }

    fn append(&mut self, append: Append, begins: &mut Option<(Uuid, usize)>) {
        let next = self.log.version(&append.stream) + 1;
        let mut moment = [append.not_before, self.log.last_moment(&append.stream)].into_iter().flatten().max();
        for (version, event) in (next..).zip(append.events) {
            let recorded_at = to_millis(moment.map_or(event.recorded_at, |moment| moment.max(event.recorded_at)));
            moment = Some(recorded_at);
            let event = RecordedEvent {
                id: event.id,
                stream: append.stream.clone(),
                version,
                position: Position::START,
                event_type: event.event_type,
                schema_version: event.schema_version,
                data: event.data.into(),
                metadata: event.metadata,
                recorded_at,
            };
            self.log.push(event, begins.take());
        }
    }

    fn write_checkpoints(&mut self, writes: Vec<CheckpointWrite>, commit: Uuid, without_events: bool) {
        let mut receipt_of = without_events.then_some(commit);
        for write in writes {
            let stored = StoredCheckpoint { value: write.next, receipt_of: receipt_of.take() };
            let before = self.checkpoints.insert(write.consumer, stored);
            if let Some(forgotten) = before.and_then(|before| before.receipt_of) {
                self.commits.remove(&forgotten);
            }
        }
    }
}

/// What of a document `op` changes.
fn touched(op: &DocumentOp) -> Touched<'_> {
    match op {
        DocumentOp::Patch { set, unset, .. } => Touched::Paths(set, unset),
        _ => Touched::Everything,
    }
}
