//! What the functions under `#[event_handler]` and `#[on_event]` may take and return.

use std::sync::Arc;

use earnorm_core::error::BoxError;
use earnorm_core::event::RecordedEvent;

use crate::failure::{Handled, HandlerError};
use crate::recorded::FromEvent;

/// What a handler can borrow: `&Recorded<E>`, `&Recorded<Created<M>>` and its kin, `&RecordedEvent`.
#[diagnostic::on_unimplemented(
    message = "a handler cannot take `{Self}`",
    label = "not an event",
    note = "take `Recorded<E>` with `#[event]` above `struct E`, `Recorded<Created<M>>` and its kin, or `&RecordedEvent`"
)]
pub trait EventArg: 'static {
    /// What is read from the log and lent.
    type Taken: FromEvent;

    /// Lends it.
    #[doc(hidden)]
    fn lend(taken: &Self::Taken) -> &Self;
}

impl<T: FromEvent> EventArg for T {
    type Taken = T;

    fn lend(taken: &T) -> &T {
        taken
    }
}

impl EventArg for RecordedEvent {
    type Taken = Arc<RecordedEvent>;

    fn lend(taken: &Arc<RecordedEvent>) -> &Self {
        taken
    }
}

/// What a handler of batches can borrow: a slice of what a handler can take.
#[diagnostic::on_unimplemented(
    message = "a handler of batches cannot take `&{Self}`",
    label = "no list of events",
    note = "take `Vec<Recorded<E>>`, `&[Recorded<E>]`, or `Vec<Arc<RecordedEvent>>`"
)]
pub trait BatchArg {
    /// One of its events.
    type Item: FromEvent;

    /// Lends it.
    #[doc(hidden)]
    fn lend(taken: &[Self::Item]) -> &Self;
}

impl<T: FromEvent> BatchArg for [T] {
    type Item = T;

    fn lend(taken: &[T]) -> &[T] {
        taken
    }
}

/// What a handler of batches can own: a `Vec` of what a handler can take.
#[diagnostic::on_unimplemented(
    message = "a handler of batches cannot take `{Self}`",
    label = "no list of events",
    note = "take `Vec<Recorded<E>>`, `&[Recorded<E>]`, or `Vec<Arc<RecordedEvent>>`"
)]
pub trait BatchOwned: Send + 'static {
    /// One of its events.
    type Item: FromEvent;

    /// Makes it.
    #[doc(hidden)]
    fn of(taken: Vec<Self::Item>) -> Self;
}

impl<T: FromEvent> BatchOwned for Vec<T> {
    type Item = T;

    fn of(taken: Self) -> Self {
        taken
    }
}

/// What a handler may return: nothing, or a `Result` with an error that turns into [`HandlerError`].
#[diagnostic::on_unimplemented(
    message = "a handler must return nothing or a `Result<(), _>` with an error, not `{Self}`",
    label = "not a handler's outcome",
    note = "an error of any type is tried again; return `HandlerError` to say what is to be done"
)]
pub trait HandlerOutcome {
    /// The outcome as the library reads it.
    ///
    /// # Errors
    /// What to do with the event.
    fn into_outcome(self) -> Handled;
}

impl HandlerOutcome for () {
    fn into_outcome(self) -> Handled {
        Ok(())
    }
}

impl<E: Into<HandlerError>> HandlerOutcome for Result<(), E> {
    fn into_outcome(self) -> Handled {
        self.map_err(Into::into)
    }
}

/// What a handler of batches may return: an answer for each event.
#[diagnostic::on_unimplemented(
    message = "a handler of batches must return `Vec<Handled>`, not `{Self}`",
    label = "not an answer for each event",
    note = "answer for each event, in the order in which they came"
)]
pub trait BatchOutcome {
    /// The outcome as the library reads it.
    fn into_outcome(self) -> Vec<Handled>;
}

impl<T: HandlerOutcome> BatchOutcome for Vec<T> {
    fn into_outcome(self) -> Vec<Handled> {
        self.into_iter().map(HandlerOutcome::into_outcome).collect()
    }
}

/// What a function under `#[on_startup]` or `#[on_shutdown]` may return: nothing, or a `Result` with any error.
#[diagnostic::on_unimplemented(
    message = "a function under `#[on_startup]` or `#[on_shutdown]` must return nothing or a `Result<(), _>` with an error, not `{Self}`",
    label = "not its outcome"
)]
pub trait LifecycleOutcome {
    /// The outcome as the library reads it.
    ///
    /// # Errors
    /// The failure.
    fn into_outcome(self) -> Result<(), BoxError>;
}

impl LifecycleOutcome for () {
    fn into_outcome(self) -> Result<(), BoxError> {
        Ok(())
    }
}

impl<E: Into<BoxError>> LifecycleOutcome for Result<(), E> {
    fn into_outcome(self) -> Result<(), BoxError> {
        self.map_err(Into::into)
    }
}
