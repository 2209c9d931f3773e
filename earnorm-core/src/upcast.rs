//! Upcasters: how data that an older program stored gets the shape that this program knows. Stored events stay as they
//! are; the steps run when they are read.

mod chain;
mod check;
mod outcome;

use std::any::TypeId;

use bson::Document;

use crate::model::Model;

pub(crate) use chain::{Span, Upcasters};
pub(crate) use check::{
    check_event, check_model, check_strays, missing_step_of_any, missing_step_of_event, missing_step_of_model,
};
pub use outcome::{UpcastError, UpcastOutcome};

/// The code of one step: from one schema version to the next.
pub type UpcastFn = fn(&mut Document) -> Result<(), UpcastError>;

/// Whose data an upcaster changes.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum UpcastOf {
    /// Data of an event, by its full type: `order.payment_received`.
    Event(&'static str),
    /// The state document of a model.
    #[non_exhaustive]
    Model {
        /// The model's Rust type.
        type_id: fn() -> TypeId,
        /// The model's name.
        name: &'static str,
    },
}

impl UpcastOf {
    /// The event's full type, or the model's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Event(name) | Self::Model { name, .. } => name,
        }
    }
}

/// One upcaster: what `#[upcast]` submits, and what a test may add to its registry by hand.
///
/// ```
/// use earnorm_core::upcast::UpcastRegistration;
///
/// let step = UpcastRegistration::of_event("order.paid", 1, |data| {
///     data.insert("currency", "EUR");
///     Ok(())
/// });
/// assert_eq!((step.of.name(), step.from, step.full_name().as_str()), ("order.paid", 1, "manual::upcast"));
/// ```
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
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
    /// A step for the state documents of `M`.
    #[must_use]
    pub const fn of_model<M: Model>(from: u32, run: UpcastFn) -> Self {
        let of = UpcastOf::Model { type_id: TypeId::of::<M>, name: M::SCHEMA.name };
        Self { of, from, run, module: "manual", name: "upcast" }
    }

    /// A step for the data of one event type.
    #[must_use]
    pub const fn of_event(event_type: &'static str, from: u32, run: UpcastFn) -> Self {
        Self { of: UpcastOf::Event(event_type), from, run, module: "manual", name: "upcast" }
    }

    /// Says what errors call it.
    #[must_use]
    pub const fn named(mut self, module: &'static str, name: &'static str) -> Self {
        self.module = module;
        self.name = name;
        self
    }

    /// Its name as errors show it.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}::{}", self.module, self.name)
    }
}

inventory::collect!(UpcastRegistration);
