//! Tracked models: folded as documents, which needs no Rust type until the schema version rises.

use std::sync::Arc;

use bson::{Bson, Document};

use super::{Rules, broken, subject};
use crate::diff::Changes;
use crate::error::{DecodeError, Error, Result};
use crate::event::RecordedEvent;
use crate::schema::{ModelInfo, ModelSchema};
use crate::upcast::{Span, Upcasters};

/// The rules of a tracked model.
#[derive(Debug)]
pub(crate) struct TrackedRules {
    info: ModelInfo,
    /// `None` in tools that do not have the user's code.
    upcasters: Option<Arc<Upcasters>>,
    check: Option<CheckFn>,
}

/// Reads a model from a document.
pub(crate) type CheckFn = fn(&Document) -> Result<(), DecodeError>;

/// A document and its schema version.
#[derive(Debug, Clone)]
pub(crate) struct Shaped {
    document: Document,
    version: u32,
}

impl TrackedRules {
    /// The rules of a model whose code is linked.
    pub(crate) fn new(schema: &ModelSchema, upcasters: Arc<Upcasters>, check: CheckFn) -> Self {
        Self { info: ModelInfo::of(schema), upcasters: Some(upcasters), check: Some(check) }
    }

    /// The rules of a model of which only the store's note is known.
    pub(crate) fn untyped(info: ModelInfo) -> Self {
        Self { info, upcasters: None, check: None }
    }

    /// Upcasters only ever see whole documents: the folded one passes through them where the schema version rises.
    fn raise(&self, shaped: &mut Shaped, to: u32, subject: &str) -> Result<()> {
        if to <= shaped.version {
            return Ok(());
        }
        let Some(upcasters) = &self.upcasters else {
            return Err(Error::NeedsCode { subject: subject.to_owned(), model: self.info.name.clone() });
        };
        let span = Span { from: shaped.version, to };
        upcasters.model(&self.info.name, &mut shaped.document, span, subject)?;
        shaped.version = to;
        Ok(())
    }
}

impl Rules for TrackedRules {
    type State = Shaped;

    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn whole(&self, document: &Document, schema_version: u32, _: &str) -> Result<Shaped> {
        let mut document = document.clone();
        document.remove(crate::save::HARD);
        Ok(Shaped { document, version: schema_version })
    }

    fn step(&self, event: &RecordedEvent, state: Option<Shaped>) -> Result<Option<Shaped>> {
        let Some(mut shaped) = state else {
            return Err(broken(event, "it changes an instance that is not there".to_owned()));
        };
        if event.schema_version < shaped.version {
            return Err(broken(
                event,
                format!("its schema version falls from {} to {}", shaped.version, event.schema_version),
            ));
        }
        self.raise(&mut shaped, event.schema_version, &subject(event))?;
        let changes = Changes::from_data(event.data()?).map_err(|reason| broken(event, reason))?;
        changes.apply_to(&mut shaped.document);
        Ok(Some(shaped))
    }

    fn shape(&self, document: Document, schema_version: u32, subject: &str) -> Result<Document> {
        let mut shaped = Shaped { document, version: schema_version };
        self.raise(&mut shaped, self.info.version, subject)?;
        Ok(shaped.document)
    }

    fn check(&self, document: &Document, subject: &str) -> Result<()> {
        let read = self.check.map_or(Ok(()), |check| check(document));
        read.map_err(|source| Error::Decode { subject: subject.to_owned(), source })
    }

    fn erase(&self, event: &RecordedEvent, mut state: Shaped) -> Result<Shaped> {
        self.raise(&mut state, event.schema_version, &subject(event))?;
        super::erase_fields(event, &mut state.document)?;
        Ok(state)
    }

    fn document(&self, state: &Shaped, subject: &str) -> Result<Document> {
        let mut shaped = state.clone();
        self.raise(&mut shaped, self.info.version, subject)?;
        Ok(shaped.document)
    }

    fn as_it_is(&self, state: &Shaped) -> Result<(Document, u32)> {
        Ok((state.document.clone(), state.version))
    }

    fn id(&self, state: &Shaped) -> Option<Bson> {
        state.document.get("_id").cloned()
    }
}
