//! What generated code submits to `inventory`, erased so that one list holds the hooks of all models.

use std::any::{Any, TypeId};
use std::sync::Arc;

use crate::error::Result;
use crate::fold::{CheckFn, Folder};
use crate::hook::{Applier, Block, Phase};
use crate::model::Model;
use crate::registry::Registry;
use crate::schema::{ModelKind, ModelSchema};
use crate::shape::Field;

/// A model that is linked into the program.
#[derive(Debug, Clone, Copy)]
pub struct ModelRegistration {
    pub(crate) type_id: fn() -> TypeId,
    pub(crate) schema: &'static ModelSchema,
    pub(crate) fold: FoldCode,
}

/// What folding needs of a model's Rust type. What is named here is compiled for every model of a program, used or not:
/// a tracked model names nothing but how it is read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FoldCode {
    /// Reads the model from a document.
    Tracked(CheckFn),
    /// Makes the folder of a model from the registry's parts.
    Sourced(fn(&Registry) -> Result<Arc<dyn Folder>>),
}

impl FoldCode {
    pub(crate) const fn of<M: Model>() -> Self {
        match M::SCHEMA.kind {
            ModelKind::Tracked => Self::Tracked(|document| M::decode(document).map(drop)),
            ModelKind::Sourced => Self::Sourced(Registry::sourced_folder::<M>),
        }
    }
}

/// An event that a sourced model applies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AppliedEvent {
    pub(crate) type_id: TypeId,
    pub(crate) name: &'static str,
    pub(crate) version: u32,
    pub(crate) fields: &'static [Field],
}

impl ModelRegistration {
    /// The registration of `M`.
    #[must_use]
    pub const fn of<M: Model>() -> Self {
        Self { type_id: TypeId::of::<M>, schema: M::SCHEMA, fold: FoldCode::of::<M>() }
    }
}

inventory::collect!(ModelRegistration);

/// The hooks of one `#[model] impl` block or one free function.
#[derive(Clone, Copy)]
pub struct HookRegistration {
    pub(crate) type_id: fn() -> TypeId,
    pub(crate) model: fn() -> &'static str,
    pub(crate) hooks: fn() -> Vec<HookInfo>,
    pub(crate) block: &'static (dyn Any + Send + Sync),
    applied: fn(&(dyn Any + Send + Sync)) -> Vec<AppliedEvent>,
}

impl HookRegistration {
    /// The registration of a block of `M`'s hooks. `hooks` is `|| earnorm::__private::describe(&BLOCK)`.
    #[must_use]
    pub const fn of<M: Model>(block: &'static Block<M>, hooks: fn() -> Vec<HookInfo>) -> Self {
        Self { type_id: TypeId::of::<M>, model: std::any::type_name::<M>, hooks, block, applied: applied::<M> }
    }

    /// The events that its `#[apply]` methods take.
    pub(crate) fn applied(&self) -> Vec<AppliedEvent> {
        (self.applied)(self.block)
    }

    /// The hooks of this registration.
    #[must_use]
    pub fn list(&self) -> Vec<HookInfo> {
        (self.hooks)()
    }
}

impl std::fmt::Debug for HookRegistration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HookRegistration").field("model", &(self.model)()).field("hooks", &(self.hooks)()).finish()
    }
}

inventory::collect!(HookRegistration);

fn applied<M: 'static>(block: &(dyn Any + Send + Sync)) -> Vec<AppliedEvent> {
    let mut events = Vec::new();
    if let Some(block) = block.downcast_ref::<Block<M>>() {
        for applier in block.appliers {
            let Applier { event: name, version, fields, type_id, .. } = *applier;
            events.push(AppliedEvent { type_id: type_id(), name, version, fields });
        }
    }
    events
}

/// One hook, as lists of hooks show it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HookInfo {
    /// The model's Rust type.
    pub model: &'static str,
    /// When it runs.
    pub phase: Phase,
    /// Lower runs first.
    pub order: i32,
    /// The module it is written in.
    pub module: &'static str,
    /// Its name.
    pub name: &'static str,
}

/// Lists the hooks of a block; for generated code.
#[must_use]
pub fn describe<M>(block: &Block<M>) -> Vec<HookInfo> {
    block
        .hooks
        .iter()
        .map(|hook| HookInfo {
            model: std::any::type_name::<M>(),
            phase: hook.phase,
            order: hook.order,
            module: hook.module,
            name: hook.name,
        })
        .collect()
}
