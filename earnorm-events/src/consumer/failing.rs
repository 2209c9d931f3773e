//! What becomes of an attempt: done, parked for another one, or dead.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use earnorm_core::Result;
use earnorm_core::commit::{DocumentOp, DocumentWrite};
use earnorm_core::event::RecordedEvent;

use super::Consumer;
use super::attempt::{Answer, Done, Why};
use super::transactional::Outcome;
use crate::handler::OnDead;
use crate::meter;
use crate::note::{self, Pause};
use crate::records::{Dead, EventRef, Failure, Parked, dead_id};

impl Consumer {
    /// Deals with what a job did; `false` when the handler was taken over.
    pub(super) async fn settle(&mut self, done: Done) -> Result<bool> {
        let Done { why, answers, committed } = done;
        match committed {
            Some(Outcome::Lost) => return Ok(false),
            Some(Outcome::Committed(checkpoint, parked)) => {
                if let Some((event, _)) = answers.first() {
                    self.settle_committed(&why, event, checkpoint, parked);
                }
                return Ok(true);
            }
            Some(Outcome::Failed) | None => {}
        }
        for (index, (event, answer)) in answers.iter().enumerate() {
            // Behind a failed event its stream's later ones are as if they had not been handled.
            let behind = answers.iter().take(index).any(|(other, answer)| {
                other.stream == event.stream
                    && matches!(answer, Answer::Failed { .. })
                    && self.parked.contains_key(&event.stream)
            });
            if *self.shared.stopping.borrow() && matches!(answer, Answer::Failed { fatal: None, .. }) {
                // It was asked to end: it comes again, and this was no attempt.
                continue;
            }
            self.open.remove(&event.position);
            if behind {
                continue;
            }
            let kept = match answer {
                Answer::Handled => self.succeed(&why, event).await?,
                Answer::Failed { error, after, fatal } => self.fail(&why, event, error, *after, *fatal).await?,
            };
            if !kept {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn succeed(&mut self, why: &Why, event: &Arc<RecordedEvent>) -> Result<bool> {
        self.starter.succeeded();
        meter::done(&self.handler.id, event.recorded_at, self.now());
        match why {
            Why::Fresh => {
                self.lanes.free(&event.stream);
                self.progressed();
                Ok(true)
            }
            Why::Due(parked) => {
                let mut documents = self.remove_letter(&parked.event).await?;
                let next = self.next_of(parked).await?;
                documents.extend(self.replace(Some(parked), next));
                self.write(documents).await
            }
            Why::Requeued(dead) => {
                self.busy.remove(&dead_id(&self.handler.id, dead.event.id));
                let op = DocumentOp::Delete { expected: dead.record };
                let gone = Dead::write(&**self.shared.db.store(), &self.handler.id, op, dead.event.id);
                self.write(vec![gone]).await
            }
        }
    }

    pub(super) fn progressed(&mut self) {
        self.handled = true;
        self.unwritten.get_or_insert_with(tokio::time::Instant::now);
    }

    /// What a parked stream waits for when its event is done.
    pub(super) async fn next_of(&self, parked: &Parked) -> Result<Option<Parked>> {
        let next = self.next_pending(&parked.event).await?;
        let (record, next_try_at) = (parked.record + 1, Some(self.now()));
        Ok(next.map(|event| Parked { record, event, failure: None, next_try_at, discarded: false }))
    }

    /// Changes a stream's record; the write that does the same in the store.
    pub(super) fn replace(&mut self, before: Option<&Parked>, next: Option<Parked>) -> Option<DocumentWrite> {
        let write = Parked::write(&**self.shared.db.store(), &self.handler.id, before, next.as_ref());
        let stream = before.or(next.as_ref()).map(|record| record.event.stream.clone())?;
        self.busy.remove(&stream.to_string());
        match next {
            Some(next) => self.parked.insert(stream, next),
            None => self.parked.remove(&stream),
        };
        write
    }

    async fn remove_letter(&self, event: &EventRef) -> Result<Vec<DocumentWrite>> {
        let Some(letter) = self.dead_letter(event).await? else { return Ok(Vec::new()) };
        let op = DocumentOp::Delete { expected: letter.record };
        Ok(vec![Dead::write(&**self.shared.db.store(), &self.handler.id, op, event.id)])
    }

    async fn fail(
        &mut self,
        why: &Why,
        event: &Arc<RecordedEvent>,
        error: &str,
        after: Option<Duration>,
        fatal: Option<&'static str>,
    ) -> Result<bool> {
        self.starter.failed();
        let now = self.now();
        let before = match why {
            Why::Due(parked) => parked.failure.as_ref(),
            Why::Fresh | Why::Requeued(_) => None,
        };
        let failure = Failure {
            attempts: before.map_or(1, |failure| failure.attempts.saturating_add(1)),
            error: error.to_owned(),
            first_failed_at: before.map_or(now, |failure| failure.first_failed_at),
            failed_at: now,
        };
        let since = (now - failure.first_failed_at).to_std().unwrap_or_default();
        let wait = self.handler.retry.wait(failure.attempts, since).map(|wait| wait.max(after.unwrap_or_default()));
        let attempts = failure.attempts;
        tracing::warn!(
            handler = %self.handler.id, position = event.position.get(), stream = %event.stream, attempts, error, "an attempt failed"
        );
        match (fatal, wait, why) {
            // A letter that was requeued and fails again is a letter again: its stream went on long ago.
            (None, Some(wait), Why::Fresh | Why::Due(_)) => {
                meter::retry(&self.handler.id);
                let next_try_at = Some(now + TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX));
                self.park(why, event, failure, next_try_at, Vec::new()).await
            }
            _ => self.give_up(why, event, failure, fatal.unwrap_or("exhausted")).await,
        }
    }

    async fn park(
        &mut self,
        why: &Why,
        event: &Arc<RecordedEvent>,
        failure: Failure,
        next_try_at: Option<chrono::DateTime<chrono::Utc>>,
        mut documents: Vec<DocumentWrite>,
    ) -> Result<bool> {
        let before = if let Why::Due(parked) = why { Some(parked) } else { None };
        let record = before.map_or(1, |before| before.record + 1);
        let event = EventRef::of(event);
        let next = Parked { record, event, failure: Some(failure), next_try_at, discarded: false };
        // What stands behind it in line is behind the record now.
        for position in self.lanes.remove(&next.event.stream) {
            self.open.remove(&position);
        }
        documents.extend(self.replace(before, Some(next)));
        if before.is_none() {
            documents.extend(self.pause_itself().await?);
        }
        self.write(documents).await
    }

    /// The write that pauses the handler, where more of its streams are parked than it lets.
    async fn pause_itself(&mut self) -> Result<Option<DocumentWrite>> {
        let failed = self.parked.values().filter(|parked| parked.failure.is_some());
        let (parked, max) = (failed.count(), self.handler.parked_max);
        if parked <= max || self.is_paused() {
            return Ok(None);
        }
        let Some(note) = note::find(&self.shared.db, &self.handler.id).await? else { return Ok(None) };
        let reason = format!(
            "{parked} of its streams wait for events that failed, where {max} are let: look at the errors, then resume it"
        );
        tracing::error!(handler = %self.handler.id, parked, max, "the handler pauses itself");
        let mut next = note.touch();
        next.paused = Some(Pause::new(reason, self.now(), true));
        self.own_pause = true;
        Ok(Some(next.write(&**self.shared.db.store())))
    }

    async fn give_up(
        &mut self,
        why: &Why,
        event: &Arc<RecordedEvent>,
        failure: Failure,
        reason: &'static str,
    ) -> Result<bool> {
        meter::dead(&self.handler.id, reason);
        let store = Arc::clone(self.shared.db.store());
        let before = self.dead_letter(&EventRef::of(event)).await?;
        let letter = Dead {
            record: before.as_ref().map_or(1, |before| before.record + 1),
            event: EventRef::of(event),
            failure: failure.clone(),
            reason: reason.to_owned(),
            data: before.as_ref().and_then(|before| before.data.clone()),
            requeued: false,
        };
        let document = letter.to_document(&self.handler.id);
        let op = match &before {
            None => DocumentOp::Insert { document },
            Some(before) => DocumentOp::Replace { expected: before.record, document },
        };
        let mut documents = vec![Dead::write(&*store, &self.handler.id, op, event.id)];
        tracing::error!(
            handler = %self.handler.id, position = event.position.get(), stream = %event.stream, reason, error = failure.error,
            "the event is a dead letter"
        );
        match (why, self.handler.on_dead) {
            (Why::Requeued(dead), _) => {
                self.busy.remove(&dead_id(&self.handler.id, dead.event.id));
                self.write(documents).await
            }
            (_, OnDead::Park) => self.park(why, event, failure, None, documents).await,
            (Why::Fresh, OnDead::Continue) => {
                self.lanes.free(&event.stream);
                self.write(documents).await
            }
            (Why::Due(parked), OnDead::Continue) => {
                let next = self.next_of(parked).await?;
                documents.extend(self.replace(Some(parked), next));
                self.write(documents).await
            }
        }
    }
}
