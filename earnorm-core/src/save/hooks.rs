//! Running hooks: in order, with panics caught.

use std::any::Any;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;

use super::context::{Operation, PostContext, PreContext};
use super::{HookFailure, Receipt};
use crate::database::Database;
use crate::entity::KeptState;
use crate::error::{BoxError, Error, Result, Veto};
use crate::hook::{Abort, HookFn};
use crate::model::Model;
use crate::registry::{Plan, Turn};
use crate::schema::ModelSchema;
use crate::unit::PostJob;
use crate::validation::ValidationErrors;

/// Runs a hook and answers a panic as its message.
pub(crate) async fn caught<T>(hook: impl Future<Output = T> + Send) -> Result<T, String> {
    AssertUnwindSafe(hook).catch_unwind().await.map_err(|panic| format!("it panicked: {}", panic_text(panic.as_ref())))
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without a message").to_owned()
}

/// Field rules and `#[validate]` methods: every broken rule at once.
pub(super) async fn validate<M: Model>(plan: &Plan<M>, model: &M) -> Result<()> {
    let mut errors = ValidationErrors::about(M::SCHEMA.personal);
    model.check(&mut errors);
    for hook in plan.at(Turn::Validate) {
        let HookFn::Validate(run) = hook.run else { continue };
        // The call itself runs user code too, so it belongs inside the guard.
        match caught(async { run(model).await }).await {
            Ok(Ok(())) => {}
            Ok(Err(more)) => errors.extend(more),
            Err(message) => return Err(panicked(M::SCHEMA, hook.full_name(), message)),
        }
    }
    errors.into_result().map_err(|errors| Error::Validation { model: M::SCHEMA.name, errors })
}

/// Runs pre hooks. Events that they raise are applied after each and answered together.
pub(super) async fn run_pre<M: Model>(
    plan: &Plan<M>,
    turn: Turn,
    model: &mut M,
    cx: &mut PreContext<'_, M>,
) -> Result<Vec<crate::entity::Raised>> {
    let mut raised = Vec::new();
    for hook in plan.at(turn) {
        let HookFn::Pre(run) = hook.run else { continue };
        match caught(async { run(model, cx).await }).await {
            Ok(Ok(())) => {}
            Ok(Err(abort)) => return Err(refused(M::SCHEMA, hook.full_name(), abort)),
            Err(message) => return Err(panicked(M::SCHEMA, hook.full_name(), message)),
        }
        for (event, effect) in cx.take_raised() {
            effect(model);
            raised.push(event);
        }
    }
    Ok(raised)
}

fn refused(schema: &ModelSchema, hook: String, abort: Abort) -> Error {
    let mut veto = Veto::new(hook, schema.name, abort.message);
    match abort.source.map(|source| source.downcast::<Error>()) {
        // These are mistakes in the program, not refusals, and name what to change.
        Some(Ok(error)) if matches!(*error, Error::Reentrant { .. } | Error::HookDepth { .. }) => return *error,
        Some(Ok(error)) => veto.source = Some(error),
        Some(Err(source)) => veto.source = Some(source),
        None => {}
    }
    Error::Veto(Box::new(veto))
}

fn panicked(schema: &ModelSchema, hook: String, message: String) -> Error {
    let mut veto = Veto::new(hook, schema.name, message);
    veto.panicked = true;
    Error::Veto(Box::new(veto))
}

/// What the post hooks of one write need, kept until the commit is durable.
pub(super) struct AfterWrite<M> {
    pub(super) operation: Operation,
    pub(super) model: M,
    pub(super) before: Option<KeptState>,
    pub(super) after: KeptState,
    pub(super) version: u64,
}

/// The post hooks of a write as a job for after the commit; `None` when there are none.
pub(super) fn post_job<M: Model>(
    plan: &Arc<Plan<M>>,
    write: impl FnOnce() -> AfterWrite<M>,
    operation: Operation,
) -> Option<PostJob> {
    if !plan.any_at(after(operation)) {
        return None;
    }
    let (plan, write) = (Arc::clone(plan), Arc::new(write()));
    Some(Arc::new(move |db, receipt| {
        let (plan, write) = (Arc::clone(&plan), Arc::clone(&write));
        Box::pin(async move { run_post(&plan, &write, &db, &receipt).await })
    }))
}

/// Which pre hooks an operation runs.
pub(super) fn before(operation: Operation) -> Turn {
    match operation {
        Operation::Create => Turn::PreCreate,
        Operation::Update | Operation::Restore => Turn::PreUpdate,
        Operation::Delete => Turn::PreDelete,
    }
}

/// Which post hooks an operation runs.
fn after(operation: Operation) -> Turn {
    match operation {
        Operation::Create => Turn::PostCreate,
        Operation::Update | Operation::Restore => Turn::PostUpdate,
        Operation::Delete => Turn::PostDelete,
    }
}

async fn run_post<M: Model>(
    plan: &Plan<M>,
    write: &AfterWrite<M>,
    db: &Database,
    receipt: &Receipt,
) -> Vec<HookFailure> {
    let mut failures = Vec::new();
    for hook in plan.at(after(write.operation)) {
        let HookFn::Post(run) = hook.run else { continue };
        let cx = PostContext {
            db,
            operation: write.operation,
            before: write.before.as_deref(),
            after: &write.after,
            version: write.version,
            receipt,
            of: PhantomData,
        };
        let (panicked, source): (bool, BoxError) = match caught(async { run(&write.model, &cx).await }).await {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => (false, error),
            Err(message) => (true, message.into()),
        };
        let failure = HookFailure { hook: hook.full_name(), model: M::SCHEMA.name, panicked, source };
        tracing::error!(hook = failure.hook, model = failure.model, error = %failure.source, "post hook failed; the write stays");
        failures.push(failure);
    }
    failures
}
