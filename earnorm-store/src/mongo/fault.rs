//! Where a commit can be made to go wrong, for the conformance suite: one value, asked at three points.

use std::time::Duration;

/// What goes wrong with a commit. In production there is never one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "conformance"), allow(dead_code, reason = "only the conformance suite makes faults"))]
pub(super) enum Fault {
    /// The writer dies after it reserved positions.
    AbandonAfterReserve,
    /// The writer dies after it inserted its events.
    AbortAfterInsert,
    /// The writer stands still before it commits.
    Stall(Duration),
    /// The commit's answer is lost.
    LoseCommitAnswer,
    /// The first commit does not happen, and its answer is lost.
    FailCommitOnce,
}

#[cfg(feature = "conformance")]
impl Fault {
    /// The fault that the suite asks for.
    pub(super) fn of(how: crate::sabotage::Sabotage) -> Self {
        use crate::sabotage::Sabotage;
        match how {
            Sabotage::AbandonAfterReserve => Self::AbandonAfterReserve,
            Sabotage::AbortAfterInsert => Self::AbortAfterInsert,
            Sabotage::Stall(time) => Self::Stall(time),
            Sabotage::LoseCommitAnswer => Self::LoseCommitAnswer,
            Sabotage::FailCommitOnce => Self::FailCommitOnce,
        }
    }
}
