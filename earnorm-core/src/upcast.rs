//! Upcasters: how data that an older program stored gets the shape that this program knows. Stored events stay as they
//! are; the steps run when they are read.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bson::Document;

use crate::error::{BoxError, Error, Result};
use crate::model::Model;

/// Why an upcaster cannot change what was stored. Every error, and text, turns into one with `?` or `.into()`.
pub struct UpcastError(BoxError);

impl fmt::Debug for UpcastError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UpcastError").field(&self.0).finish()
    }
}

impl fmt::Display for UpcastError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<E: Into<BoxError>> From<E> for UpcastError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

/// The code of one step: from one schema version to the next.
pub type UpcastFn = fn(&mut Document) -> Result<(), UpcastError>;

/// Whose data an upcaster changes.
#[derive(Debug, Clone, Copy)]
pub enum UpcastOf {
    /// Data of an event, by its full type: `order.payment_received`.
    Event(&'static str),
    /// The state document of a model, by its name.
    Model(fn() -> &'static str),
}

/// One upcaster that is linked into the program: what `#[upcast]` submits.
#[derive(Debug, Clone, Copy)]
pub struct UpcastRegistration {
    /// Whose data it changes.
    pub of: UpcastOf,
    /// The schema version that it reads; it leads to the next one.
    pub from: u32,
    /// Its code.
    pub run: UpcastFn,
    /// The module it is written in.
    pub module: &'static str,
    /// Its name.
    pub name: &'static str,
}

impl UpcastRegistration {
    /// The registration of a step for the state documents of `M`.
    #[must_use]
    pub const fn of_model<M: Model>(from: u32, run: UpcastFn, module: &'static str, name: &'static str) -> Self {
        Self { of: UpcastOf::Model(|| M::SCHEMA.name), from, run, module, name }
    }

    /// The registration of a step for the data of one event type.
    #[must_use]
    pub const fn of_event(
        event_type: &'static str,
        from: u32,
        run: UpcastFn,
        module: &'static str,
        name: &'static str,
    ) -> Self {
        Self { of: UpcastOf::Event(event_type), from, run, module, name }
    }
}

inventory::collect!(UpcastRegistration);

/// The chains of upcasters, by model and by event type.
#[derive(Debug, Default)]
pub struct Upcasters {
    models: HashMap<String, Chain>,
    events: HashMap<String, Chain>,
}

type Chain = BTreeMap<u32, UpcastRegistration>;

impl Upcasters {
    /// Every upcaster that is linked into the program. The second answer lists steps that are there twice.
    pub(crate) fn collected() -> (Self, Vec<String>) {
        let mut upcasters = Self::default();
        let problems =
            inventory::iter::<UpcastRegistration>.into_iter().filter_map(|step| upcasters.add(*step)).collect();
        (upcasters, problems)
    }

    /// Adds a step; answers what is wrong if there is one already.
    pub(crate) fn add(&mut self, step: UpcastRegistration) -> Option<String> {
        let (subject, chain) = match step.of {
            UpcastOf::Event(event_type) => (event_type, self.events.entry(event_type.to_owned()).or_default()),
            UpcastOf::Model(name) => (name(), self.models.entry(name().to_owned()).or_default()),
        };
        let other = chain.insert(step.from, step)?;
        Some(format!(
            "`{subject}` has two upcasters from version {}: {}::{} and {}::{}; keep one",
            step.from, other.module, other.name, step.module, step.name
        ))
    }

    /// The first version below `current` that has no step for the documents of a model.
    pub(crate) fn gap_of_model(&self, name: &str, current: u32) -> Option<u32> {
        gap(self.models.get(name), current)
    }

    /// The first version below `current` that has no step for an event type.
    pub(crate) fn gap_of_event(&self, event_type: &str, current: u32) -> Option<u32> {
        gap(self.events.get(event_type), current)
    }

    /// Brings a state document from one schema version to a higher one.
    pub(crate) fn model(&self, name: &str, document: &mut Document, span: Span, subject: &str) -> Result<()> {
        climb(self.models.get(name), document, span, subject)
    }

    /// Brings an event's data from one schema version to a higher one.
    pub(crate) fn event(&self, event_type: &str, data: &mut Document, span: Span, subject: &str) -> Result<()> {
        climb(self.events.get(event_type), data, span, subject)
    }
}

/// From which schema version to which.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) from: u32,
    pub(crate) to: u32,
}

fn gap(chain: Option<&Chain>, current: u32) -> Option<u32> {
    (1..current).find(|from| chain.is_none_or(|chain| !chain.contains_key(from)))
}

fn climb(chain: Option<&Chain>, document: &mut Document, span: Span, subject: &str) -> Result<()> {
    for from in span.from..span.to {
        let failed = |reason: String| Error::Upcast { subject: subject.to_owned(), from, reason };
        let Some(step) = chain.and_then(|chain| chain.get(&from)) else {
            return Err(failed("there is no `#[upcast]` for this step: write one".to_owned()));
        };
        let name = || format!("{}::{}", step.module, step.name);
        match catch_unwind(AssertUnwindSafe(|| (step.run)(document))) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(failed(format!("{} failed: {error}", name()))),
            Err(panic) => return Err(failed(format!("{} panicked: {}", name(), crate::save::panic_text(&*panic)))),
        }
    }
    Ok(())
}
