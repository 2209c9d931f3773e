//! The hooks of one model in the order in which they run. `inventory` has an order of its own that differs between
//! build profiles, so the plan sorts: `order`, then phase, then module path, then name.

use std::collections::HashMap;

use crate::hook::{Applier, Hook, HookFn, Phase};

/// All hooks of a model. Every model has its own copy of this code, so the sorting is done by [`Turns`], which has none.
pub(crate) struct Plan<M: 'static> {
    hooks: Vec<Hook<M>>,
    turns: Turns,
    appliers: Vec<&'static Applier<M>>,
    /// Places in `appliers`, by the event's name.
    events: HashMap<&'static str, usize>,
}

impl<M: 'static> Plan<M> {
    pub(super) fn new(hooks: Vec<Hook<M>>, appliers: Vec<&'static Applier<M>>) -> Self {
        let mut entries = Vec::with_capacity(hooks.len());
        for hook in &hooks {
            entries.push(Entry {
                kind: Kind::of(&hook.run),
                phase: hook.phase,
                order: hook.order,
                module: hook.module,
                name: hook.name,
            });
        }
        let mut names = Vec::with_capacity(appliers.len());
        for applier in &appliers {
            names.push(applier.event);
        }
        let events = names.into_iter().enumerate().map(|(at, name)| (name, at)).collect();
        Self { hooks, turns: Turns::new(entries), appliers, events }
    }

    /// The hooks that run at a point, in their order.
    pub(crate) fn at(&self, turn: Turn) -> impl Iterator<Item = &Hook<M>> {
        self.turns.at(turn).iter().filter_map(|at| self.hooks.get(*at))
    }

    /// Whether a hook runs at a point.
    pub(crate) fn any_at(&self, turn: Turn) -> bool {
        !self.turns.at(turn).is_empty()
    }

    /// The `#[apply]` method for an event of this name.
    pub(crate) fn applier(&self, event: &str) -> Option<&'static Applier<M>> {
        self.events.get(event).and_then(|at| self.appliers.get(*at)).copied()
    }
}

/// A point in the life of an instance at which hooks run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Turn {
    Validate,
    PreCreate,
    PreUpdate,
    PreDelete,
    PostCreate,
    PostUpdate,
    PostDelete,
    PostLoad,
}

/// What the order of hooks is told by.
struct Entry {
    kind: Kind,
    phase: Phase,
    order: i32,
    module: &'static str,
    name: &'static str,
}

/// Which code a hook has: a hook by hand may have one that does not go with its phase, and never runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Validate,
    Pre,
    Post,
    Load,
}

impl Kind {
    fn of<M>(run: &HookFn<M>) -> Self {
        match run {
            HookFn::Validate(_) => Self::Validate,
            HookFn::Pre(_) => Self::Pre,
            HookFn::Post(_) => Self::Post,
            HookFn::Load(_) => Self::Load,
        }
    }
}

/// Places in a list of hooks, by the point at which they run, in their order.
struct Turns {
    validate: Vec<usize>,
    pre_create: Vec<usize>,
    pre_update: Vec<usize>,
    pre_delete: Vec<usize>,
    post_create: Vec<usize>,
    post_update: Vec<usize>,
    post_delete: Vec<usize>,
    post_load: Vec<usize>,
}

impl Turns {
    fn new(entries: Vec<Entry>) -> Self {
        let mut sorted: Vec<_> = entries.into_iter().enumerate().collect();
        sorted.sort_by_key(|(_, entry)| (entry.order, entry.phase, entry.module, entry.name));
        let select = |kind, phases: &[Phase]| {
            let runs = |entry: &Entry| entry.kind == kind && phases.contains(&entry.phase);
            sorted.iter().filter(|(_, entry)| runs(entry)).map(|(at, _)| *at).collect()
        };
        Self {
            validate: select(Kind::Validate, &[Phase::Validate]),
            pre_create: select(Kind::Pre, &[Phase::PreSave, Phase::PreCreate]),
            pre_update: select(Kind::Pre, &[Phase::PreSave, Phase::PreUpdate]),
            pre_delete: select(Kind::Pre, &[Phase::PreDelete]),
            post_create: select(Kind::Post, &[Phase::PostSave, Phase::PostCreate]),
            post_update: select(Kind::Post, &[Phase::PostSave, Phase::PostUpdate]),
            post_delete: select(Kind::Post, &[Phase::PostDelete]),
            post_load: select(Kind::Load, &[Phase::PostLoad]),
        }
    }

    fn at(&self, turn: Turn) -> &[usize] {
        match turn {
            Turn::Validate => &self.validate,
            Turn::PreCreate => &self.pre_create,
            Turn::PreUpdate => &self.pre_update,
            Turn::PreDelete => &self.pre_delete,
            Turn::PostCreate => &self.post_create,
            Turn::PostUpdate => &self.post_update,
            Turn::PostDelete => &self.post_delete,
            Turn::PostLoad => &self.post_load,
        }
    }
}
