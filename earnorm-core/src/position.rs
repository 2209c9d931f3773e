//! Positions: the one order of the whole log.

use std::fmt;

/// A place in the log. Positions start at 1; [`Position::START`] stands before the first event.
///
/// Positions may have holes on disk, which hold tombstones; no reader ever passes one that could still be filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Position(i64);

impl Position {
    /// Before the first event.
    pub const START: Self = Self(0);
    /// After every event there can be.
    pub const END: Self = Self(i64::MAX);

    /// A position from its number; negative numbers become [`Position::START`].
    #[must_use]
    pub fn new(number: i64) -> Self {
        Self(number.max(0))
    }

    /// The number: 1 is the first event's.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }

    /// The next position; [`Position::END`] stays where it is.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
