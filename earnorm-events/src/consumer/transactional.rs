//! Handlers whose writes are committed with their progress: their effects happen once.

use std::sync::Arc;
use std::time::Duration;

use earnorm_core::Error;
use earnorm_core::commit::{Checkpoint, CheckpointWrite, DocumentOp, DocumentWrite};
use earnorm_core::error::Applied;
use earnorm_core::event::RecordedEvent;
use earnorm_core::unit::{Riders, Target};
use tracing::Instrument;

use super::attempt::{Answer, Done, Why, span};
use super::{Consumer, Shared};
use crate::chain;
use crate::context::{EventContext, TransactionContext};
use crate::handler::{Call, Handler, caught};
use crate::meter;
use crate::records::{Dead, EventRef, Parked, dead_id};

/// How often a handler runs again at once, because someone else had changed what it changed, before that counts as a
/// failed attempt.
const CONFLICTS_MAX: u32 = 8;

/// What became of a transactional handler's commit.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Everything is durable, the checkpoint and the stream's record too.
    Committed(Checkpoint, Option<Parked>),
    /// Nothing was written.
    Failed,
    /// Another process has taken the handler over, or nobody knows.
    Lost,
}

/// What goes into the commit beside what the handler writes.
struct Ride {
    checkpoint: CheckpointWrite,
    documents: Vec<DocumentWrite>,
}

impl Consumer {
    /// Handles one event in a unit of work. `next` is what its stream waits for afterwards, where it is parked.
    pub(super) fn spawn_transactional(&mut self, why: Why, event: Arc<RecordedEvent>, next: Option<EventRef>) {
        let attempt = Self::attempt_of(&why);
        self.waited(&why, &event);
        self.starter.started();
        let (shared, handler) = (self.shared.clone(), Arc::clone(&self.handler));
        let store = Arc::clone(shared.db.store());
        // Nothing below it is open: events go by the order of the log, one at a time.
        let position = match &why {
            Why::Fresh => event.position,
            Why::Due(_) | Why::Requeued(_) => self.claim.checkpoint.position,
        };
        let checkpoint = self.checkpoint_write(Checkpoint { position, ..self.claim.checkpoint });
        let mut documents = Vec::new();
        let mut parked = None;
        match &why {
            Why::Fresh => {}
            Why::Due(before) => {
                let now = self.now();
                parked = next.map(|event| Parked {
                    record: before.record + 1,
                    event,
                    failure: None,
                    next_try_at: Some(now),
                    discarded: false,
                });
                documents.extend(Parked::write(&*store, &handler.id, Some(before), parked.as_ref()));
            }
            Why::Requeued(dead) => {
                let op = DocumentOp::Delete { expected: dead.record };
                documents.push(Dead::write(&*store, &handler.id, op, dead.event.id));
            }
        }
        self.jobs.spawn(async move {
            if let (Why::Due(_), Ok(Some(letter))) = (&why, letter_of(&shared, &handler, &event).await) {
                let op = DocumentOp::Delete { expected: letter.record };
                documents.push(Dead::write(&*store, &handler.id, op, event.id));
            }
            let (answer, outcome) =
                attempt_in_unit(&shared, &handler, &event, attempt, Ride { checkpoint, documents }).await;
            let outcome = match outcome {
                Outcome::Committed(checkpoint, _) => Outcome::Committed(checkpoint, parked),
                other => other,
            };
            Done { why, answers: vec![(event, answer)], committed: Some(outcome) }
        });
    }

    /// What a transactional handler did is durable with its progress.
    pub(super) fn settle_committed(
        &mut self,
        why: &Why,
        event: &RecordedEvent,
        checkpoint: Checkpoint,
        parked: Option<Parked>,
    ) {
        self.starter.succeeded();
        meter::done(&self.handler.id, event.recorded_at, self.now());
        match why {
            Why::Fresh => {
                self.open.remove(&event.position);
                self.lanes.free(&event.stream);
            }
            Why::Due(before) => {
                let _written = self.replace(Some(before), parked);
            }
            Why::Requeued(dead) => {
                self.busy.remove(&dead_id(&self.handler.id, dead.event.id));
            }
        }
        self.claim.checkpoint = checkpoint;
        self.unwritten = (self.mark() > checkpoint.position).then(tokio::time::Instant::now);
    }
}

async fn letter_of(shared: &Shared, handler: &Handler, event: &RecordedEvent) -> earnorm_core::Result<Option<Dead>> {
    let store = shared.db.store();
    let letters = store.admin().own(earnorm_core::store::Own::DeadLetters);
    let found = store.get(&letters, &dead_id(&handler.id, event.id).into()).await?;
    found.as_ref().map(Dead::from_document).transpose()
}

async fn attempt_in_unit(
    shared: &Shared,
    handler: &Arc<Handler>,
    event: &Arc<RecordedEvent>,
    attempt: u32,
    ride: Ride,
) -> (Answer, Outcome) {
    if let Some(circle) = chain::loops(event, &handler.id, handler.may_cycle) {
        return (Answer::Failed { error: circle, after: None, fatal: Some("cycle") }, Outcome::Failed);
    }
    let Call::Transactional(run) = &handler.call else { return (Answer::Handled, Outcome::Failed) };
    let mut conflicts = 0;
    loop {
        let turn = shared.turns.take(handler.priority).await;
        let cx = EventContext::new(&shared.db, &handler.id, event, attempt, shared.stopping.clone());
        let cx = TransactionContext::new(cx.live(event.position > shared.live_from));
        let work = async { if handler.wants(event) { run(Arc::clone(event), &cx).await } else { Ok(()) } };
        let work = caught(handler.timeout, work).instrument(span(handler, event, attempt));
        let begun = shared.attempts.begin(&handler.id);
        let answer = work.await;
        begun.ended(answer.as_ref().map(std::slice::from_ref));
        let mut handled = answer.unwrap_or_else(|broken| Err(broken.into_error()));
        drop(turn);
        let mut unit = cx;
        if matches!(handled, Err(crate::failure::HandlerError::Discard(_))) {
            // What it staged before it decided so is not written; its progress is.
            unit.start_over();
            let _logged = Answer::of(handled, &handler.id, event);
            handled = Ok(());
        }
        if let Err(error) = handled {
            return (Answer::of(Err(error), &handler.id, event), Outcome::Failed);
        }
        match commit(&unit, &ride).await {
            Ok(checkpoint) => return (Answer::Handled, Outcome::Committed(checkpoint, None)),
            Err(Error::CheckpointConflict { .. }) => {
                meter::stale(&handler.id);
                return (Answer::Handled, Outcome::Lost);
            }
            Err(error) if error.is_conflict() && conflicts < CONFLICTS_MAX => {
                conflicts += 1;
                tokio::time::sleep(Duration::from_millis(u64::from(conflicts) * 5)).await;
            }
            Err(error) if error.was_applied() != Applied::No => {
                tracing::warn!(handler = %handler.id, %error, "nobody knows whether the handler's commit is there: it looks");
                return (Answer::Handled, Outcome::Lost);
            }
            Err(error) => return (Answer::of(Err(error.into()), &handler.id, event), Outcome::Failed),
        }
    }
}

async fn commit(unit: &TransactionContext, ride: &Ride) -> earnorm_core::Result<Checkpoint> {
    let scope = unit.enter()?;
    scope.take_along(Riders {
        appends: Vec::new(),
        documents: ride.documents.clone(),
        checkpoints: vec![ride.checkpoint.clone()],
    });
    unit.leave(scope).await?;
    unit.unit().commit().await?;
    Ok(ride.checkpoint.next)
}
