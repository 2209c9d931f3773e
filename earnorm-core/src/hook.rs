//! Hooks: user code around a write, and how it is registered.

mod outcome;
mod registration;

use std::any::TypeId;
use std::future::Future;
use std::pin::Pin;

use bson::Document;

use crate::error::{BoxError, DecodeError};
use crate::save::{PostContext, PreContext};
use crate::shape::Field;
use crate::validation::ValidationErrors;

pub use outcome::{Abort, PostOutcome, PreOutcome, ValidateOutcome};
pub(crate) use registration::{AppliedEvent, FoldCode};
pub use registration::{HookInfo, HookRegistration, ModelRegistration, describe};

/// A future behind a pointer.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where in the life of an instance a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Phase {
    /// Checks the instance, before the pre hooks and again after them.
    Validate,
    /// Before every create and update.
    PreSave,
    /// Before a create.
    PreCreate,
    /// Before an update.
    PreUpdate,
    /// Before a delete.
    PreDelete,
    /// After every create and update is durable.
    PostSave,
    /// After a create is durable.
    PostCreate,
    /// After an update is durable.
    PostUpdate,
    /// After a delete is durable.
    PostDelete,
    /// After an instance was read.
    PostLoad,
}

impl Phase {
    /// The attribute's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Validate => "validate",
            Self::PreSave => "pre_save",
            Self::PreCreate => "pre_create",
            Self::PreUpdate => "pre_update",
            Self::PreDelete => "pre_delete",
            Self::PostSave => "post_save",
            Self::PostCreate => "post_create",
            Self::PostUpdate => "post_update",
            Self::PostDelete => "post_delete",
            Self::PostLoad => "post_load",
        }
    }
}

/// A hook on `pre_*`.
pub type PreFn<M> = for<'a, 'c> fn(&'a mut M, &'a mut PreContext<'c, M>) -> BoxFuture<'a, Result<(), Abort>>;
/// A hook on `post_save`, `post_create`, `post_update`, `post_delete`.
pub type PostFn<M> = for<'a, 'c> fn(&'a M, &'a PostContext<'c, M>) -> BoxFuture<'a, Result<(), BoxError>>;
/// A hook on `post_load`.
pub type LoadFn<M> = for<'a> fn(&'a mut M) -> BoxFuture<'a, Result<(), BoxError>>;
/// A hook on `validate`.
pub type ValidateFn<M> = for<'a> fn(&'a M) -> BoxFuture<'a, Result<(), ValidationErrors>>;

/// The code of a hook.
#[derive(Debug)]
pub enum HookFn<M> {
    /// On `validate`.
    Validate(ValidateFn<M>),
    /// On `pre_*`.
    Pre(PreFn<M>),
    /// On `post_*` but `post_load`.
    Post(PostFn<M>),
    /// On `post_load`.
    Load(LoadFn<M>),
}

impl<M> Clone for HookFn<M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for HookFn<M> {}

/// One hook of a model.
#[derive(Debug)]
pub struct Hook<M> {
    /// When it runs.
    pub phase: Phase,
    /// Lower runs first; the default is 0.
    pub order: i32,
    /// The module it is written in; the second key of the order.
    pub module: &'static str,
    /// Its name, `User::normalise` or `normalise`; the third key of the order.
    pub name: &'static str,
    /// Its code.
    pub run: HookFn<M>,
}

impl<M> Clone for Hook<M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for Hook<M> {}

impl<M> Hook<M> {
    /// A hook written by hand, for a registry of a test's own:
    ///
    /// ```
    /// # use earnorm_core::{hook::{Hook, Phase}, model::Model};
    /// # fn example<M: Model>() -> Hook<M> {
    /// Hook::new(Phase::PreSave, "log", HookFn::Pre(|_model, _cx| Box::pin(async { Ok(()) })))
    /// # }
    /// # use earnorm_core::hook::HookFn;
    /// ```
    #[must_use]
    pub const fn new(phase: Phase, name: &'static str, run: HookFn<M>) -> Self {
        Self { phase, order: 0, module: "manual", name, run }
    }

    /// Lower runs first; the default is 0.
    #[must_use]
    pub const fn order(mut self, order: i32) -> Self {
        self.order = order;
        self
    }

    /// Its name as errors show it.
    pub(crate) fn full_name(&self) -> String {
        format!("{}::{}", self.module, self.name)
    }
}

/// How one event type changes a sourced model.
#[derive(Debug)]
pub struct Applier<M> {
    /// The event's name, without the model's category.
    pub event: &'static str,
    /// The version of the event's shape that the code knows.
    pub version: u32,
    /// The event's stored fields.
    pub fields: &'static [Field],
    /// The event's Rust type.
    pub type_id: fn() -> TypeId,
    /// Its code.
    pub run: ApplyFn<M>,
}

/// The code of an `#[apply]` method, on stored data.
#[derive(Debug)]
pub enum ApplyFn<M> {
    /// Makes the instance.
    Start(fn(&Document) -> Result<M, DecodeError>),
    /// Changes it.
    Step(fn(&mut M, &Document) -> Result<(), DecodeError>),
}

/// What one `#[model] impl` block, or one free hook function, brings.
#[derive(Debug)]
pub struct Block<M: 'static> {
    /// Its hooks.
    pub hooks: &'static [Hook<M>],
    /// Its `#[apply]` methods.
    pub appliers: &'static [Applier<M>],
}
