//! The lock: the shape of everything that a registry stores.

use std::collections::{BTreeMap, HashSet};

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
    /// The shapes of what a registry knows: its models, the events that they apply, and other events that are linked
    /// ([`Registry::collected`]) or named ([`Registry::event`]).
    ///
    /// # Errors
    /// [`crate::Error::Registry`] when it has no models, or two under one name.
    pub fn of(registry: &Registry) -> Result<Self> {
        registry.check_models()?;
        let models = registry.models().map(|schema| (schema.name.to_owned(), Entry::of_model(schema))).collect();
        Ok(Self { models, events: events(registry) })
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

/// Events of sourced models by their full types; the others by `*` and their name, since any model may raise them.
fn events(registry: &Registry) -> BTreeMap<String, Entry> {
    let entry = |version, fields| Entry { kind: None, version, fields: flat(fields) };
    let (mut events, mut applied) = (BTreeMap::new(), HashSet::new());
    for (event_type, event) in registry.applied_events() {
        applied.insert(event.type_id);
        events.insert(event_type, entry(event.version, event.fields));
    }
    let mut free: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for event in registry.events.iter().filter(|event| !applied.contains(&(event.type_id)())) {
        free.entry(event.name).or_default().insert((event.rust_path)(), event);
    }
    for (name, structs) in free {
        let alone = structs.len() == 1;
        for (path, event) in structs {
            let key = if alone { format!("*.{name}") } else { format!("*.{name} ({path})") };
            events.insert(key, entry(event.version, event.fields));
        }
    }
    events
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
