//! Chains of upcasters, and how data climbs them.

use std::any::TypeId;
use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};

use bson::Document;

use super::{UpcastOf, UpcastRegistration};
use crate::error::{Error, Result};

/// The steps of one model or event type, by the version that they read. Two for one version are a mistake, which is
/// found when a database connects, or else when the step is needed.
pub(super) type Chain = BTreeMap<u32, Vec<UpcastRegistration>>;

/// The chains of upcasters, by model and by event type.
#[derive(Debug, Default)]
pub(crate) struct Upcasters {
    models: HashMap<&'static str, Chain>,
    events: BTreeMap<&'static str, Chain>,
}

/// From which schema version to which.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) from: u32,
    pub(crate) to: u32,
}

impl Upcasters {
    /// The steps of events, and those of the models that a registry knows: other models of the same name have their own.
    pub(crate) fn new(mut steps: Vec<UpcastRegistration>, knows: impl Fn(&str, TypeId) -> bool) -> Self {
        // `inventory` has an order of its own that differs between build profiles.
        steps.sort_by_key(|step| (step.module, step.name));
        let mut upcasters = Self::default();
        for step in steps {
            let chain = match step.of {
                UpcastOf::Event(event_type) => upcasters.events.entry(event_type).or_default(),
                UpcastOf::Model { type_id, name } if knows(name, type_id()) => {
                    upcasters.models.entry(name).or_default()
                }
                UpcastOf::Model { .. } => continue,
            };
            chain.entry(step.from).or_default().push(step);
        }
        upcasters
    }

    pub(super) fn of_model(&self, name: &str) -> Option<&Chain> {
        self.models.get(name)
    }

    pub(super) fn of_event(&self, event_type: &str) -> Option<&Chain> {
        self.events.get(event_type)
    }

    /// The event types that have steps.
    pub(super) fn event_types(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.events.keys().copied()
    }

    /// Brings a state document from one schema version to a higher one.
    pub(crate) fn model(&self, name: &str, document: &mut Document, span: Span, subject: &str) -> Result<()> {
        let id = document.get("_id").cloned();
        climb(self.models.get(name), document, span, subject, |document| {
            let kept = document.get("_id") == id.as_ref();
            kept.then_some(()).ok_or("changed `_id`, and an id never changes: leave it as it is")
        })
    }

    /// Brings an event's data from one schema version to a higher one.
    pub(crate) fn event(&self, event_type: &str, data: &mut Document, span: Span, subject: &str) -> Result<()> {
        climb(self.events.get(event_type), data, span, subject, |_| Ok(()))
    }
}

/// Runs the steps of a span; `check` says what is wrong with what a step made.
fn climb(
    chain: Option<&Chain>,
    document: &mut Document,
    span: Span,
    subject: &str,
    check: impl Fn(&Document) -> Result<(), &'static str>,
) -> Result<()> {
    for from in span.from..span.to {
        let failed = |reason: String| Error::Upcast { subject: subject.to_owned(), from, reason };
        let step = find(chain, from).map_err(failed)?;
        let name = step.full_name();
        match catch_unwind(AssertUnwindSafe(|| (step.run)(document))) {
            Ok(Ok(())) => check(document).map_err(|reason| failed(format!("{name} {reason}")))?,
            Ok(Err(error)) => return Err(failed(format!("{name} failed: {error}"))),
            Err(panic) => return Err(failed(format!("{name} panicked: {}", crate::save::panic_text(&*panic)))),
        }
    }
    Ok(())
}

fn find(chain: Option<&Chain>, from: u32) -> Result<&UpcastRegistration, String> {
    if from == 0 {
        return Err("versions count from 1, so this library did not write it: mend it".to_owned());
    }
    match chain.and_then(|chain| chain.get(&from)).map(Vec::as_slice) {
        Some([step]) => Ok(step),
        Some([one, other, ..]) => {
            let (one, other) = (one.full_name(), other.full_name());
            Err(format!("there are two upcasters from this version, {one} and {other}: keep one"))
        }
        _ => {
            let to = from + 1;
            Err(format!("there is no upcaster to version {to}: write one with `#[upcast(…, from = {from})]`"))
        }
    }
}
