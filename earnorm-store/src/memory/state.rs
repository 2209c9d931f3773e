//! Everything that the store holds.

use std::collections::HashMap;

use earnorm_core::commit::Checkpoint;
use earnorm_core::position::Position;
use uuid::Uuid;

use super::collection::Collection;
use super::documents::Documents;
use super::log::Log;

/// The log, the documents, the checkpoints, and the commits that made them.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) closed: bool,
    pub(super) log: Log,
    pub(super) documents: Documents,
    pub(super) checkpoints: HashMap<String, StoredCheckpoint>,
    /// Where the answer to a commit that comes again is found.
    pub(super) commits: HashMap<Uuid, Receipt>,
}

/// A consumer's checkpoint.
#[derive(Debug)]
pub(super) struct StoredCheckpoint {
    pub(super) value: Checkpoint,
    /// The commit without events whose receipt stands here. It is forgotten with the checkpoint, else a healthy
    /// consumer would fill the memory.
    pub(super) receipt_of: Option<Uuid>,
}

/// What a commit left in the log: its events follow each other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Receipt {
    pub(super) first: Position,
    pub(super) count: usize,
}

impl State {
    pub(super) fn collection(&self, name: &str) -> Option<&Collection> {
        self.documents.collection(name)
    }

    pub(super) fn checkpoint(&self, consumer: &str) -> Option<Checkpoint> {
        self.checkpoints.get(consumer).map(|stored| stored.value)
    }
}
