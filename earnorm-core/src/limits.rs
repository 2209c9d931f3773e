//! Limits on what one commit may hold, checked before anything is sent.

mod contradiction;
mod inspect;

use crate::commit::{Commit, DocumentOp};
use crate::error::{Error, Result};

pub use inspect::{MAX_DEPTH, MODEL_DEPTH_MAX, decode_document, decode_of, size_of, size_of_model};
pub(crate) use inspect::{decode_field, refuse_sealed};

/// What the largest database document may hold.
pub const DOCUMENT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// What an event's envelope and the library's own fields may take of it.
pub const ENVELOPE_BYTES_MAX: usize = 16 * 1024;

/// How much one commit may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Events, documents, checkpoints and checks together.
    pub writes: usize,
    /// Bytes of events and documents together, as BSON.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { writes: 1_000, bytes: 8 * 1024 * 1024 }
    }
}

impl Limits {
    /// Refuses a commit that is too large, too deep, has a field name that databases read as an operator, or makes no
    /// sense: one without a trace, or with conditions that exclude each other. Every store calls it before it does
    /// anything.
    ///
    /// # Errors
    /// [`Error::CommitTooLarge`], [`Error::TooLarge`], [`Error::TooDeep`], [`Error::InvalidField`],
    /// [`Error::InvalidCommit`].
    pub fn check(&self, commit: &Commit) -> Result<()> {
        check_shape(commit)?;
        if commit.writes() > self.writes {
            return Err(Error::CommitTooLarge { unit: "writes", actual: commit.writes(), limit: self.writes });
        }
        let bytes = events_size(commit)? + documents_size(commit)?;
        if bytes > self.bytes {
            return Err(Error::CommitTooLarge { unit: "bytes", actual: bytes, limit: self.bytes });
        }
        Ok(())
    }
}

fn check_shape(commit: &Commit) -> Result<()> {
    let invalid = |reason: String| Err(Error::InvalidCommit { reason });
    if commit.events() == 0 && commit.checkpoints.is_empty() {
        return invalid("it has neither an event nor a checkpoint; a write without an event is a lost fact".into());
    }
    let (mut streams, alone) = (std::collections::HashSet::new(), commit.appends.len() == 1);
    for append in &commit.appends {
        if append.events.is_empty() {
            return invalid(format!("the append to {} has no events", append.stream));
        }
        if !alone && !streams.insert(&append.stream) {
            return invalid(format!("{} stands in it twice", append.stream));
        }
        if append.expected == crate::stream::ExpectedVersion::Exact(0) {
            return invalid(format!("{} is expected at version 0; expect no stream instead", append.stream));
        }
        if let Some(event) = append.events.iter().find(|event| !crate::event::is_dotted_name(&event.event_type)) {
            return invalid(format!(
                "event type `{}` is not made of lower-case words joined by dots",
                event.event_type
            ));
        }
    }
    for write in &commit.documents {
        if let DocumentOp::Insert { document } | DocumentOp::Replace { document, .. } = &write.op
            && let Some(own) = document.get("_id").filter(|own| **own != write.id)
        {
            return invalid(format!("the document of {} {} has the id {own}", write.collection, write.id));
        }
    }
    let mut consumers = std::collections::HashSet::new();
    for checkpoint in &commit.checkpoints {
        if !consumers.insert(&checkpoint.consumer) {
            return invalid(format!("checkpoint `{}` stands in it twice", checkpoint.consumer));
        }
    }
    contradiction::contradiction(commit).map_or(Ok(()), invalid)
}

fn events_size(commit: &Commit) -> Result<usize> {
    let mut total = 0;
    for append in &commit.appends {
        for event in &append.events {
            let subject = || format!("event {} of {}", event.event_type, append.stream);
            let metadata = size_of(&event.metadata.extra, subject)?;
            let texts = [
                &event.metadata.actor,
                &event.metadata.correlation_id,
                &event.metadata.causation_id,
                &event.metadata.traceparent,
            ];
            let envelope = metadata + texts.into_iter().flatten().map(String::len).sum::<usize>();
            if envelope > ENVELOPE_BYTES_MAX / 2 {
                return Err(Error::TooLarge {
                    subject: format!("metadata of {}", subject()),
                    actual: envelope,
                    limit: ENVELOPE_BYTES_MAX / 2,
                });
            }
            let data = size_of(&event.data, subject)?;
            check_size(data, subject)?;
            total += data + envelope;
        }
    }
    Ok(total)
}

fn documents_size(commit: &Commit) -> Result<usize> {
    let mut total = 0;
    for write in &commit.documents {
        let subject = || format!("document {} of {}", write.id, write.collection);
        let size = match &write.op {
            DocumentOp::Insert { document } | DocumentOp::Replace { document, .. } => size_of(document, subject)?,
            DocumentOp::Patch { set, unset, .. } => inspect::size_of_patch(set, unset, subject)?,
            DocumentOp::Delete { .. } => 0,
        };
        check_size(size, subject)?;
        total += size;
    }
    Ok(total)
}

fn check_size(actual: usize, subject: impl Fn() -> String) -> Result<()> {
    let limit = DOCUMENT_BYTES_MAX - ENVELOPE_BYTES_MAX;
    if actual > limit {
        return Err(Error::TooLarge { subject: subject(), actual, limit });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
