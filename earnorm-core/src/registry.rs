//! The registry: which models a database knows, and the plan of hooks of each.

mod plan;

use std::any::{Any, TypeId, type_name};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock, RwLock};

use crate::error::{Error, Result};
use crate::event::{CREATED, Event, EventRegistration, RESERVED_EVENTS, UPDATED};
use crate::fold::{Folder, RulesFolder, SourcedRules, TrackedRules};
use crate::hook::{
    AppliedEvent, Applier, Block, EventsFn, FolderFn, Hook, HookInfo, HookRegistration, ModelRegistration,
};
use crate::model::Model;
use crate::schema::{ModelKind, ModelSchema};
use crate::upcast::{self, UpcastRegistration, Upcasters};

pub(crate) use plan::{Plan, Step};

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
    plans: RwLock<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
}

/// A model that was added.
#[derive(Clone, Copy)]
struct Known {
    type_id: TypeId,
    schema: &'static ModelSchema,
    folder: FolderFn,
    events: EventsFn,
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
            let ModelRegistration { type_id, schema, folder, events } = *model;
            registry.add(Known { type_id: type_id(), schema, folder, events });
        }
        registry.events = inventory::iter::<EventRegistration>.into_iter().copied().collect();
        registry.hooked = registry.blocks.keys().copied().collect();
        registry.find_orphans();
        registry
    }

    /// Adds a model with its `#[apply]` methods, without its hooks; see [`Registry::hooks_of`].
    #[must_use]
    pub fn model<M: Model>(mut self) -> Self {
        let (folder, events) = (Self::folder_of::<M>, Self::events_of::<M>);
        self.add(Known { type_id: TypeId::of::<M>(), schema: M::SCHEMA, folder, events });
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
        self.models.values().try_for_each(|known| (known.folder)(self).map(|_| ()))
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
        self.models.get(name).map(|known| (known.folder)(self))
    }

    pub(crate) fn folder_of<M: Model>(&self) -> Result<Arc<dyn Folder>> {
        let (plan, upcasters) = (self.plan::<M>()?, Arc::clone(self.upcasters()));
        check_chains(&upcasters, &plan)?;
        Ok(match M::SCHEMA.kind {
            ModelKind::Tracked => Arc::new(RulesFolder(Arc::new(TrackedRules::of::<M>(upcasters)))),
            ModelKind::Sourced => Arc::new(RulesFolder(Arc::new(SourcedRules::new(plan, upcasters)))),
        })
    }

    /// The hooks of `M`, sorted.
    pub(crate) fn plan<M: Model>(&self) -> Result<Arc<Plan<M>>> {
        let type_id = TypeId::of::<M>();
        if let Ok(plans) = self.plans.read()
            && let Some(plan) = plans.get(&type_id)
        {
            return Arc::clone(plan).downcast().map_err(|_| unregistered::<M>());
        }
        if self.models.get(M::SCHEMA.name).is_none_or(|known| known.type_id != type_id) {
            return Err(unregistered::<M>());
        }
        let plan = Arc::new(self.build_plan::<M>());
        if let Ok(mut plans) = self.plans.write() {
            plans.insert(type_id, Arc::clone(&plan) as Arc<dyn Any + Send + Sync>);
        }
        Ok(plan)
    }

    /// The events that models apply, by their full types.
    pub(crate) fn applied_events(&self) -> Vec<(String, AppliedEvent)> {
        let of = |known: &Known| {
            let name = known.schema.name;
            (known.events)(self).into_iter().map(move |event| (format!("{name}.{}", event.name), event))
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

    pub(crate) fn events_of<M: Model>(&self) -> Vec<AppliedEvent> {
        let appliers = self.blocks_of::<M>().into_iter().flat_map(|block| block.appliers);
        let event = |applier: &Applier<M>| {
            let Applier { event, version, fields, type_id, .. } = *applier;
            AppliedEvent { type_id: type_id(), name: event, version, fields }
        };
        appliers.map(event).collect()
    }

    fn blocks_of<M: Model>(&self) -> Vec<&'static Block<M>> {
        let blocks = self.blocks.get(&TypeId::of::<M>()).into_iter().flatten();
        blocks.filter_map(|entry| entry.block.downcast_ref::<Block<M>>()).collect()
    }

    fn build_plan<M: Model>(&self) -> Plan<M> {
        let type_id = TypeId::of::<M>();
        let blocks = self.blocks_of::<M>();
        let mut hooks: Vec<Hook<M>> = Vec::new();
        if self.hooked.contains(&type_id) {
            hooks.extend(blocks.iter().flat_map(|block| block.hooks.iter().copied()));
        }
        let manual = self.manual.get(&type_id).into_iter().flatten();
        hooks.extend(manual.filter_map(|hook| hook.downcast_ref::<Hook<M>>()).copied());
        Plan::new(hooks, blocks.into_iter().flat_map(|block| block.appliers.iter()))
    }
}

fn unregistered<M>() -> Error {
    Error::Unregistered { model: type_name::<M>() }
}

/// What is wrong with upcasters is found here, not in front of the data that needs them.
fn check_chains<M: Model>(upcasters: &Upcasters, plan: &Plan<M>) -> Result<()> {
    let schema = M::SCHEMA;
    upcast::check_model(upcasters, schema).map_err(Error::Registry)?;
    let mut appliers: Vec<_> = plan.appliers.values().collect();
    appliers.sort_by_key(|applier| applier.event);
    for applier in appliers {
        upcast::check_event(upcasters, schema, applier.event, applier.version).map_err(Error::Registry)?;
    }
    upcast::check_strays(upcasters, schema, |event| plan.appliers.contains_key(event)).map_err(Error::Registry)
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
