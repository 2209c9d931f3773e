//! What generated code names. Not public: it changes without notice.

use std::sync::Arc;

pub use earnorm_core::database::Database;
pub use earnorm_core::event::RecordedEvent;

pub use crate::context::{EventContext, TransactionContext};
pub use crate::failure::{Handled, HandlerError};
use crate::handler::Call;
pub use crate::handler::{
    BatchOutcome, Breaker, EventArg, Handler, HandlerOptions, HandlerOutcome, HandlerRegistration, LifecycleOutcome,
    OnDead, Rate, Start,
};
pub use crate::lifecycle::{Lifecycle, LifecycleRegistration};
pub use crate::projection::{Projection, ProjectionRegistration, View};
pub use crate::retry::RetryPolicy;
pub use crate::schedule::{Firing, Misfire, Overlap, Periodic};

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
        Call::Fold(_) => {
            let problem = format!("`{}` is a projection: run it on a bus", handler.id);
            return Err(earnorm_core::Error::Registry(problem));
        }
    };
    Ok(Some(answer))
}

/// The first times after a moment at which a cron pattern is due in a time zone, at most so many.
///
/// # Errors
/// Why the pattern is none, or the zone.
pub fn cron_times(
    pattern: &str,
    zone: &str,
    after: chrono::DateTime<chrono::Utc>,
    count: usize,
) -> Result<Vec<chrono::DateTime<chrono::Utc>>, String> {
    let times = crate::schedule::Times::cron(pattern, zone)?;
    Ok(std::iter::successors(times.after(after, after), |last| times.after(*last, after)).take(count).collect())
}
