//! What an instance was when it was read or written: the next save is compared with it.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use bson::{Document, RawDocumentBuf};

use super::state::Internals;
use crate::error::Result;
use crate::limits::decode_of;

/// The fields of an instance as they are stored. Copies share them.
///
/// They may be kept as the bytes that were read, and become a document when that is first looked at: instances that are
/// only read never pay for it.
#[derive(Clone, Default)]
pub(crate) struct KeptState(Arc<Inner>);

#[derive(Default)]
struct Inner {
    bytes: Option<RawDocumentBuf>,
    document: OnceLock<Document>,
}

impl KeptState {
    /// A state document as bytes, each field of which was read as a value before: so they can be read again.
    pub(crate) fn of_read(bytes: RawDocumentBuf) -> Self {
        Self(Arc::new(Inner { bytes: Some(bytes), document: OnceLock::new() }))
    }

    /// Changes a copy, and keeps it when that went well.
    pub(crate) fn change(&mut self, step: impl FnOnce(&mut Document) -> Result<()>) -> Result<()> {
        let mut document = Document::clone(self);
        step(&mut document)?;
        *self = document.into();
        Ok(())
    }
}

impl Deref for KeptState {
    type Target = Document;

    fn deref(&self) -> &Document {
        self.0.document.get_or_init(|| {
            let read = self.0.bytes.as_ref().and_then(|bytes| decode_of("", bytes).ok());
            let mut document = read.unwrap_or_default();
            Internals::take(|name| document.remove(name));
            document
        })
    }
}

impl From<Document> for KeptState {
    fn from(document: Document) -> Self {
        Self(Arc::new(Inner { bytes: None, document: document.into() }))
    }
}

impl fmt::Debug for KeptState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
