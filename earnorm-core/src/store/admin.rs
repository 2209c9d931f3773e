//! The upkeep side of a store: indexes, shadow collections, the library's own notes, import and truncation.

use std::fmt;

use async_trait::async_trait;
use bson::{Bson, Document};

use crate::commit::Checkpoint;
use crate::error::Result;
use crate::event::RecordedEvent;
use crate::position::Position;
use crate::predicate::Predicate;
use crate::schema::CollectionSpec;
use crate::stream::StreamId;

/// Upkeep, which never changes an event or the meaning of a document.
#[async_trait]
pub trait StoreAdmin: Send + Sync {
    /// Creates the collections and indexes that are missing and reports what differs from the specification. Nothing
    /// is ever dropped.
    ///
    /// # Errors
    /// [`crate::Error::Unique`] when documents that are there already break a unique index that is missing.
    async fn prepare(&self, collections: &[CollectionSpec]) -> Result<Vec<Drift>>;

    /// The name of one of the library's own collections. [`crate::store::Store::find`] and its kin read it.
    fn own(&self, what: Own) -> String;

    /// Writes whole documents by their `_id`, each as `rule` says, and answers how many were written. Durable when it
    /// answers; one document is whole or absent, several are not atomic together. For shadow collections, notes,
    /// snapshots and repairs: the log does not see it.
    ///
    /// # Errors
    /// [`crate::Error::Unique`] when a unique index refuses a document; those before it may be written.
    async fn put(&self, collection: &str, documents: Vec<Document>, rule: PutRule) -> Result<u64>;

    /// Removes documents that match, and answers how many they were.
    async fn remove(&self, collection: &str, predicate: &Predicate) -> Result<u64>;

    /// Renames `shadow` over `live`, with its documents and indexes; readers see the old one or the new one, never
    /// none. `live` need not exist.
    ///
    /// # Errors
    /// [`crate::Error::Unsupported`] where the database cannot rename, such as sharded collections;
    /// [`crate::Error::Store`] when `shadow` is not there.
    async fn swap(&self, shadow: &str, live: &str) -> Result<()>;

    /// Drops a whole collection with its indexes, if it is there.
    async fn drop_collection(&self, collection: &str) -> Result<()>;

    /// The streams of a category in the order of their keys, those after `after` only, at most `limit`.
    async fn streams(&self, category: &str, after: Option<&str>, limit: usize) -> Result<Vec<StreamHead>>;

    /// Every event of a category, stream by stream, in the order of keys and versions: those behind `after`, a key and a
    /// version, at most `limit`. Not bound by the high-water mark.
    async fn scan(&self, category: &str, after: Option<(&str, u64)>, limit: usize) -> Result<Vec<RecordedEvent>>;

    /// The categories that have events, in order.
    async fn categories(&self) -> Result<Vec<String>>;

    /// Everything in the log with its position, tombstones too, oldest first, never past the high-water mark.
    async fn entries(&self, query: EntryQuery) -> Result<Vec<LogEntry>>;

    /// Appends entries with their own positions, ids, versions and times, as [`StoreAdmin::entries`] gave them. The
    /// first stands above everything that is in the log; positions between are filled with tombstones. An entry that
    /// is there already, the same in all parts, is passed over, so an import can be run again. Commits that run
    /// meanwhile are the caller's mistake and make it fail.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] names the entry that does not follow: a position at or below another event's, a
    /// version that leaves a gap in its stream, an id that is there already.
    async fn append_entries(&self, entries: Vec<LogEntry>) -> Result<u64>;

    /// Removes every entry at or below `upto`, except the ones at `kept` positions, and remembers that the log begins
    /// above: the removed part never looks like a hole, and a process that died half-way is continued by the next
    /// call. Answers how many entries went. The caller has archived them.
    ///
    /// # Errors
    /// [`crate::Error::InvalidQuery`] when `upto` is above the high-water mark or above a consumer's checkpoint, which
    /// it names.
    async fn truncate(&self, upto: Position, kept: &[Position]) -> Result<u64>;

    /// The position up to which the log was truncated; [`Position::START`] when it never was.
    async fn truncated(&self) -> Result<Position>;

    /// Every consumer's checkpoint, by name.
    async fn checkpoints(&self) -> Result<Vec<(String, Checkpoint)>>;

    /// Removes a consumer's checkpoint where it stands at `expected`, and answers whether there is none any more: `false`
    /// when another one stands there. The consumer begins anew, and holds no truncation back.
    async fn remove_checkpoint(&self, consumer: &str, expected: Checkpoint) -> Result<bool>;

    /// What is worth knowing about the store's health: whether it is fit, how its clock stands to ours, limits, holes.
    async fn examine(&self) -> Result<Vec<Finding>>;
}

/// The library's own collections, beside the log, the counters and the checkpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Own {
    /// What is known of each model: its collection, kind, schema version and indexes.
    Models,
    /// Cached folds.
    Snapshots,
    /// How far long work is.
    Jobs,
    /// Keys of personal data.
    Keys,
    /// Dead letters.
    DeadLetters,
    /// Streams that wait for one of their events.
    Parked,
    /// Which process runs which handler.
    Leases,
    /// What is known of each handler, and whether it is paused.
    Handlers,
    /// The processes that run handlers.
    Nodes,
    /// What is to happen at a time.
    Schedules,
    /// What is known of each version of each projection.
    Projections,
}

impl Own {
    /// The end of the collection's name, after the prefix.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Models => "models",
            Self::Snapshots => "snapshots",
            Self::Jobs => "jobs",
            Self::Keys => "keys",
            Self::DeadLetters => "dead_letters",
            Self::Parked => "parked",
            Self::Leases => "leases",
            Self::Handlers => "handlers",
            Self::Nodes => "nodes",
            Self::Schedules => "schedules",
            Self::Projections => "projections",
        }
    }
}

/// When [`StoreAdmin::put`] writes a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutRule {
    /// Always.
    Always,
    /// Only where none is there.
    Absent,
    /// Where none is there, or one whose version (`_v`) is lower or missing.
    Newer,
    /// Only where one is there with the same version (`_v`).
    SameVersion,
}

/// One stream and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamHead {
    /// The stream.
    pub stream: StreamId,
    /// The version of its first event that is in the log: above 1 where older ones were truncated.
    pub first: u64,
    /// The version of its last event.
    pub last: u64,
}

/// Which entries of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryQuery {
    /// Only positions above this one.
    pub after: Position,
    /// Only positions up to this one.
    pub upto: Position,
    /// At most so many; at least 1.
    pub limit: usize,
}

/// What stands at one position.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "events are the rule, tombstones the exception")]
pub enum LogEntry {
    /// An event, with the commit that it begins: its id and how many events it has.
    Event {
        /// The event.
        event: RecordedEvent,
        /// On the first event of a commit only.
        commit: Option<(uuid::Uuid, usize)>,
    },
    /// A position that was given up.
    Tombstone(Position),
}

impl LogEntry {
    /// Where it stands.
    #[must_use]
    pub fn position(&self) -> Position {
        match self {
            Self::Event { event, .. } => event.position,
            Self::Tombstone(position) => *position,
        }
    }
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// As it should be.
    Fine,
    /// Worth a look.
    Warning,
    /// Something will fail, or fails already.
    Problem,
}

/// One thing that an examination found.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Finding {
    /// What was looked at: `replica set`, `clock`, `holes`.
    pub subject: String,
    /// How much it matters.
    pub severity: Severity,
    /// What was found, and what to do about it.
    pub message: String,
    /// A figure, for programs.
    pub value: Option<Bson>,
}

impl Finding {
    /// A finding without a figure.
    pub fn new(subject: impl Into<String>, severity: Severity, message: impl Into<String>) -> Self {
        Self { subject: subject.into(), severity, message: message.into(), value: None }
    }

    /// Adds the figure.
    #[must_use]
    pub fn value(mut self, value: impl Into<Bson>) -> Self {
        self.value = Some(value.into());
        self
    }
}

/// An index that is there, but not as specified.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drift {
    /// The collection.
    pub collection: String,
    /// The index's name in the database.
    pub index: String,
    /// How it differs.
    pub difference: String,
}

impl Drift {
    /// A difference between an index and its specification.
    pub fn new(collection: impl Into<String>, index: impl Into<String>, difference: impl Into<String>) -> Self {
        Self { collection: collection.into(), index: index.into(), difference: difference.into() }
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "index `{}` of `{}`: {}", self.index, self.collection, self.difference)
    }
}
