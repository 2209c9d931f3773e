//! Folds without the model's Rust type in their own: for rebuilding, verifying and tools.

use std::sync::Arc;

use bson::{Bson, Document};

use super::{Fold, Rules, TrackedRules};
use crate::error::{Error, Result};
use crate::event::RecordedEvent;
use crate::schema::{ModelInfo, ModelKind, is_internal};

/// What folds the streams of one model.
pub trait Folder: Send + Sync {
    /// The model.
    fn info(&self) -> &ModelInfo;

    /// A fold before its first event.
    fn begin(&self) -> Box<dyn Folding>;

    /// A stored state document in today's shape, the library's own fields as they are.
    ///
    /// # Errors
    /// [`Error::Upcast`], [`Error::NeedsCode`]; [`Error::SchemaAhead`] when it is of a newer shape.
    fn shape(&self, document: &Document) -> Result<Document>;

    /// Whether the model can be read from a document of today's shape. Without the model's code everything can.
    ///
    /// # Errors
    /// [`Error::Decode`] names the field.
    fn check(&self, document: &Document) -> Result<()>;
}

/// A fold in progress.
pub trait Folding: Send + Sync {
    /// Adds the next event of the stream.
    ///
    /// # Errors
    /// [`Error::Fold`], [`Error::Decode`], [`Error::Upcast`], [`Error::SchemaAhead`] name the event.
    fn add(&mut self, event: &RecordedEvent) -> Result<()>;

    /// The version of the last event that was added.
    fn version(&self) -> u64;

    /// The `_id` of the document, also where the instance was deleted.
    fn id(&self) -> Option<Bson>;

    /// The model's document in today's shape, while the instance is live.
    ///
    /// # Errors
    /// [`Error::Upcast`]; [`Error::NeedsCode`] where the shape changed and no code is linked that knows how;
    /// [`Error::Corrupt`] when the beginning of the stream is missing.
    fn document(&self) -> Result<Option<Document>>;

    /// The state document as its collection holds it, the library's own fields included.
    ///
    /// # Errors
    /// As [`Folding::document`].
    fn stored_document(&self) -> Result<Option<Document>>;
}

/// Rules that make folds.
pub(crate) struct RulesFolder<R: Rules>(pub(crate) Arc<R>);

impl<R: Rules> Folder for RulesFolder<R> {
    fn info(&self) -> &ModelInfo {
        self.0.info()
    }

    fn begin(&self) -> Box<dyn Folding> {
        Box::new(NamedFold { fold: Fold::new(Arc::clone(&self.0)), stream: None })
    }

    fn shape(&self, document: &Document) -> Result<Document> {
        let subject = self.document_name(document);
        let known = self.0.info().version;
        let found = crate::replay::shape_of(document);
        if found > known {
            return Err(Error::SchemaAhead { subject, found, known });
        }
        let (internal, own): (Document, Document) =
            document.clone().into_iter().partition(|(field, _)| is_internal(field));
        let mut shaped = self.0.shape(own, found, &subject)?;
        shaped.extend(internal);
        Ok(shaped)
    }

    fn check(&self, document: &Document) -> Result<()> {
        self.0.check(document, &self.document_name(document))
    }
}

impl<R: Rules> RulesFolder<R> {
    fn document_name(&self, document: &Document) -> String {
        format!("{} {}", self.0.info().collection, document.get("_id").unwrap_or(&Bson::Null))
    }
}

/// A fold that knows whose it is, for errors.
struct NamedFold<R: Rules> {
    fold: Fold<R>,
    stream: Option<String>,
}

impl<R: Rules> NamedFold<R> {
    fn subject(&self) -> String {
        format!("{} version {}", self.stream.as_deref().unwrap_or("an empty stream"), self.fold.version())
    }
}

impl<R: Rules> Folding for NamedFold<R> {
    fn add(&mut self, event: &RecordedEvent) -> Result<()> {
        if self.stream.is_none() {
            self.stream = Some(event.stream.to_string());
        }
        self.fold.add(event)
    }

    fn version(&self) -> u64 {
        self.fold.version()
    }

    fn id(&self) -> Option<Bson> {
        self.fold.id()
    }

    fn document(&self) -> Result<Option<Document>> {
        self.fold.live_document(&self.subject())
    }

    fn stored_document(&self) -> Result<Option<Document>> {
        self.fold.stored_document(&self.subject())
    }
}

/// Folds a tracked model by what the store knows of it, without the user's code.
///
/// # Errors
/// [`Error::NeedsCode`] for a sourced model, whose events only its own code understands.
pub fn untyped(info: ModelInfo) -> Result<Arc<dyn Folder>> {
    if info.kind == ModelKind::Sourced {
        return Err(Error::NeedsCode { subject: format!("the streams of `{}`", info.name), model: info.name });
    }
    Ok(Arc::new(RulesFolder(Arc::new(TrackedRules::untyped(info)))))
}
