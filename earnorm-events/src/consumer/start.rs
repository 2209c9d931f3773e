//! Starting attempts: whose turn it is, and whether rate and breaker let it.

use std::sync::Arc;
use std::time::Duration;

use earnorm_core::Result;
use earnorm_core::event::RecordedEvent;
use tokio::time::Instant;

use super::Consumer;
use super::attempt::{self, Done, Why};
use crate::handler::{Breaker, Call, Handler, Rate};
use crate::meter;

/// When the next attempt may start.
#[derive(Debug)]
pub(super) struct Starter {
    rate: Option<Rate>,
    breaker: Option<Breaker>,
    next: Instant,
    failures: u32,
    /// Since when a batch is being gathered.
    gathering: Option<Instant>,
}

impl Starter {
    pub(super) fn new(handler: &Handler) -> Self {
        Self { rate: handler.rate, breaker: handler.breaker, next: Instant::now(), failures: 0, gathering: None }
    }

    /// Whether everything fails, so that only one attempt at a time is made after each rest.
    pub(super) fn is_open(&self) -> bool {
        self.breaker.is_some_and(|breaker| self.failures >= breaker.failures)
    }

    /// When an attempt may start, if that is not now.
    pub(super) fn closed_until(&self) -> Option<Instant> {
        (self.next > Instant::now()).then_some(self.next)
    }

    pub(super) fn started(&mut self) {
        if let Some(rate) = self.rate {
            self.next = self.next.max(Instant::now()) + rate.pace();
        }
    }

    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
    }

    pub(super) fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
        if let Some(breaker) = self.breaker.filter(|_| self.is_open()) {
            self.next = self.next.max(Instant::now() + breaker.rest);
        }
    }
}

impl Consumer {
    /// Starts what may start; `false` when the handler was taken over.
    pub(super) async fn start_jobs(&mut self) -> Result<bool> {
        // While a transactional attempt is on its way, nothing else may write progress.
        if self.is_paused() || !self.may_start() {
            return Ok(true);
        }
        if !self.see_others().await? {
            return Ok(false);
        }
        while self.may_start() {
            if let Some(due) = self.next_due() {
                if !self.start_due(due).await? {
                    return Ok(false);
                }
            } else if let Some(dead) = self.requeued.pop() {
                self.start_requeued(dead).await?;
            } else if !self.start_fresh().await? {
                break;
            }
        }
        Ok(true)
    }

    pub(super) fn may_start(&self) -> bool {
        let at_once = if self.starter.is_open() { 1 } else { self.handler.concurrency };
        self.jobs.len() < at_once && self.starter.closed_until().is_none()
    }

    /// Starts the next event, or batch, of the log; whether there was one.
    async fn start_fresh(&mut self) -> Result<bool> {
        if !self.lanes.is_ready() {
            return Ok(false);
        }
        match &self.handler.call {
            Call::Each(_) => {
                let Some(event) = self.lanes.start() else { return Ok(false) };
                self.spawn(Why::Fresh, event);
            }
            Call::Transactional(_) => {
                let Some(event) = self.lanes.start_first() else { return Ok(false) };
                self.spawn_transactional(Why::Fresh, event, None);
            }
            Call::Batch { max, wait, .. } => {
                let (max, wait) = (*max, *wait);
                if !self.batch_is_due(max, wait) {
                    return Ok(false);
                }
                let events = self.lanes.start_many(max, |event| self.gate.is_open_to(event));
                self.spawn_batch(Why::Fresh, events);
            }
            Call::Fold(_) => return Ok(false),
        }
        Ok(true)
    }

    /// Whether enough events are in line, or the first has waited long enough.
    fn batch_is_due(&mut self, max: usize, wait: Duration) -> bool {
        let since = *self.starter.gathering.get_or_insert_with(Instant::now);
        let due = self.lanes.len() >= max || since.elapsed() >= wait;
        self.starter.gathering = (!due).then_some(since);
        due
    }

    /// How long a batch that is being gathered waits on.
    pub(super) fn gathers_for(&self) -> Option<Duration> {
        let Call::Batch { wait, .. } = self.handler.call else { return None };
        self.starter.gathering.map(|since| wait.saturating_sub(since.elapsed()))
    }

    pub(super) fn spawn(&mut self, why: Why, event: Arc<RecordedEvent>) {
        if let Call::Batch { .. } = self.handler.call {
            return self.spawn_batch(why, vec![event]);
        }
        let attempt = Self::attempt_of(&why);
        self.waited(&why, &event);
        let (shared, handler) = (self.shared.clone(), Arc::clone(&self.handler));
        self.starter.started();
        self.jobs.spawn(async move {
            let answer = attempt::one(&shared, &handler, &event, attempt).await;
            Done { why, answers: vec![(event, answer)], committed: None }
        });
    }

    /// Measures how long an event waited for its turn.
    pub(super) fn waited(&self, why: &Why, event: &RecordedEvent) {
        let due = if let Why::Due(parked) = why { parked.next_try_at } else { None };
        meter::started(&self.handler.id, due.unwrap_or(event.recorded_at), self.now());
    }

    fn spawn_batch(&mut self, why: Why, events: Vec<Arc<RecordedEvent>>) {
        let attempt = Self::attempt_of(&why);
        events.iter().for_each(|event| self.waited(&why, event));
        let (shared, handler) = (self.shared.clone(), Arc::clone(&self.handler));
        self.starter.started();
        self.jobs.spawn(async move {
            let answers = attempt::many(&shared, &handler, events, attempt).await;
            Done { why, answers, committed: None }
        });
    }
}
