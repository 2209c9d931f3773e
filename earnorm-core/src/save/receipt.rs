//! What a write became.

use std::sync::Arc;

use uuid::Uuid;

use crate::commit::{Committed, CommittedEvent};
use crate::error::BoxError;
use crate::position::Position;

/// What a durable write became. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Receipt {
    committed: Option<Arc<Committed>>,
    failures: Arc<Vec<HookFailure>>,
}

impl Receipt {
    pub(crate) fn of(committed: Committed) -> Self {
        Self { committed: Some(Arc::new(committed)), failures: Arc::default() }
    }

    pub(crate) fn with_failures(mut self, failures: Vec<HookFailure>) -> Self {
        self.failures = Arc::new(failures);
        self
    }

    /// Whether anything was written. An unchanged entity writes nothing.
    #[must_use]
    pub fn is_written(&self) -> bool {
        self.committed.is_some()
    }

    /// The commit's id.
    #[must_use]
    pub fn commit_id(&self) -> Option<Uuid> {
        self.committed.as_ref().map(|committed| committed.id)
    }

    /// The events that were recorded, in order.
    #[must_use]
    pub fn events(&self) -> &[CommittedEvent] {
        self.committed.as_ref().map_or(&[], |committed| &committed.events)
    }

    /// The position of the last event: wait for it to read what derives from this write.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        self.events().iter().map(|event| event.position).max()
    }

    /// Post hooks that failed. The write stays.
    #[must_use]
    pub fn hook_failures(&self) -> &[HookFailure] {
        &self.failures
    }
}

/// A post hook that failed after its write was durable.
#[derive(Debug, thiserror::Error)]
#[error("{hook} failed after {model} was saved: {source}")]
#[non_exhaustive]
pub struct HookFailure {
    /// The hook's full name.
    pub hook: String,
    /// The model.
    pub model: &'static str,
    /// Whether it panicked.
    pub panicked: bool,
    /// Why.
    pub source: BoxError,
}
