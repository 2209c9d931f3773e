//! The handlers that generated code makes of functions and methods.

use std::time::Duration;

use earnorm_core::hook::BoxFuture;
use earnorm_core::model::Model;

use super::argument::{BatchArg, BatchOwned, EventArg};
use super::{Handler, OnModel};
use crate::context::{EventContext, TransactionContext};
use crate::failure::Handled;
use crate::recorded::FromEvent;

/// Says which instance an event means.
type Key<M, A> = Option<fn(&A) -> Option<<M as Model>::Id>>;

fn on_model<M: Model, A: EventArg + ?Sized>(key: Key<M, A>, saves: bool) -> OnModel<M, A::Taken> {
    let handler = OnModel::new();
    let handler = if saves { handler } else { handler.read_only() };
    match key {
        Some(key) => handler.key(move |taken| key(A::lend(taken))),
        None => handler,
    }
}

// Associated functions, so that the compiler's notes name `Handler`.
impl Handler {
    /// A handler of a function that borrows its event.
    #[doc(hidden)]
    pub fn each_lent<A, F>(id: &str, run: F) -> Self
    where
        A: EventArg + ?Sized,
        F: for<'a> Fn(&'a A, &'a EventContext) -> BoxFuture<'a, Handled> + Copy + Send + Sync + 'static,
    {
        Self::new(id, move |taken: A::Taken, cx: EventContext| async move { run(A::lend(&taken), &cx).await })
    }

    /// A handler of a function that owns its event.
    #[doc(hidden)]
    pub fn each_owned<T, F>(id: &str, run: F) -> Self
    where
        T: FromEvent,
        F: for<'a> Fn(T, &'a EventContext) -> BoxFuture<'a, Handled> + Copy + Send + Sync + 'static,
    {
        Self::new(id, move |taken: T, cx: EventContext| async move { run(taken, &cx).await })
    }

    /// A transactional handler of a function that borrows its event.
    #[doc(hidden)]
    pub fn transactional_lent<A, F>(id: &str, run: F) -> Self
    where
        A: EventArg + ?Sized,
        F: for<'a> Fn(&'a A, &'a TransactionContext) -> BoxFuture<'a, Handled> + Copy + Send + Sync + 'static,
    {
        Self::transactional(id, move |taken: A::Taken, cx: &TransactionContext| {
            Box::pin(async move { run(A::lend(&taken), cx).await })
        })
    }

    /// A transactional handler of a function that owns its event.
    #[doc(hidden)]
    pub fn transactional_owned<T, F>(id: &str, run: F) -> Self
    where
        T: FromEvent,
        F: for<'a> Fn(T, &'a TransactionContext) -> BoxFuture<'a, Handled> + Copy + Send + Sync + 'static,
    {
        Self::transactional(id, run)
    }

    /// A handler of a function that borrows a batch.
    #[doc(hidden)]
    pub fn batch_lent<B, F>(id: &str, max: usize, wait: Duration, run: F) -> Self
    where
        B: BatchArg + ?Sized + 'static,
        F: for<'a> Fn(&'a B, &'a EventContext) -> BoxFuture<'a, Vec<Handled>> + Copy + Send + Sync + 'static,
    {
        let run = move |taken: Vec<B::Item>, cx: EventContext| async move { run(B::lend(&taken), &cx).await };
        Self::batch(id, max, wait, run)
    }

    /// A handler of a function that owns a batch.
    #[doc(hidden)]
    pub fn batch_owned<B, F>(id: &str, max: usize, wait: Duration, run: F) -> Self
    where
        B: BatchOwned,
        F: for<'a> Fn(B, &'a EventContext) -> BoxFuture<'a, Vec<Handled>> + Copy + Send + Sync + 'static,
    {
        let run = move |taken: Vec<B::Item>, cx: EventContext| async move { run(B::of(taken), &cx).await };
        Self::batch(id, max, wait, run)
    }

    /// A handler of a method that borrows its event.
    #[doc(hidden)]
    pub fn method_each_lent<M, A, F>(id: &str, key: Key<M, A>, saves: bool, run: F) -> Self
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
    #[doc(hidden)]
    pub fn method_each_owned<M, T, F>(id: &str, key: Key<M, T>, saves: bool, run: F) -> Self
    where
        M: Model,
        T: FromEvent,
        F: for<'a> Fn(&'a mut M, T, &'a EventContext) -> BoxFuture<'a, Handled> + Copy + Send + Sync + 'static,
    {
        on_model::<M, T>(key, saves).at_least_once(id, run)
    }

    /// A transactional handler of a method that borrows its event.
    #[doc(hidden)]
    pub fn method_transactional_lent<M, A, F>(id: &str, key: Key<M, A>, saves: bool, run: F) -> Self
    where
        M: Model,
        A: EventArg + ?Sized,
        F: for<'a> Fn(&'a mut M, &'a A, &'a TransactionContext) -> BoxFuture<'a, Handled>
            + Copy
            + Send
            + Sync
            + 'static,
    {
        on_model(key, saves).transactional(id, move |model: &mut M, taken: A::Taken, cx: &TransactionContext| {
            Box::pin(async move { run(model, A::lend(&taken), cx).await })
        })
    }

    /// A transactional handler of a method that owns its event.
    #[doc(hidden)]
    pub fn method_transactional_owned<M, T, F>(id: &str, key: Key<M, T>, saves: bool, run: F) -> Self
    where
        M: Model,
        T: FromEvent,
        F: for<'a> Fn(&'a mut M, T, &'a TransactionContext) -> BoxFuture<'a, Handled> + Copy + Send + Sync + 'static,
    {
        on_model::<M, T>(key, saves).transactional(id, run)
    }
}
