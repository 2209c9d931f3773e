//! One attempt: what a job does, and what it answers.

use std::sync::Arc;
use std::time::Duration;

use bson::Document;
use earnorm_core::event::RecordedEvent;
use tracing::Instrument;

use super::{Consumer, Shared};
use crate::chain;
use crate::context::EventContext;
use crate::failure::{Handled, HandlerError};
use crate::handler::{Call, Handler, caught};
use crate::records::{Dead, Parked};

/// Why an event is handled.
#[derive(Debug, Clone)]
pub(super) enum Why {
    /// It comes from the log.
    Fresh,
    /// Its stream is parked, and its turn has come.
    Due(Parked),
    /// A person requeued it; its stream went on without it.
    Requeued(Dead),
}

/// What a job did.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) why: Why,
    pub(super) answers: Vec<(Arc<RecordedEvent>, Answer)>,
    /// For a transactional handler: what became of its commit.
    pub(super) committed: Option<super::transactional::Outcome>,
}

/// What became of one event.
#[derive(Debug)]
pub(super) enum Answer {
    Handled,
    Failed { error: String, after: Option<Duration>, fatal: Option<&'static str> },
}

impl Answer {
    pub(super) fn of(handled: Handled, handler: &str, event: &RecordedEvent) -> Self {
        let Err(error) = handled else { return Self::Handled };
        let text = error.to_string();
        match error {
            HandlerError::Retry(_) => Self::Failed { error: text, after: None, fatal: None },
            HandlerError::RetryAfter(after, _) => Self::Failed { error: text, after: Some(after), fatal: None },
            HandlerError::Fatal(_) => Self::Failed { error: text, after: None, fatal: Some("fatal") },
            HandlerError::Discard(reason) => {
                tracing::info!(handler, position = event.position.get(), reason, "the event was discarded");
                Self::Handled
            }
        }
    }
}

/// Handles one event with a handler that is not transactional.
pub(super) async fn one(shared: &Shared, handler: &Arc<Handler>, event: &Arc<RecordedEvent>, attempt: u32) -> Answer {
    if let Some(circle) = chain::loops(event, &handler.id, handler.may_cycle) {
        return Answer::Failed { error: circle, after: None, fatal: Some("cycle") };
    }
    let Call::Each(run) = &handler.call else { return Answer::Handled };
    let _turn = shared.turns.take(handler.priority).await;
    let cx = EventContext::new(&shared.db, &handler.id, event, attempt, shared.stopping.clone());
    let cx = cx.live(event.position > shared.live_from);
    let span = span(handler, event, attempt);
    let work = async { if handler.wants(event) { run(Arc::clone(event), cx).await } else { Ok(()) } };
    let begun = shared.attempts.begin(&handler.id);
    let handled = caught(handler.timeout, work).instrument(span).await;
    begun.ended(handled.as_ref().map(std::slice::from_ref));
    Answer::of(handled.unwrap_or_else(|broken| Err(broken.into_error())), &handler.id, event)
}

/// Handles several events at once.
pub(super) async fn many(
    shared: &Shared,
    handler: &Arc<Handler>,
    events: Vec<Arc<RecordedEvent>>,
    attempt: u32,
) -> Vec<(Arc<RecordedEvent>, Answer)> {
    let Call::Batch { run, .. } = &handler.call else { return Vec::new() };
    let mut answers = Vec::with_capacity(events.len());
    let mut fit = Vec::with_capacity(events.len());
    for event in events {
        match chain::loops(&event, &handler.id, handler.may_cycle) {
            Some(circle) => answers.push((event, Answer::Failed { error: circle, after: None, fatal: Some("cycle") })),
            None => fit.push(event),
        }
    }
    let Some(first) = fit.first() else { return answers };
    let _turn = shared.turns.take(handler.priority).await;
    let cx = EventContext::new(&shared.db, &handler.id, first, attempt, shared.stopping.clone());
    let cx = cx.live(first.position > shared.live_from);
    let span = span(handler, first, attempt);
    let work = async {
        let _panics = fit.iter().all(|event| handler.wants(event));
        run(fit.clone(), cx).await
    };
    let begun = shared.attempts.begin(&handler.id);
    let handled = caught(handler.timeout, work).instrument(span).await;
    begun.ended(handled.as_ref());
    match handled {
        Ok(handled) => {
            let each = fit.into_iter().zip(handled);
            answers.extend(each.map(|(event, handled)| {
                let answer = Answer::of(handled, &handler.id, &event);
                (event, answer)
            }));
        }
        Err(error) => {
            let text = error.into_error().to_string();
            answers.extend(
                fit.into_iter().map(|event| (event, Answer::Failed { error: text.clone(), after: None, fatal: None })),
            );
        }
    }
    // What becomes of an event decides about those behind it.
    answers.sort_by_key(|(event, _)| event.position);
    answers
}

/// The span of an attempt: it carries the trace of the save that recorded the event.
pub(crate) fn span(handler: &Handler, event: &RecordedEvent, attempt: u32) -> tracing::Span {
    tracing::info_span!(
        "handle",
        handler = %handler.id,
        event = %event.id,
        event_type = %event.event_type,
        stream = %event.stream,
        position = event.position.get(),
        attempt,
        traceparent = event.metadata.traceparent.as_deref().unwrap_or_default(),
        correlation_id = event.metadata.correlation_id.as_deref().unwrap_or_default(),
    )
}

/// The event with the data that a person gave it.
pub(super) fn edited(event: &Arc<RecordedEvent>, data: Option<&Document>) -> Arc<RecordedEvent> {
    match data {
        None => Arc::clone(event),
        Some(data) => Arc::new(RecordedEvent { data: data.clone().into(), ..RecordedEvent::clone(event) }),
    }
}

impl Consumer {
    /// Which attempt comes now.
    pub(super) fn attempt_of(why: &Why) -> u32 {
        let failure = match why {
            Why::Fresh | Why::Requeued(_) => None,
            Why::Due(parked) => parked.failure.as_ref(),
        };
        failure.map_or(1, |failure| failure.attempts.saturating_add(1))
    }
}
