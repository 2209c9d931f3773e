//! What verifying finds.

use std::fmt;

use bson::Bson;

use crate::diff::Changes;

/// A document that is not what its stream says.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Difference {
    /// The stream, `user-<id>`; also where it has no events.
    pub stream: String,
    /// The document's `_id`, where it is known.
    pub id: Option<Bson>,
    /// The version of the stream; 0 where it has no events.
    pub version: u64,
    /// What differs.
    pub kind: Kind,
}

/// How a document and its stream differ.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// The stream says that there is an instance, and its document is not there.
    Missing,
    /// The document is there, although its instance was deleted.
    Deleted,
    /// The document has no events.
    NoEvents,
    /// The document is at another version.
    Version {
        /// The document's.
        document: u64,
    },
    /// The same version with other values.
    Content {
        /// What leads from the folded values to the ones in the document.
        changes: Changes,
    },
    /// The stream cannot be folded, or the document cannot be read.
    Unreadable {
        /// Why, with the event or field named.
        reason: String,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.stream)?;
        match &self.kind {
            Kind::Missing => write!(f, "its document is missing, the log has version {}", self.version),
            Kind::Deleted => write!(f, "its document is there, but it was deleted at version {}", self.version),
            Kind::NoEvents => f.write_str("its document has no events: take it over with `adopt`"),
            Kind::Version { document } => {
                write!(f, "its document is at version {document}, the log at version {}", self.version)
            }
            Kind::Content { changes } => {
                write!(f, "its document differs at version {} in {}", self.version, changes.paths().join(", "))
            }
            Kind::Unreadable { reason } => write!(f, "it cannot be compared: {reason}"),
        }
    }
}
