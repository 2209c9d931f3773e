//! The hooks of one model in the order in which they run. `inventory` has an order of its own that differs between
//! build profiles, so the plan sorts: `order`, then phase, then module path, then name.

use std::collections::HashMap;

use crate::hook::{Applier, Hook, HookFn, LoadFn, Phase, PostFn, PreFn, ValidateFn};

pub(crate) struct Step<F> {
    pub(crate) module: &'static str,
    pub(crate) name: &'static str,
    pub(crate) run: F,
}

impl<F> Step<F> {
    /// The hook's name as errors show it.
    pub(crate) fn full_name(&self) -> String {
        format!("{}::{}", self.module, self.name)
    }
}

/// All hooks of a model, by operation.
pub(crate) struct Plan<M: 'static> {
    pub(crate) validate: Vec<Step<ValidateFn<M>>>,
    pub(crate) pre_create: Vec<Step<PreFn<M>>>,
    pub(crate) pre_update: Vec<Step<PreFn<M>>>,
    pub(crate) pre_delete: Vec<Step<PreFn<M>>>,
    pub(crate) post_create: Vec<Step<PostFn<M>>>,
    pub(crate) post_update: Vec<Step<PostFn<M>>>,
    pub(crate) post_delete: Vec<Step<PostFn<M>>>,
    pub(crate) post_load: Vec<Step<LoadFn<M>>>,
    pub(crate) appliers: HashMap<&'static str, &'static Applier<M>>,
}

impl<M: 'static> Plan<M> {
    pub(super) fn new(mut hooks: Vec<Hook<M>>, appliers: impl Iterator<Item = &'static Applier<M>>) -> Self {
        hooks.sort_by_key(|hook| (hook.order, hook.phase, hook.module, hook.name));
        let pre = |phases: [Phase; 2]| {
            select(&hooks, &phases, |run| match run {
                HookFn::Pre(run) => Some(run),
                _ => None,
            })
        };
        let post = |phases: [Phase; 2]| {
            select(&hooks, &phases, |run| match run {
                HookFn::Post(run) => Some(run),
                _ => None,
            })
        };
        Self {
            validate: select(&hooks, &[Phase::Validate], |run| match run {
                HookFn::Validate(run) => Some(run),
                _ => None,
            }),
            pre_create: pre([Phase::PreSave, Phase::PreCreate]),
            pre_update: pre([Phase::PreSave, Phase::PreUpdate]),
            pre_delete: pre([Phase::PreDelete, Phase::PreDelete]),
            post_create: post([Phase::PostSave, Phase::PostCreate]),
            post_update: post([Phase::PostSave, Phase::PostUpdate]),
            post_delete: post([Phase::PostDelete, Phase::PostDelete]),
            post_load: select(&hooks, &[Phase::PostLoad], |run| match run {
                HookFn::Load(run) => Some(run),
                _ => None,
            }),
            appliers: appliers.map(|applier| (applier.event, applier)).collect(),
        }
    }
}

fn select<M, F>(hooks: &[Hook<M>], phases: &[Phase], code: impl Fn(HookFn<M>) -> Option<F>) -> Vec<Step<F>> {
    hooks
        .iter()
        .filter(|hook| phases.contains(&hook.phase))
        .filter_map(|hook| Some(Step { module: hook.module, name: hook.name, run: code(hook.run)? }))
        .collect()
}
