//! Folding many events into one commit, up to the first that fails.

use std::sync::Arc;
use std::time::Duration;

use earnorm_core::Result;
use earnorm_core::event::RecordedEvent;
use earnorm_core::position::Position;

use tracing::Instrument;

use super::super::record::{Failing, Record};
use super::progress::Wrote;
use super::{Runner, is_about_content};
use crate::consumer::span;
use crate::failure::HandlerError;
use crate::handler::caught;
use crate::records::{EventRef, Failure};

/// How many rows may change before they are committed.
const ROWS_MAX: usize = 400;
/// The wait between attempts where the policy has none left.
const LAST_WAIT: Duration = Duration::from_secs(60);

/// How far a page was folded.
struct Folded {
    /// How many of its events.
    events: usize,
    /// The one that failed, and why.
    failed: Option<(Arc<RecordedEvent>, String, Option<Duration>)>,
    /// Whether the page was folded to its end.
    whole: bool,
}

impl Runner {
    /// Folds events and commits what they did; `false` when the projection was taken over.
    pub(super) async fn fold(&mut self, events: Vec<RecordedEvent>, end: Position, caught_up: bool) -> Result<bool> {
        let events: Vec<_> = events.into_iter().map(Arc::new).collect();
        let folded = self.fold_until_failure(&events).await;
        let position = match (&folded.failed, folded.whole) {
            (Some((event, ..)), _) => Position::new(event.position.get() - 1),
            (None, true) => end,
            (None, false) => {
                let last = folded.events.checked_sub(1).and_then(|last| events.get(last));
                last.map_or(self.read, |event| event.position)
            }
        };
        let mut next = self.record.clone();
        if let Some((event, error, after)) = &folded.failed {
            next.failing = Some(self.failing(event, error.clone(), *after));
        } else {
            if folded.events > 0 {
                next.failing = None;
            }
            if folded.whole && caught_up {
                next.live = next.build;
            }
        }
        match self.commit(position, next).await {
            Ok(Wrote::Lost) => Ok(false),
            Ok(Wrote::Done) => {
                self.batch = (self.batch * 2).min(self.folds.batch());
                self.drop_old().await?;
                Ok(true)
            }
            Err(error) if is_about_content(&error) => self.split(&events, folded.events, &error).await,
            Err(error) => Err(error),
        }
    }

    /// What was too much for one commit is folded again in smaller parts; one event that is too much has failed.
    async fn split(
        &mut self,
        events: &[Arc<RecordedEvent>],
        folded: usize,
        error: &earnorm_core::Error,
    ) -> Result<bool> {
        self.folding.forget();
        if folded > 1 {
            self.batch = folded.div_ceil(2);
            return Ok(true);
        }
        let Some(event) = events.first() else { return Ok(true) };
        let mut next: Record = self.record.clone();
        next.failing = Some(self.failing(event, error.to_string(), None));
        let position = Position::new(event.position.get() - 1);
        Ok(matches!(self.commit(position, next).await?, Wrote::Done))
    }

    async fn fold_until_failure(&mut self, events: &[Arc<RecordedEvent>]) -> Folded {
        let turn = self.shared.turns.take(self.handler.priority).await;
        self.folding.live(self.record.is_live());
        let mut folded = Folded { events: 0, failed: None, whole: false };
        for event in events {
            if *self.shared.stopping.borrow() || self.folding.changed() >= ROWS_MAX {
                return folded;
            }
            let skipped = self.record.skipped.iter().any(|skipped| skipped.event.id == event.id);
            if !skipped && self.handler.takes(event) {
                let begun = self.shared.attempts.begin(&self.handler.id);
                let span = span(&self.handler, event, self.attempt_of(event));
                let work = caught(self.handler.timeout, self.folding.fold(event)).instrument(span).await;
                begun.ended(work.as_ref().map(std::slice::from_ref));
                match work.unwrap_or_else(|broken| Err(broken.into_error())) {
                    Ok(()) => self.folding.keep(),
                    Err(error) => {
                        self.folding.undo();
                        if *self.shared.stopping.borrow() {
                            // It was asked to end: it comes again, and this was no attempt.
                            return folded;
                        }
                        if let Some(failed) = self.failed(event, error) {
                            folded.failed = Some(failed);
                            return folded;
                        }
                    }
                }
            }
            folded.events += 1;
        }
        drop(turn);
        folded.whole = true;
        folded
    }

    /// Which attempt at an event comes now.
    fn attempt_of(&self, event: &RecordedEvent) -> u32 {
        self.before(event).map_or(1, |failing| failing.failure.attempts.saturating_add(1))
    }

    /// How the event failed before.
    fn before(&self, event: &RecordedEvent) -> Option<&Failing> {
        self.record.failing.as_ref().filter(|failing| failing.event.id == event.id)
    }

    fn failed(
        &self,
        event: &Arc<RecordedEvent>,
        error: HandlerError,
    ) -> Option<(Arc<RecordedEvent>, String, Option<Duration>)> {
        let text = error.to_string();
        let after = match error {
            HandlerError::Discard(reason) => {
                let position = event.position.get();
                tracing::info!(projection = %self.handler.id, position, reason, "the event was discarded");
                return None;
            }
            HandlerError::RetryAfter(after, _) => Some(after),
            HandlerError::Retry(_) | HandlerError::Fatal(_) => None,
        };
        Some((Arc::clone(event), text, after))
    }

    fn failing(&self, event: &RecordedEvent, error: String, after: Option<Duration>) -> Failing {
        let now = self.shared.db.now();
        let before = self.before(event);
        let attempts = before.map_or(1, |before| before.failure.attempts.saturating_add(1));
        let first_failed_at = before.map_or(now, |before| before.failure.first_failed_at);
        let wait = self.handler.retry.clone().attempts(u32::MAX).wait(attempts, Duration::ZERO).unwrap_or(LAST_WAIT);
        let wait = wait.max(after.unwrap_or_default()).max(Duration::from_millis(1));
        tracing::error!(
            projection = %self.handler.id,
            position = event.position.get(),
            event_type = event.event_type,
            attempts,
            error,
            "the projection stands at an event that fails"
        );
        let next_try_at = now + chrono::TimeDelta::from_std(wait).unwrap_or(chrono::TimeDelta::days(1));
        let failure = Failure { attempts, error, first_failed_at, failed_at: now };
        Failing { event: EventRef::of(event), failure, next_try_at }
    }
}
