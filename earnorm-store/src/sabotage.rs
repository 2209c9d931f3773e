//! How a writer can go wrong between reserving positions and answering: faults that a store plays on itself.

use std::time::Duration;

/// What a hostile writer does with its commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sabotage {
    /// Is gone before it sends anything.
    AbandonBeforeTransaction,
    /// Writes its guarded documents, then is gone; the database hears that its connection ended.
    AbandonAfterGuards,
    /// Writes its guarded documents, then stands still for ever with its transaction open.
    FreezeInTransaction,
    /// Reserves positions, then is gone, as a process that dies: nothing is written and nobody fills them.
    AbandonAfterReserve,
    /// Takes positions as a lone writer does, inside its transaction, then stands still for ever with it open.
    FreezeWithCounter,
    /// Writes everything, then aborts instead of committing.
    AbortAfterInsert,
    /// Writes everything, then stands still for ever with its transaction open.
    FreezeAfterInsert,
    /// Writes everything, stands still for so long, then commits if it still can.
    Stall(Duration),
    /// Commits, but the answer is lost on the way.
    LoseCommitAnswer,
    /// Fails the first attempt in a way that may pass.
    FailCommitOnce,
    /// Commits, then is gone before it tells anyone.
    AbandonAfterCommit,
}
