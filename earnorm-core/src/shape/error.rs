//! Why a lock file cannot be read.

use std::fmt;

/// Why a text is not a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockError(String);

impl LockError {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LockError {}
