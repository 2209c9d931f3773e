//! Conditions on typed events, which are evaluated after reading.

use std::sync::Arc;

use earnorm_core::database::Database;
use earnorm_core::event::RecordedEvent;
use earnorm_core::hook::BoxFuture;

use super::argument::EventArg;
use super::{Call, Handler, unreadable};
use crate::failure::{Handled, HandlerError};
use crate::recorded::FromEvent;

/// Whether an event is handled, or why that cannot be said.
type Check =
    dyn for<'a> Fn(&'a Arc<RecordedEvent>, &'a Database) -> BoxFuture<'a, Result<bool, HandlerError>> + Send + Sync;

impl Handler {
    /// Handles an event only where this holds of its typed form: `|event: &Recorded<Updated<User>>| …`. One where it does
    /// not counts as handled. Unlike [`Handler::when`] it is evaluated when the event's turn has come, and an event that
    /// cannot be read as `A` fails as one that cannot be read by the handler.
    #[must_use]
    pub fn when_of<A, F>(mut self, condition: F) -> Self
    where
        A: EventArg + ?Sized,
        F: Fn(&A) -> bool + Send + Sync + 'static,
    {
        let condition = Arc::new(condition);
        let check: Arc<Check> = Arc::new(move |event, db| {
            let condition = Arc::clone(&condition);
            Box::pin(async move {
                let taken = A::Taken::from_event(event, db).await.map_err(unreadable)?;
                Ok(condition(A::lend(&taken)))
            })
        });
        self.call = self.call.only_if(check);
        self.chooses = true;
        self
    }
}

impl Call {
    fn only_if(self, check: Arc<Check>) -> Self {
        match self {
            Self::Each(run) => Self::Each(Arc::new(move |event, cx| {
                let (check, run) = (Arc::clone(&check), Arc::clone(&run));
                Box::pin(async move { if check(&event, cx.db()).await? { run(event, cx).await } else { Ok(()) } })
            })),
            Self::Transactional(run) => Self::Transactional(Arc::new(move |event, cx| {
                let (check, run) = (Arc::clone(&check), Arc::clone(&run));
                Box::pin(async move { if check(&event, cx.db()).await? { run(event, cx).await } else { Ok(()) } })
            })),
            Self::Batch { max, wait, run } => {
                let run: Arc<super::call::Batch> = Arc::new(move |events, cx| {
                    let (check, run) = (Arc::clone(&check), Arc::clone(&run));
                    Box::pin(async move {
                        let mut answers: Vec<Option<Handled>> = Vec::with_capacity(events.len());
                        let mut chosen = Vec::with_capacity(events.len());
                        for event in events {
                            answers.push(match check(&event, cx.db()).await {
                                Ok(true) => {
                                    chosen.push(event);
                                    None
                                }
                                Ok(false) => Some(Ok(())),
                                Err(error) => Some(Err(error)),
                            });
                        }
                        let handled = if chosen.is_empty() { Vec::new() } else { run(chosen, cx).await };
                        let mut handled = handled.into_iter();
                        // The inner call answers for each event that it got.
                        answers.into_iter().map(|answer| answer.or_else(|| handled.next()).unwrap_or(Ok(()))).collect()
                    })
                });
                Self::Batch { max, wait, run }
            }
            // Projections take no conditions: what they fold decides.
            Self::Fold(folds) => Self::Fold(folds),
        }
    }
}
