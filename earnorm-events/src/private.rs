//! What generated code names. Not public: it changes without notice.

use std::sync::Arc;
use std::time::Duration;

use earnorm_core::hook::BoxFuture;
use earnorm_core::model::Model;

pub use earnorm_core::database::Database;
pub use earnorm_core::event::RecordedEvent;

pub use crate::context::{EventContext, TransactionContext};
pub use crate::failure::{Handled, HandlerError};
use crate::handler::{BatchArg, BatchOwned, Call, EventArg};
pub use crate::handler::{
    BatchOutcome, Breaker, Handler, HandlerOutcome, HandlerRegistration, LifecycleOutcome, OnDead, OnModel, Rate, Start,
};
pub use crate::lifecycle::{Lifecycle, LifecycleRegistration};
use crate::recorded::FromEvent;
pub use crate::retry::RetryPolicy;

/// A handler of a function that borrows its event.
pub fn each_lent<A, F>(id: &str, run: F) -> Handler
where
    A: EventArg + ?Sized,
    F: for<'a> Fn(&'a A, &'a EventContext) -> BoxFuture<'a, Handled> + Copy + Send + Sync + 'static,
{
    Handler::new(id, move |taken: A::Taken, cx: EventContext| async move { run(A::lend(&taken), &cx).await })
}

/// A handler of a function that owns its event.
pub fn each_owned<T, F>(id: &str, run: F) -> Handler
where
    T: FromEvent,
    F: for<'a> Fn(T, &'a EventContext) -> BoxFuture<'a, Handled> + Copy + Send + Sync + 'static,
{
    Handler::new(id, move |taken: T, cx: EventContext| async move { run(taken, &cx).await })
}

/// A transactional handler of a function that borrows its event.
pub fn transactional_lent<A, F>(id: &str, run: F) -> Handler
where
    A: EventArg + ?Sized,
    F: for<'a> Fn(&'a A, &'a TransactionContext) -> BoxFuture<'a, Handled> + Copy + Send + Sync + 'static,
{
    Handler::transactional(id, move |taken: A::Taken, cx: &TransactionContext| {
        Box::pin(async move { run(A::lend(&taken), cx).await })
    })
}

/// A transactional handler of a function that owns its event.
pub fn transactional_owned<T, F>(id: &str, run: F) -> Handler
where
    T: FromEvent,
    F: for<'a> Fn(T, &'a TransactionContext) -> BoxFuture<'a, Handled> + Copy + Send + Sync + 'static,
{
    Handler::transactional(id, run)
}

/// A handler of a function that borrows a batch.
pub fn batch_lent<B, F>(id: &str, max: usize, wait: Duration, run: F) -> Handler
where
    B: BatchArg + ?Sized + 'static,
    F: for<'a> Fn(&'a B, &'a EventContext) -> BoxFuture<'a, Vec<Handled>> + Copy + Send + Sync + 'static,
{
    let run = move |taken: Vec<B::Item>, cx: EventContext| async move { run(B::lend(&taken), &cx).await };
    Handler::batch(id, max, wait, run)
}

/// A handler of a function that owns a batch.
pub fn batch_owned<B, F>(id: &str, max: usize, wait: Duration, run: F) -> Handler
where
    B: BatchOwned,
    F: for<'a> Fn(B, &'a EventContext) -> BoxFuture<'a, Vec<Handled>> + Copy + Send + Sync + 'static,
{
    let run = move |taken: Vec<B::Item>, cx: EventContext| async move { run(B::of(taken), &cx).await };
    Handler::batch(id, max, wait, run)
}

/// Says which instance an event means.
pub type Key<M, A> = Option<fn(&A) -> Option<<M as Model>::Id>>;

fn on_model<M: Model, A: EventArg + ?Sized>(key: Key<M, A>, saves: bool) -> OnModel<M, A::Taken> {
    let handler = OnModel::new();
    let handler = if saves { handler } else { handler.read_only() };
    match key {
        Some(key) => handler.key(move |taken| key(A::lend(taken))),
        None => handler,
    }
}

/// A handler of a method that borrows its event.
pub fn method_each_lent<M, A, F>(id: &str, key: Key<M, A>, saves: bool, run: F) -> Handler
where
    M: Model,
    A: EventArg + ?Sized,
    F: for<'a> Fn(&'a mut M, &'a A, &'a EventContext) -> BoxFuture<'a, Handled> + Copy + Send + Sync + 'static,
{
    on_model(key, saves).at_least_once(id, move |model: &mut M, taken: A::Taken, cx: &EventContext| {
        Box::pin(async move { run(model, A::lend(&taken), cx).await })
    })
}

/// A handler of a method that owns its event.
pub fn method_each_owned<M, T, F>(id: &str, key: Key<M, T>, saves: bool, run: F) -> Handler
where
    M: Model,
    T: FromEvent,
    F: for<'a> Fn(&'a mut M, T, &'a EventContext) -> BoxFuture<'a, Handled> + Copy + Send + Sync + 'static,
{
    on_model::<M, T>(key, saves).at_least_once(id, run)
}

/// A transactional handler of a method that borrows its event.
pub fn method_transactional_lent<M, A, F>(id: &str, key: Key<M, A>, saves: bool, run: F) -> Handler
where
    M: Model,
    A: EventArg + ?Sized,
    F: for<'a> Fn(&'a mut M, &'a A, &'a TransactionContext) -> BoxFuture<'a, Handled> + Copy + Send + Sync + 'static,
{
    on_model(key, saves).transactional(id, move |model: &mut M, taken: A::Taken, cx: &TransactionContext| {
        Box::pin(async move { run(model, A::lend(&taken), cx).await })
    })
}

/// A transactional handler of a method that owns its event.
pub fn method_transactional_owned<M, T, F>(id: &str, key: Key<M, T>, saves: bool, run: F) -> Handler
where
    M: Model,
    T: FromEvent,
    F: for<'a> Fn(&'a mut M, T, &'a TransactionContext) -> BoxFuture<'a, Handled> + Copy + Send + Sync + 'static,
{
    on_model::<M, T>(key, saves).transactional(id, run)
}

/// Calls a handler once, without a bus: `None` where it does not take the event. What a transactional one writes is
/// committed.
///
/// # Errors
/// [`earnorm_core::Error::Registry`] when the handler cannot work; what the commit answers.
pub async fn handle(
    handler: &Handler,
    db: &Database,
    event: Arc<RecordedEvent>,
) -> Result<Option<Handled>, earnorm_core::Error> {
    handler.check()?;
    if !handler.takes(&event) {
        return Ok(None);
    }
    let (_running, stopping) = tokio::sync::watch::channel(false);
    let cx = EventContext::new(db, &handler.id, &event, 1, stopping);
    let answer = match &handler.call {
        Call::Each(run) => run(event, cx).await,
        Call::Batch { run, .. } => run(vec![event], cx).await.pop().unwrap_or(Ok(())),
        Call::Transactional(run) => {
            let cx = TransactionContext::new(cx);
            let answer = run(event, &cx).await;
            if answer.is_ok() {
                cx.unit().commit().await?;
            }
            answer
        }
    };
    Ok(Some(answer))
}
