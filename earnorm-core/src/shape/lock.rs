//! The lock: the shape of everything that a registry stores.

use std::collections::BTreeMap;

use super::fields::{Fields, flat};
use super::{Field, LockError, text};
use crate::error::Result;
use crate::registry::Registry;
use crate::schema::{ModelKind, ModelSchema};

/// The shapes of all models and event types.
///
/// Its text is JSON with one line for each stored path, sorted, the same in every build.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lock {
    pub(super) models: BTreeMap<String, Entry>,
    pub(super) events: BTreeMap<String, Entry>,
}

/// One model or event type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Only of models.
    pub(super) kind: Option<ModelKind>,
    pub(super) version: u32,
    pub(super) fields: Fields,
}

impl Lock {
    /// The shapes of what a registry knows: its models, and the events that they apply.
    ///
    /// # Errors
    /// [`crate::Error::Registry`] when it has no models, or two under one name.
    pub fn of(registry: &Registry) -> Result<Self> {
        registry.check_models()?;
        let models = registry.models().map(|schema| (schema.name.to_owned(), Entry::of_model(schema))).collect();
        let events = registry.applied_events().into_iter().map(|(name, event)| {
            let entry = Entry { kind: None, version: event.version, fields: flat(event.fields) };
            (name, entry)
        });
        Ok(Self { models, events: events.collect() })
    }

    /// Reads the text of a lock file.
    ///
    /// # Errors
    /// Says where the text is not a lock.
    pub fn read(text: &str) -> std::result::Result<Self, LockError> {
        text::read(text)
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.models.is_empty() && self.events.is_empty()
    }
}

impl std::fmt::Display for Lock {
    /// The text of the lock file, which ends with a line end.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&text::write(self))
    }
}

impl Entry {
    fn of_model(schema: &ModelSchema) -> Self {
        let fields: Vec<_> = schema
            .fields
            .iter()
            .map(|field| Field { path: field.path, shape: field.shape, default: field.default })
            .collect();
        Self { kind: Some(schema.kind), version: schema.version, fields: flat(&fields) }
    }
}
