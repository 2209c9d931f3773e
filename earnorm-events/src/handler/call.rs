//! A handler's function, whatever it takes, as the runner calls it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use earnorm_core::event::RecordedEvent;
use earnorm_core::hook::BoxFuture;
use futures::FutureExt;

use super::unreadable;
use crate::context::{EventContext, TransactionContext};
use crate::failure::{Handled, HandlerError};
use crate::projection::Folds;
use crate::recorded::FromEvent;

type Each = dyn Fn(Arc<RecordedEvent>, EventContext) -> BoxFuture<'static, Handled> + Send + Sync;
type Transactional = dyn for<'a> Fn(Arc<RecordedEvent>, &'a TransactionContext) -> BoxFuture<'a, Handled> + Send + Sync;
pub(crate) type Batch = dyn Fn(Vec<Arc<RecordedEvent>>, EventContext) -> BoxFuture<'static, Vec<Handled>> + Send + Sync;

/// How a handler is called.
#[derive(Clone)]
pub(crate) enum Call {
    Each(Arc<Each>),
    Transactional(Arc<Transactional>),
    Batch {
        max: usize,
        wait: Duration,
        run: Arc<Batch>,
    },
    /// A projection: its own runner runs it.
    Fold(Arc<dyn Folds>),
}

impl Call {
    pub(super) fn each<T, F, Fut>(handle: F) -> Self
    where
        T: FromEvent,
        F: Fn(T, EventContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Handled> + Send + 'static,
    {
        let handle = Arc::new(handle);
        Self::Each(Arc::new(move |event, cx| {
            let handle = Arc::clone(&handle);
            Box::pin(async move {
                let taken = T::from_event(&event, cx.db()).await.map_err(unreadable)?;
                handle(taken, cx).await
            })
        }))
    }

    pub(super) fn transactional<T, F>(handle: F) -> Self
    where
        T: FromEvent,
        F: for<'a> Fn(T, &'a TransactionContext) -> BoxFuture<'a, Handled> + Send + Sync + 'static,
    {
        let handle = Arc::new(handle);
        Self::Transactional(Arc::new(move |event, cx| {
            let handle = Arc::clone(&handle);
            Box::pin(async move {
                let taken = T::from_event(&event, cx.db()).await.map_err(unreadable)?;
                handle(taken, cx).await
            })
        }))
    }

    pub(super) fn batch<T, F, Fut>(max: usize, wait: Duration, handle: F) -> Self
    where
        T: FromEvent,
        F: Fn(Vec<T>, EventContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Vec<Handled>> + Send + 'static,
    {
        let handle = Arc::new(handle);
        let run = move |events: Vec<Arc<RecordedEvent>>, cx: EventContext| -> BoxFuture<'static, Vec<Handled>> {
            let handle = Arc::clone(&handle);
            Box::pin(async move {
                // An event that cannot be read fails for itself.
                let mut answers: Vec<Option<Handled>> = Vec::with_capacity(events.len());
                let mut taken = Vec::with_capacity(events.len());
                for event in &events {
                    match T::from_event(event, cx.db()).await {
                        Ok(event) => {
                            taken.push(event);
                            answers.push(None);
                        }
                        Err(error) => answers.push(Some(Err(unreadable(error)))),
                    }
                }
                let expected = taken.len();
                let handled = if taken.is_empty() { Vec::new() } else { handle(taken, cx).await };
                let given = handled.len();
                let mut handled = handled.into_iter();
                let missing = || {
                    Err(HandlerError::fatal(format!(
                        "the handler answered for {given} of the {expected} events it got"
                    )))
                };
                answers.into_iter().map(|answer| answer.or_else(|| handled.next()).unwrap_or_else(missing)).collect()
            })
        };
        Self::Batch { max, wait, run: Arc::new(run) }
    }

    pub(crate) fn is_transactional(&self) -> bool {
        matches!(self, Self::Transactional(_))
    }
}

/// Why a handler did not answer.
#[derive(Debug)]
pub(crate) enum Broken {
    /// It panicked, with this message.
    Panicked(String),
    /// It took longer than it may.
    TimedOut(Duration),
}

impl Broken {
    pub(crate) fn into_error(self) -> HandlerError {
        HandlerError::retry(match self {
            Self::Panicked(message) => format!("the handler panicked: {message}"),
            Self::TimedOut(time) => format!("the handler took longer than {time:?}"),
        })
    }
}

/// Runs a handler's future: a panic and a time-out are failed attempts.
pub(crate) async fn caught<T>(time: Duration, work: impl Future<Output = T>) -> Result<T, Broken> {
    match tokio::time::timeout(time, AssertUnwindSafe(work).catch_unwind()).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(panic)) => {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            Err(Broken::Panicked(text.unwrap_or_else(|| "no message".into())))
        }
        Err(_) => Err(Broken::TimedOut(time)),
    }
}
