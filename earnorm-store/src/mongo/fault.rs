//! Where a commit can be made to go wrong, for the conformance suite: one value, asked at each step.

use std::time::Duration;

use super::batch::Batch;
use super::failure::Failure;

/// What goes wrong with a commit. In production there is never one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "conformance"), allow(dead_code, reason = "only the conformance suite makes faults"))]
pub(super) enum Fault {
    /// The writer dies before it sends anything.
    AbandonBeforeTransaction,
    /// The writer dies after its guarded documents are written.
    AbandonAfterGuards,
    /// The writer stands still for ever after its guarded documents are written.
    FreezeInTransaction,
    /// The writer dies after it reserved positions.
    AbandonAfterReserve,
    /// A lone writer stands still for ever after it took the counter inside its transaction.
    FreezeWithCounter,
    /// The writer dies after it inserted its events.
    AbortAfterInsert,
    /// The writer stands still for ever after it inserted its events.
    FreezeAfterInsert,
    /// The writer stands still before it commits, once.
    Stall(Duration),
    /// The commit's answer is lost.
    LoseCommitAnswer,
    /// The first commit does not happen, and its answer is lost.
    FailCommitOnce,
    /// The writer dies after its commit was acknowledged, before it tells anyone.
    AbandonAfterCommit,
}

impl Batch {
    /// Dies if that is what is to go wrong here.
    pub(super) fn die_at(&self, here: Fault) -> Result<(), Failure> {
        if self.fault == Some(here) { Err(Failure::Gone) } else { Ok(()) }
    }
}

impl Fault {
    /// Whether the writer stands still: its session is neither ended nor given back.
    pub(super) fn freezes(self) -> bool {
        matches!(self, Self::FreezeInTransaction | Self::FreezeWithCounter | Self::FreezeAfterInsert)
    }
}

#[cfg(feature = "conformance")]
impl Fault {
    /// The fault that the suite asks for.
    pub(super) fn of(how: crate::sabotage::Sabotage) -> Self {
        use crate::sabotage::Sabotage;
        match how {
            Sabotage::AbandonBeforeTransaction => Self::AbandonBeforeTransaction,
            Sabotage::AbandonAfterGuards => Self::AbandonAfterGuards,
            Sabotage::FreezeInTransaction => Self::FreezeInTransaction,
            Sabotage::AbandonAfterReserve => Self::AbandonAfterReserve,
            Sabotage::FreezeWithCounter => Self::FreezeWithCounter,
            Sabotage::AbortAfterInsert => Self::AbortAfterInsert,
            Sabotage::FreezeAfterInsert => Self::FreezeAfterInsert,
            Sabotage::Stall(time) => Self::Stall(time),
            Sabotage::LoseCommitAnswer => Self::LoseCommitAnswer,
            Sabotage::FailCommitOnce => Self::FailCommitOnce,
            Sabotage::AbandonAfterCommit => Self::AbandonAfterCommit,
        }
    }
}
