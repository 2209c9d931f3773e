//! The one write value: everything that becomes durable together.

use bson::{Bson, Document};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::event::NewEvent;
use crate::position::Position;
use crate::stream::{ExpectedVersion, StreamId};

/// All of it is durable or none of it is, on every store.
///
/// A commit holds at least one append or one checkpoint: its id is kept on its first event, else in its first
/// checkpoint document, so that an unclear answer can be settled by looking it up.
#[derive(Debug, Clone, PartialEq)]
pub struct Commit {
    /// The identity of this commit over all attempts. The same id again answers with the first receipt.
    pub id: Uuid,
    /// Events, per stream; a stream stands here once.
    pub appends: Vec<Append>,
    /// State documents, written in this order; uniqueness is checked after each. What is written again asks for what the
    /// write before leaves.
    pub documents: Vec<DocumentWrite>,
    /// How far consumers are, each by compare-and-set.
    pub checkpoints: Vec<CheckpointWrite>,
    /// Versions that were only read and must still hold, before anything is written.
    pub checks: Vec<Check>,
}

impl Commit {
    /// An empty commit.
    #[must_use]
    pub fn new(id: Uuid) -> Self {
        Self { id, appends: Vec::new(), documents: Vec::new(), checkpoints: Vec::new(), checks: Vec::new() }
    }

    /// How many events it appends.
    #[must_use]
    pub fn events(&self) -> usize {
        self.appends.iter().map(|append| append.events.len()).sum()
    }

    /// How many writes it makes, for the limit on a commit: events, documents, checkpoints and checks.
    #[must_use]
    pub fn writes(&self) -> usize {
        self.events() + self.documents.len() + self.checkpoints.len() + self.checks.len()
    }
}

/// The new events of one stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Append {
    /// The stream.
    pub stream: StreamId,
    /// What must hold of it.
    pub expected: ExpectedVersion,
    /// The time of the stream's last event, where the caller knows it: no new event is earlier.
    pub not_before: Option<DateTime<Utc>>,
    /// The events, in order; not empty.
    pub events: Vec<NewEvent>,
}

/// A write of one state document.
///
/// Documents carry their version in the field [`crate::schema::VERSION`] (`_v`, int64), which the caller sets in what
/// it inserts, replaces or patches.
#[derive(Debug, Clone, PartialEq)]
pub struct DocumentWrite {
    /// The collection.
    pub collection: String,
    /// The document's `_id`.
    pub id: Bson,
    /// What is done.
    pub op: DocumentOp,
}

/// What is done to a document.
#[derive(Debug, Clone, PartialEq)]
pub enum DocumentOp {
    /// A new document, `_id` and `_v` included. One that is there already is a version conflict.
    Insert {
        /// The whole document.
        document: Document,
    },
    /// A whole new value for a document at version `expected`.
    Replace {
        /// The version that must hold.
        expected: u64,
        /// The whole document.
        document: Document,
    },
    /// New values at some paths of a document at version `expected`.
    Patch {
        /// The version that must hold.
        expected: u64,
        /// Dotted path and new value. No path is the start of another.
        set: Vec<(String, Bson)>,
        /// Dotted paths that go.
        unset: Vec<String>,
    },
    /// The end of a document at version `expected`.
    Delete {
        /// The version that must hold.
        expected: u64,
    },
}

/// A compare-and-set of a consumer's checkpoint document.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckpointWrite {
    /// Whose checkpoint.
    pub consumer: String,
    /// What must stand there: `None` means that there is no checkpoint yet.
    pub expected: Option<Checkpoint>,
    /// What stands there afterwards.
    pub next: Checkpoint,
}

/// How far a consumer is, and the lease epoch that guards it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// Everything up to here is done; [`Position::END`] where nothing of the log is needed.
    pub position: Position,
    /// The lease epoch: a take-over raises it, so that an old owner's commit conflicts.
    pub epoch: u64,
}

/// A version that was only read and must still hold at the commit.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// The collection.
    pub collection: String,
    /// The document's `_id`.
    pub id: Bson,
    /// The version that must hold.
    pub expected: u64,
}

/// What a commit became.
#[derive(Debug, Clone, PartialEq)]
pub struct Committed {
    /// The commit's id.
    pub id: Uuid,
    /// Its events, in the order of the commit's appends and their events. Empty when it had none.
    pub events: Vec<CommittedEvent>,
}

/// Where one event of a commit stands now.
#[derive(Debug, Clone, PartialEq)]
pub struct CommittedEvent {
    /// The event's id.
    pub id: Uuid,
    /// Its stream.
    pub stream: StreamId,
    /// Its place in the stream.
    pub version: u64,
    /// Its place in the log.
    pub position: Position,
    /// The time that was stored.
    pub recorded_at: DateTime<Utc>,
}
