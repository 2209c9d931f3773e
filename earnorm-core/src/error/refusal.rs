//! What was refused, and by whom: a version that moved on, a value that is taken, a hook.

use std::fmt;

use super::{BoxError, Error};
use crate::stream::ExpectedVersion;

/// An instance or stream is not at the version that a commit expected.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{subject} was expected at {expected} but {}: reload it and try again", found(*.actual))]
#[non_exhaustive]
pub struct VersionConflict {
    /// The stream, or the collection and id.
    pub subject: String,
    /// What was expected.
    pub expected: ExpectedVersion,
    /// What is there; 0 when there is nothing.
    pub actual: u64,
}

fn found(actual: u64) -> String {
    if actual == 0 { "does not exist".to_owned() } else { format!("stands at version {actual}") }
}

impl VersionConflict {
    /// The error for a subject that is at `actual`, 0 when there is none.
    pub fn new(subject: impl fmt::Display, expected: ExpectedVersion, actual: u64) -> Self {
        Self { subject: subject.to_string(), expected, actual }
    }
}

impl From<VersionConflict> for Error {
    fn from(conflict: VersionConflict) -> Self {
        Self::Conflict(Box::new(conflict))
    }
}

/// A value that must be unique is taken.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{} of {collection} `{id}` is taken: choose another value, or load the one that has it", .fields.join(" and "))]
#[non_exhaustive]
pub struct UniqueViolation {
    /// The collection.
    pub collection: String,
    /// The id of the document that was refused.
    pub id: String,
    /// The fields of the unique index.
    pub fields: Vec<String>,
}

impl UniqueViolation {
    /// The error for a document that was refused by the index over `fields`.
    pub fn new(collection: impl Into<String>, id: impl fmt::Display, fields: Vec<String>) -> Self {
        Self { collection: collection.into(), id: id.to_string(), fields }
    }
}

impl From<UniqueViolation> for Error {
    fn from(violation: UniqueViolation) -> Self {
        Self::Unique(Box::new(violation))
    }
}

/// A pre hook refused a write.
#[derive(Debug, thiserror::Error)]
#[error("{hook} refused the write of {model}: {message}")]
#[non_exhaustive]
pub struct Veto {
    /// The hook's full name.
    pub hook: String,
    /// The model.
    pub model: &'static str,
    /// What it said.
    pub message: String,
    /// Whether it panicked.
    pub panicked: bool,
    /// The error it passed on.
    #[source]
    pub source: Option<BoxError>,
}

impl Veto {
    pub(crate) fn new(hook: String, model: &'static str, message: String) -> Self {
        Self { hook, model, message, panicked: false, source: None }
    }
}
