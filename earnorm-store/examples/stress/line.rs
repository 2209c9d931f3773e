//! What the processes of a run tell each other: one JSON value a line.

use serde::{Deserialize, Serialize};

use super::bank::Fate;
use super::keys::Key;

/// What a worker tells the parent. It is on its way before the worker does anything else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Line {
    /// A commit was acknowledged: the key of its first event, and (position, version) of each,
    /// the high-water mark that was seen before, and how long it took.
    Ack { first: Key, events: Vec<(i64, u64)>, mark: i64, how: How, millis: u64 },
    /// A commit was refused, or its writer "died": nothing of it may ever appear.
    No { first: Key, events: u64, how: How, why: Why },
    /// The store could not say what became of a commit: all of it or nothing may appear.
    Unclear { first: Key, events: u64 },
    /// What became of a transfer of the bank.
    Transfer { transfer: String, fate: Fate },
    /// A handler has handled the event of the bank at this position.
    Handled { position: i64 },
    /// A handler stands still between its effect and the end of its attempt, until its process is killed.
    Brink,
    /// A reader begins a pass behind this position.
    Begin { reader: u32, after: i64 },
    /// A reader saw (position, key, version).
    Seen { reader: u32, events: Vec<(i64, Key, u64)> },
    /// A reader goes on from its checkpoint, with a new handle or subscription.
    Resumed { reader: u32 },
    /// A reader saw everything up to the end.
    Done { reader: u32 },
    /// Something that should not happen.
    Trouble { what: String },
}

/// What was done to a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum How {
    /// Nothing.
    Plain,
    /// Its writer dies after the reservation.
    Abandon,
    /// Its writer dies after it inserted its events.
    Abort,
    /// Its writer stands still before it commits.
    Stall,
    /// The answer to its commit is lost.
    LoseAnswer,
    /// Its first attempt fails in an unclear way.
    FailOnce,
}

/// Why a commit was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Why {
    Abandoned,
    Aborted,
    Conflict,
    /// It was not applied within its time, or the store failed.
    Failed,
}

/// What the parent tells its workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    /// Go on.
    #[default]
    Go,
    /// Writers end after the commit that they are at.
    Stop,
    /// Readers end when they have seen everything up to here.
    Until(i64),
}
