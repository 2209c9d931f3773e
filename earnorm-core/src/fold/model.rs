//! Folds of models whose Rust type is known.

use std::sync::Arc;

use bson::Document;

use super::{Fold, SourcedRules, TrackedRules};
use crate::database::Database;
use crate::entity::Raised;
use crate::error::{DecodeError, Error, Result};
use crate::event::RecordedEvent;
use crate::hook::ApplyFn;
use crate::model::Model;
use crate::registry::Plan;
use crate::schema::ModelKind;

/// A fold whose state can be had as a model.
pub(crate) enum ModelFold<M: Model> {
    /// As a document, which needs no decoding on the way.
    Tracked(Fold<TrackedRules>),
    /// As itself.
    Sourced(Fold<SourcedRules<M>>),
}

/// What makes folds of one model.
pub(crate) enum ModelRules<M: Model> {
    Tracked(Arc<TrackedRules>),
    Sourced(Arc<SourcedRules<M>>),
}

impl<M: Model> ModelRules<M> {
    pub(crate) fn of(db: &Database) -> Result<Self> {
        let upcasters = Arc::clone(db.upcasters());
        Ok(match M::SCHEMA.kind {
            ModelKind::Tracked => {
                db.plan::<M>()?;
                Self::Tracked(Arc::new(TrackedRules::new(M::SCHEMA, upcasters, |document| {
                    M::decode(document).map(drop)
                })))
            }
            ModelKind::Sourced => Self::Sourced(Arc::new(SourcedRules::new(db.plan::<M>()?, upcasters))),
        })
    }

    pub(crate) fn begin(&self) -> ModelFold<M> {
        match self {
            Self::Tracked(rules) => ModelFold::Tracked(Fold::new(Arc::clone(rules))),
            Self::Sourced(rules) => ModelFold::Sourced(Fold::new(Arc::clone(rules))),
        }
    }

    pub(crate) fn resume(&self, snapshot: &Document) -> Option<ModelFold<M>> {
        Some(match self {
            Self::Tracked(rules) => ModelFold::Tracked(Fold::resume(rules, snapshot)?),
            Self::Sourced(rules) => ModelFold::Sourced(Fold::resume(rules, snapshot)?),
        })
    }
}

impl<M: Model> ModelFold<M> {
    /// Adds the next event of the stream.
    pub(crate) fn add(&mut self, event: &RecordedEvent) -> Result<()> {
        match self {
            Self::Tracked(fold) => fold.add(event),
            Self::Sourced(fold) => fold.add(event),
        }
    }

    /// The version of the last event that was added.
    pub(crate) fn version(&self) -> u64 {
        match self {
            Self::Tracked(fold) => fold.version(),
            Self::Sourced(fold) => fold.version(),
        }
    }

    /// The instance as folded so far; `None` before its first event and while it is deleted.
    pub(crate) fn model(&self, subject: &str) -> Result<Option<M>> {
        match self {
            Self::Tracked(fold) => {
                fold.live_document(subject)?.map(|document| decode(&document, || subject.to_owned())).transpose()
            }
            Self::Sourced(fold) => Ok(fold.live_state(subject)?.cloned()),
        }
    }

    /// The model's document as folded so far; `None` before its first event and while it is deleted.
    pub(crate) fn document(&self, subject: &str) -> Result<Option<Document>> {
        match self {
            Self::Tracked(fold) => fold.live_document(subject),
            Self::Sourced(fold) => fold.live_document(subject),
        }
    }

    /// The first version that is in the log, while nothing has made up for those before it.
    pub(crate) fn cut(&self) -> Option<u64> {
        match self {
            Self::Tracked(fold) => fold.cut(),
            Self::Sourced(fold) => fold.cut(),
        }
    }

    /// What a fold needs to go on from here.
    pub(crate) fn snapshot(&self, subject: &str) -> Result<Document> {
        match self {
            Self::Tracked(fold) => fold.snapshot(subject),
            Self::Sourced(fold) => fold.snapshot(subject),
        }
    }
}

/// What raised events make of a stored document: the only state that a sourced model may be saved in.
pub(crate) fn replay_raised<M: Model>(plan: &Plan<M>, before: Option<&Document>, raised: &[Raised]) -> Result<M> {
    let subject = || format!("raised events of {}", M::SCHEMA.name);
    let mut model = before.map(|document| decode::<M>(document, subject)).transpose()?;
    for event in raised {
        let unreadable =
            |source: DecodeError| Error::Decode { subject: format!("{}.{}", M::SCHEMA.name, event.name), source };
        let missing =
            || Error::Registry(format!("`{}` has no `#[apply]` method for `{}`", M::SCHEMA.rust_path, event.name));
        let applier = plan.applier(event.name).ok_or_else(missing)?;
        match (&applier.run, &mut model) {
            (ApplyFn::Start(start), _) => model = Some(start(&event.data).map_err(unreadable)?),
            (ApplyFn::Step(step), Some(model)) => step(model, &event.data).map_err(unreadable)?,
            (ApplyFn::Step(_), None) => return Err(missing()),
        }
    }
    model.ok_or_else(|| Error::Registry(format!("{} has neither a document nor an event", subject())))
}

pub(crate) fn decode<M: Model>(document: &Document, subject: impl Fn() -> String) -> Result<M> {
    M::decode(document).map_err(|source| Error::Decode { subject: subject(), source })
}
