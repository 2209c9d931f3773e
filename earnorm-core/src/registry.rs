//! The registry: which models a database knows, and the plan of hooks of each.

mod plan;
#[cfg(test)]
mod tests;

use std::any::{Any, TypeId, type_name};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock, RwLock};

use crate::error::{Error, Result};
use crate::event::{CREATED, Event, EventRegistration, RESERVED_EVENTS, UPDATED};
use crate::fold::{Folder, RulesFolder, SourcedRules, TrackedRules};
use crate::hook::{AppliedEvent, Block, FoldCode, Hook, HookInfo, HookRegistration, ModelRegistration};
use crate::model::Model;
use crate::schema::{ModelKind, ModelSchema};
use crate::upcast::{self, UpcastRegistration, Upcasters};

pub(crate) use plan::{Plan, Turn};

/// The marker of a crate of models. Naming it links the crate, which the linker drops otherwise; see `earnorm::marker!`.
#[derive(Debug, Clone, Copy)]
pub struct CrateMarker {
    name: &'static str,
}

impl CrateMarker {
    /// The marker of the crate `name`; for `earnorm::marker!`.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name }
    }

    /// The crate's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.name
    }
}

/// Models and hooks, sorted and checked when a database is built from it.
///
/// [`Registry::collected`] takes everything that is linked into the program; a test starts from
/// [`Registry::empty`] and names what it needs.
#[derive(Default)]
pub struct Registry {
    models: BTreeMap<&'static str, Known>,
    /// Event structs, whichever models they are raised on.
    pub(crate) events: Vec<EventRegistration>,
    steps: Vec<UpcastRegistration>,
    /// The chains of `steps`, made once all models are known.
    upcasters: OnceLock<Arc<Upcasters>>,
    problems: Vec<String>,
    blocks: HashMap<TypeId, Vec<HookRegistration>>,
    /// Types whose hooks run; `#[apply]` methods always count.
    hooked: std::collections::HashSet<TypeId>,
    manual: HashMap<TypeId, Vec<Arc<dyn Any + Send + Sync>>>,
    manual_info: Vec<HookInfo>,
    plans: RwLock<HashMap<TypeId, AnyPlan>>,
}

/// A model that was added.
#[derive(Clone, Copy)]
struct Known {
    type_id: TypeId,
    schema: &'static ModelSchema,
    fold: FoldCode,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").field("models", &self.models.keys()).finish_non_exhaustive()
    }
}

impl Registry {
    /// No models and no hooks.
    #[must_use]
    pub fn empty() -> Self {
        let mut blocks: HashMap<TypeId, Vec<HookRegistration>> = HashMap::new();
        for block in inventory::iter::<HookRegistration> {
            blocks.entry((block.type_id)()).or_default().push(*block);
        }
        let steps = inventory::iter::<UpcastRegistration>.into_iter().copied().collect();
        Self { blocks, steps, ..Self::default() }
    }

    /// Every model and hook that is linked into the program.
    ///
    /// A crate that nothing names is dropped by the linker without a word: write `use its_crate as _;`, or name one of
    /// its models with [`Registry::model`].
    #[must_use]
    pub fn collected() -> Self {
        let mut registry = Self::empty();
        for model in inventory::iter::<ModelRegistration> {
            let ModelRegistration { type_id, schema, fold } = *model;
            registry.add(Known { type_id: type_id(), schema, fold });
        }
        registry.events = inventory::iter::<EventRegistration>.into_iter().copied().collect();
        registry.hooked = registry.blocks.keys().copied().collect();
        registry.find_orphans();
        registry
    }

    /// Adds a model with its `#[apply]` methods, without its hooks; see [`Registry::hooks_of`].
    #[must_use]
    pub fn model<M: Model>(mut self) -> Self {
        self.add(Known { type_id: TypeId::of::<M>(), schema: M::SCHEMA, fold: const { FoldCode::of::<M>() } });
        self
    }

    /// Adds the hooks of `M` that are linked into the program.
    #[must_use]
    pub fn hooks_of<M: Model>(mut self) -> Self {
        self.hooked.insert(TypeId::of::<M>());
        self
    }

    /// Adds an event that is raised on tracked models, or appended beside models, for [`crate::shape::Lock`]: it is what
    /// else would not know of it. Events of sourced models come with these.
    #[must_use]
    pub fn event<E: Event>(mut self) -> Self {
        self.events.push(EventRegistration::of::<E>());
        self
    }

    /// Adds one hook by hand.
    #[must_use]
    pub fn hook<M: Model>(mut self, hook: Hook<M>) -> Self {
        self.manual_info.push(HookInfo {
            model: type_name::<M>(),
            phase: hook.phase,
            order: hook.order,
            module: hook.module,
            name: hook.name,
        });
        self.manual.entry(TypeId::of::<M>()).or_default().push(Arc::new(hook));
        self
    }

    /// Adds one upcaster by hand, beside those that are linked into the program. Steps of models that are not added
    /// count for nothing.
    #[must_use]
    pub fn upcast(mut self, step: UpcastRegistration) -> Self {
        self.steps.push(step);
        self.upcasters = OnceLock::new();
        self
    }

    /// The models, by name.
    pub fn models(&self) -> impl Iterator<Item = &'static ModelSchema> + '_ {
        self.models.values().map(|known| known.schema)
    }

    /// Every hook that will run, in the order in which hooks of one phase run.
    #[must_use]
    pub fn hooks(&self) -> Vec<HookInfo> {
        let mut hooks: Vec<_> = self
            .blocks
            .iter()
            .filter(|(type_id, _)| self.hooked.contains(type_id))
            .flat_map(|(_, blocks)| blocks.iter().flat_map(|block| (block.hooks)()))
            .chain(self.manual_info.iter().cloned())
            .collect();
        hooks.sort_by_key(|hook| (hook.model, hook.phase, hook.order, hook.module, hook.name));
        hooks
    }

    fn add(&mut self, model: Known) {
        let schema = model.schema;
        if let Some(known) = self.models.get(schema.name) {
            if known.type_id != model.type_id {
                let other = known.schema;
                self.problems.push(format!(
                    "two models are named `{}`: {} and {}; give one another name with `#[model(name = \"…\")]`",
                    schema.name, other.rust_path, schema.rust_path
                ));
            }
            return;
        }
        let twin = self.models().find(|other| other.collection == schema.collection);
        if let Some(twin) = twin {
            let problem = format!(
                "two models share the collection `{}`: {} and {}; give one another with `#[model(collection = \"…\")]`",
                schema.collection, twin.rust_path, schema.rust_path
            );
            self.problems.push(problem);
        }
        self.models.insert(schema.name, model);
        self.upcasters = OnceLock::new();
    }

    /// Hooks of a type whose own registration is not linked cannot run.
    fn find_orphans(&mut self) {
        let known: std::collections::HashSet<_> = self.models.values().map(|known| known.type_id).collect();
        let mut orphans: Vec<_> = self
            .blocks
            .iter()
            .filter(|(type_id, _)| !known.contains(type_id))
            .filter_map(|(_, blocks)| blocks.first().map(|block| (block.model)()))
            .collect();
        orphans.sort_unstable();
        self.problems.extend(orphans.into_iter().map(|model| {
            format!(
                "hooks of `{model}` are linked, but its `#[model]` is not registered: add it with `.model::<{model}>()`"
            )
        }));
    }

    /// Refuses what cannot work.
    pub(crate) fn check(&self) -> Result<()> {
        self.check_models()?;
        self.models().try_for_each(check_schema)?;
        if let Some(problem) = crate::personal::clash(self.models()) {
            return Err(Error::Registry(problem));
        }
        self.models.values().try_for_each(|known| self.make_folder(known).map(|_| ()))
    }

    /// Refuses a registry that does not say which models there are.
    pub(crate) fn check_models(&self) -> Result<()> {
        if let Some(problem) = self.problems.first() {
            return Err(Error::Registry(problem.clone()));
        }
        if self.models.is_empty() {
            return Err(Error::Registry(
                "it has no models: put `#[model]` above a struct, and if the models are in another crate, name it with \
                 `use models as _;` or `Database::builder().model::<…>()`"
                    .to_owned(),
            ));
        }
        Ok(())
    }

    /// What upcasts the data that older programs stored.
    pub(crate) fn upcasters(&self) -> &Arc<Upcasters> {
        let knows = |name: &str, type_id| self.models.get(name).is_some_and(|known| known.type_id == type_id);
        self.upcasters.get_or_init(|| Arc::new(Upcasters::new(self.steps.clone(), knows)))
    }

    /// What folds the streams of a model, by its name.
    pub(crate) fn folder(&self, name: &str) -> Option<Result<Arc<dyn Folder>>> {
        self.models.get(name).map(|known| self.make_folder(known))
    }

    fn make_folder(&self, known: &Known) -> Result<Arc<dyn Folder>> {
        self.check_chains(known)?;
        match known.fold {
            FoldCode::Tracked(check) => {
                let rules = TrackedRules::new(known.schema, Arc::clone(self.upcasters()), check);
                Ok(Arc::new(RulesFolder(Arc::new(rules))))
            }
            FoldCode::Sourced(make) => make(self),
        }
    }

    pub(crate) fn sourced_folder<M: Model>(&self) -> Result<Arc<dyn Folder>> {
        let rules = SourcedRules::new(self.plan::<M>()?, Arc::clone(self.upcasters()));
        Ok(Arc::new(RulesFolder(Arc::new(rules))))
    }

    /// What is wrong with upcasters is found here, not in front of the data that needs them.
    fn check_chains(&self, known: &Known) -> Result<()> {
        let (schema, upcasters) = (known.schema, self.upcasters());
        upcast::check_model(upcasters, schema).map_err(Error::Registry)?;
        let applied: BTreeMap<_, _> = self.applied_by(known.type_id).map(|event| (event.name, event)).collect();
        for event in applied.values() {
            upcast::check_event(upcasters, schema, event.name, event.version).map_err(Error::Registry)?;
        }
        upcast::check_strays(upcasters, schema, |event| applied.contains_key(event)).map_err(Error::Registry)
    }

    /// The hooks of `M`, sorted.
    pub(crate) fn plan<M: Model>(&self) -> Result<Arc<Plan<M>>> {
        let type_id = TypeId::of::<M>();
        if let Some(plan) = self.made_plan(type_id) {
            return plan.downcast().map_err(|_| unregistered(type_name::<M>()));
        }
        self.check_known(type_id, M::SCHEMA.name, type_name::<M>())?;
        let plan = Arc::new(self.build_plan::<M>());
        self.keep_plan(type_id, Arc::clone(&plan) as AnyPlan);
        Ok(plan)
    }

    fn made_plan(&self, type_id: TypeId) -> Option<AnyPlan> {
        self.plans.read().ok()?.get(&type_id).map(Arc::clone)
    }

    fn keep_plan(&self, type_id: TypeId, plan: AnyPlan) {
        if let Ok(mut plans) = self.plans.write() {
            plans.insert(type_id, plan);
        }
    }

    fn check_known(&self, type_id: TypeId, name: &str, model: &'static str) -> Result<()> {
        let known = self.models.get(name).is_some_and(|known| known.type_id == type_id);
        if known { Ok(()) } else { Err(unregistered(model)) }
    }

    /// The events that models apply, by their full types.
    pub(crate) fn applied_events(&self) -> Vec<(String, AppliedEvent)> {
        let of = |known: &Known| {
            let name = known.schema.name;
            self.applied_by(known.type_id).map(move |event| (format!("{name}.{}", event.name), event))
        };
        self.models.values().flat_map(of).collect()
    }

    /// The types of the events that the models record, as far as the program knows: what the library records of each,
    /// events of sourced models, and every other event on every tracked model.
    #[must_use]
    pub fn event_types(&self) -> Vec<String> {
        let mut types: Vec<_> = self.applied_events().into_iter().map(|(event_type, _)| event_type).collect();
        for schema in self.models() {
            let tracked = schema.kind == ModelKind::Tracked;
            let own = RESERVED_EVENTS.into_iter().filter(|name| tracked || !matches!(*name, CREATED | UPDATED));
            let raised = self.events.iter().map(|event| event.name).filter(|_| tracked);
            types.extend(own.chain(raised).map(|name| format!("{}.{name}", schema.name)));
        }
        types.sort_unstable();
        types.dedup();
        types
    }

    fn blocks_of(&self, type_id: TypeId) -> &[HookRegistration] {
        self.blocks.get(&type_id).map(Vec::as_slice).unwrap_or_default()
    }

    /// The events that the `#[apply]` methods of a model take.
    fn applied_by(&self, type_id: TypeId) -> impl Iterator<Item = AppliedEvent> + '_ {
        self.blocks_of(type_id).iter().flat_map(HookRegistration::applied)
    }

    /// In loops, which compile quicker than chains: this is compiled once for every model that a program saves.
    fn build_plan<M: Model>(&self) -> Plan<M> {
        let type_id = TypeId::of::<M>();
        let (mut hooks, mut appliers) = (Vec::new(), Vec::new());
        for entry in self.blocks_of(type_id) {
            let Some(block) = entry.block.downcast_ref::<Block<M>>() else { continue };
            if self.hooked.contains(&type_id) {
                hooks.extend_from_slice(block.hooks);
            }
            for applier in block.appliers {
                appliers.push(applier);
            }
        }
        for hook in self.manual.get(&type_id).map(Vec::as_slice).unwrap_or_default() {
            if let Some(hook) = hook.downcast_ref::<Hook<M>>() {
                hooks.push(*hook);
            }
        }
        Plan::new(hooks, appliers)
    }
}

/// A `Plan<M>`.
type AnyPlan = Arc<dyn Any + Send + Sync>;

fn unregistered(model: &'static str) -> Error {
    Error::Unregistered { model }
}

fn check_schema(schema: &ModelSchema) -> Result<()> {
    let problem = |text: String| Err(Error::Registry(format!("{}: {text}", schema.rust_path)));
    if !crate::event::is_word(schema.name) {
        return problem(format!("the name `{}` is not one lower-case word", schema.name));
    }
    if schema.collection.is_empty()
        || schema.collection.starts_with("system.")
        || schema.collection.contains(['$', '\0'])
    {
        return problem(format!("the collection name `{}` is not allowed", schema.collection));
    }
    if schema.fields.first().is_none_or(|field| field.path != "_id") {
        return problem("the first field of its schema is not the id".to_owned());
    }
    Ok(())
}
