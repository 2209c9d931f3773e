//! One handler at work: it reads the log behind its checkpoint, hands events to the handler, stream by stream in order,
//! and writes its progress: one checkpoint for many events, and a record only for a stream that has failed.
//!
//! What was read is either done, on its way, or behind a record of its stream. The checkpoint is the end of the run of
//! positions of which that is true without those on their way; so below the checkpoint, what has no record is completed.

mod attempt;
mod failing;
mod gate;
mod lanes;
mod parked;
mod progress;
mod reading;
mod signals;
mod start;
mod transactional;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use earnorm_core::position::Position;
use earnorm_core::stream::StreamId;
use earnorm_core::{Error, Result};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::backoff::Backoff;
use crate::handler::Handler;
use crate::lease::Claim;
use crate::meter;
use crate::records::{Dead, Parked};

use attempt::Done;
pub(crate) use attempt::span;
use gate::Gate;
use lanes::Lanes;
use signals::wanted;
pub(crate) use signals::{Control, End, Seen, Shared, passed, stopped};

/// How often progress is written while there is always more to do.
const FLUSH_EVERY: Duration = Duration::from_millis(200);
/// How often progress over events that are none of the handler's is written.
const SKIP_EVERY: Duration = Duration::from_secs(1);
/// How long it waits at most before it looks whether something is due.
const TICK: Duration = Duration::from_secs(1);

/// A runner at work.
pub(crate) struct Consumer {
    shared: Shared,
    handler: Arc<Handler>,
    claim: Claim,
    control: watch::Receiver<Control>,
    seen: watch::Sender<Seen>,
    /// Everything up to here was read.
    read: Position,
    /// Whether there was nothing behind `read` when it was read.
    caught_up: bool,
    /// Positions that were read and are not done, with when they were recorded.
    open: BTreeMap<Position, DateTime<Utc>>,
    lanes: Lanes,
    parked: HashMap<StreamId, Parked>,
    /// Dead letters that are to be tried again and whose streams go on without them.
    requeued: Vec<Dead>,
    jobs: JoinSet<Done>,
    /// Streams and dead letters whose attempt is on its way.
    busy: BTreeSet<String>,
    starter: start::Starter,
    gate: Gate,
    /// Since when there is progress that is not written.
    unwritten: Option<Instant>,
    handled: bool,
    /// The state of the records that were read last.
    touched: String,
    /// Whether it has paused itself, and nobody has told it so yet.
    own_pause: bool,
    backoff: Backoff,
}

impl Consumer {
    pub(crate) fn new(
        shared: Shared,
        handler: Arc<Handler>,
        claim: Claim,
        control: watch::Receiver<Control>,
        seen: watch::Sender<Seen>,
    ) -> Self {
        let (starter, gate) = (start::Starter::new(&handler), Gate::new(&handler.after));
        Self {
            read: claim.checkpoint.position,
            caught_up: false,
            open: BTreeMap::new(),
            lanes: Lanes::default(),
            parked: HashMap::new(),
            requeued: Vec::new(),
            jobs: JoinSet::new(),
            busy: BTreeSet::new(),
            starter,
            gate,
            unwritten: None,
            handled: false,
            touched: String::new(),
            own_pause: false,
            backoff: Backoff::new(Duration::from_millis(50), Duration::from_secs(5)),
            shared,
            handler,
            claim,
            control,
            seen,
        }
    }

    /// Runs until the bus stops or the handler is taken over. Errors that pass are waited out; any other ends it.
    pub(crate) async fn run(mut self) -> Result<End> {
        loop {
            match self.work().await {
                Ok(end) => return Ok(end),
                Err(error) => self.shared.wait_out(&self.handler.id, error, &mut self.backoff).await?,
            }
        }
    }

    async fn work(&mut self) -> Result<End> {
        if !self.load_records().await? {
            return Ok(End::Lost);
        }
        loop {
            if *self.shared.stopping.borrow() {
                return self.wind_up().await;
            }
            let touched = self.control.borrow_and_update().touched != self.touched;
            if touched && (!self.finish_jobs().await? || !self.load_records().await?) {
                return Ok(End::Lost);
            }
            if !self.start_jobs().await? || (self.flush_is_due() && !self.flush().await?) {
                return Ok(End::Lost);
            }
            if self.wants_more() && !self.caught_up {
                self.read_page().await?;
                self.backoff.reset();
                continue;
            }
            self.show();
            if !self.wait().await? {
                return Ok(End::Lost);
            }
        }
    }

    /// Lets what runs come to its end, since it was begun by the records as they were, and writes the progress, so that
    /// nothing that is done is read again; `false` when the handler was lost.
    async fn finish_jobs(&mut self) -> Result<bool> {
        while let Some(done) = self.jobs.join_next().await {
            if !self.settle(done.map_err(Error::other)?).await? {
                return Ok(false);
            }
        }
        self.flush().await
    }

    /// Waits until there is something to do; `false` when the handler was lost.
    async fn wait(&mut self) -> Result<bool> {
        let pause = self.pause();
        let (read, mut end) = (self.read, self.shared.end.clone());
        let mut stopping = self.shared.stopping.clone();
        let (written, mut awaited) = (!self.is_through() || self.unwritten.is_none(), self.shared.awaited.clone());
        tokio::select! {
            Some(done) = self.jobs.join_next(), if !self.jobs.is_empty() => match done {
                Ok(done) => return self.settle(done).await,
                Err(error) => return Err(Error::other(error)),
            },
            () = passed(&mut end, read), if self.caught_up => self.caught_up = false,
            () = tokio::time::sleep(pause) => {}
            _ = self.control.changed() => {}
            () = wanted(&mut awaited), if !written => {}
            () = stopped(&mut stopping) => {}
        }
        Ok(true)
    }

    /// How long there is nothing to do at most.
    fn pause(&self) -> Duration {
        let mut pause = TICK;
        if let Some(since) = self.unwritten {
            pause = pause.min(self.flush_after().saturating_sub(since.elapsed()));
        }
        if let Some(until) = self.starter.closed_until() {
            pause = pause.min(until.saturating_duration_since(Instant::now()));
        } else if self.may_start() && !self.is_paused() {
            pause = self.until_start().map_or(pause, |wait| pause.min(wait));
        }
        pause.max(Duration::from_millis(1))
    }

    /// When something may start that may not yet.
    fn until_start(&self) -> Option<Duration> {
        let now = self.now();
        let next = self.parked.values().filter(|one| !self.busy.contains(&one.event.stream.to_string()));
        let next = next.filter(|parked| self.is_its_turn(parked)).filter_map(|parked| parked.next_try_at).min();
        let due = next.map(|next| (next - now).to_std().unwrap_or_default());
        let look = self.waits_for_others().then(|| self.gate.rests_for());
        [due, look, self.gathers_for()].into_iter().flatten().min()
    }

    fn now(&self) -> DateTime<Utc> {
        self.shared.db.now()
    }

    fn is_paused(&self) -> bool {
        self.own_pause || self.control.borrow().paused
    }

    fn show(&self) {
        let due = self.parked.values().any(|parked| parked.next_try_at.is_some_and(|at| at <= self.now()));
        let paused = self.is_paused();
        let nothing = self.open.is_empty() && self.requeued.is_empty() && !due;
        let quiet = self.jobs.is_empty() && (nothing || paused);
        meter::oldest_pending(&self.handler.id, self.open.values().next().copied(), self.now());
        let seen = Seen {
            read: self.read,
            stored: self.claim.checkpoint.position,
            idle: quiet && (paused || self.caught_up) && self.unwritten.is_none(),
            held: self.held_since().filter(|_| self.caught_up && self.unwritten.is_none() && self.requeued.is_empty()),
            parked: self.parked.len(),
            open: self.starter.is_open(),
            paused,
            stuck: false,
            touched: self.touched.clone(),
        };
        seen.show(&self.seen);
    }

    /// Lets what runs come to its end within the grace, writes the progress, and ends.
    async fn wind_up(&mut self) -> Result<End> {
        let deadline = Instant::now() + self.shared.grace;
        while let Ok(Some(done)) = tokio::time::timeout_at(deadline, self.jobs.join_next()).await {
            if let Ok(done) = done
                && !self.settle(done).await?
            {
                return Ok(End::Lost);
            }
        }
        let left = self.jobs.len();
        if left > 0 {
            tracing::warn!(handler = %self.handler.id, attempts = left, "attempts were cut off and will be made again");
        }
        self.jobs.shutdown().await;
        if !self.flush().await? {
            return Ok(End::Lost);
        }
        Ok(End::Stopped(self.claim))
    }
}
