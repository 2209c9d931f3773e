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
mod start;
mod transactional;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use earnorm_core::database::Database;
use earnorm_core::event::RecordedEvent;
use earnorm_core::position::Position;
use earnorm_core::store::LogQuery;
use earnorm_core::stream::StreamId;
use earnorm_core::{Error, Result};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::backoff::Backoff;
use crate::handler::Handler;
use crate::lease::Claim;
use crate::meter::{self, Attempts};
use crate::records::{Dead, Parked};
use crate::turns::Turns;

use attempt::Done;
use lanes::Lanes;

/// How many events are read at once.
const PAGE: usize = 500;
/// How many events may be on their way or in line before no more are read.
const WAITING_MAX: usize = 1_000;
/// How often progress is written while there is always more to do.
const FLUSH_EVERY: Duration = Duration::from_millis(200);
/// How often progress over events that are none of the handler's is written.
const SKIP_EVERY: Duration = Duration::from_secs(1);
/// How long it waits at most before it looks whether something is due.
const TICK: Duration = Duration::from_secs(1);

/// What a runner is told from outside.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Control {
    /// It starts nothing new.
    pub(crate) paused: bool,
    /// Changes when records were changed by someone else: they are read again.
    pub(crate) touched: String,
}

/// What a runner shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Seen {
    /// Everything up to here was read.
    pub(crate) read: Position,
    /// Everything up to here is done or has a record.
    pub(crate) stored: Position,
    /// Nothing is on its way, due or in line.
    pub(crate) idle: bool,
    /// How many streams are parked.
    pub(crate) parked: usize,
    /// Whether the breaker is open.
    pub(crate) open: bool,
    /// Whether it starts nothing new.
    pub(crate) paused: bool,
    /// Whether it stands at an event that failed, and reads no further.
    pub(crate) stuck: bool,
    /// The state of the records that it has read.
    pub(crate) touched: String,
}

/// What the runners of a bus share.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) db: Database,
    pub(crate) turns: Turns,
    /// Where the log ends.
    pub(crate) end: watch::Receiver<Position>,
    /// Wakes the scheduler: something may be due.
    pub(crate) due: Arc<Notify>,
    /// When it is true, no attempt begins, and handlers are asked to end.
    pub(crate) stopping: watch::Receiver<bool>,
    /// How many wait until everything is handled: progress is then written at once.
    pub(crate) awaited: watch::Receiver<usize>,
    /// How long running attempts have to end.
    pub(crate) grace: Duration,
    /// Where the log ended when the handler started first.
    pub(crate) live_from: Position,
    /// What is on its way, for the runner that has it.
    pub(crate) attempts: Attempts,
}

/// Why a runner ended.
#[derive(Debug)]
pub(crate) enum End {
    /// It was asked to; its claim can be given back.
    Stopped(Claim),
    /// Another process has taken the handler over, or changed its records.
    Lost,
}

/// Waits until the bus stops, or is gone.
pub(crate) async fn stopped(stopping: &mut watch::Receiver<bool>) {
    let _gone = stopping.wait_for(|stopping| *stopping).await;
}

/// Waits until the log reaches past a position.
pub(crate) async fn passed(end: &mut watch::Receiver<Position>, position: Position) {
    if end.wait_for(|end| *end > position).await.is_err() {
        // Nobody watches any more: the bus ends.
        std::future::pending::<()>().await;
    }
}

/// Waits until someone waits for everything to be handled.
async fn wanted(awaited: &mut watch::Receiver<usize>) {
    if awaited.wait_for(|waiting| *waiting > 0).await.is_err() {
        std::future::pending::<()>().await;
    }
}

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
        let starter = start::Starter::new(&handler);
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
                Err(error) if error.is_retryable() && !*self.shared.stopping.borrow() => {
                    let wait = self.backoff.wait();
                    tracing::warn!(handler = %self.handler.id, %error, ?wait, "the handler goes on after a while");
                    tokio::time::sleep(wait).await;
                }
                Err(error) => return Err(error),
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
            if self.control.borrow_and_update().touched != self.touched {
                // What runs comes to its end first: it was begun by the records as they were.
                while let Some(done) = self.jobs.join_next().await {
                    if !self.settle(done.map_err(Error::other)?).await? {
                        return Ok(End::Lost);
                    }
                }
                // Reading the records begins at the stored progress: what is done is not done again for it.
                if !self.flush().await? || !self.load_records().await? {
                    return Ok(End::Lost);
                }
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
        let now = self.now();
        let next = self.parked.values().filter(|one| !self.busy.contains(&one.event.stream.to_string()));
        let next = next.filter_map(|parked| parked.next_try_at).chain(self.lanes.held_until());
        if let Some(next) = next.min() {
            pause = pause.min((next - now).to_std().unwrap_or_default());
        }
        if let Some(until) = self.starter.closed_until() {
            pause = pause.min(until.saturating_duration_since(Instant::now()));
        }
        if let Some(wait) = self.gathers_for() {
            pause = pause.min(wait);
        }
        pause.max(Duration::from_millis(1))
    }

    fn now(&self) -> DateTime<Utc> {
        self.shared.db.now()
    }

    fn is_paused(&self) -> bool {
        self.own_pause || self.control.borrow().paused
    }

    fn wants_more(&self) -> bool {
        // The next event of a parked stream must not be read past while its turn is decided.
        let held = self.handler.call.is_transactional() && !self.busy.is_empty();
        !held && self.lanes.len() + self.jobs.len() < WAITING_MAX
    }

    /// Takes the next events into their lanes.
    async fn read_page(&mut self) -> Result<()> {
        let limit = PAGE.min(WAITING_MAX.saturating_sub(self.lanes.len()).max(1));
        let types = self.handler.patterns.clone();
        let query = LogQuery { after: self.read, types, limit, ..LogQuery::default() };
        let page = self.shared.db.read_log(query).await?;
        let reached = match page.events.last() {
            Some(last) if page.more => last.position,
            _ if page.more => self.read,
            _ => page.high_water.max(self.read),
        };
        self.caught_up = !page.more && page.events.is_empty();
        for event in page.events {
            self.take(event);
        }
        if reached > self.read {
            self.read = reached;
            self.unwritten.get_or_insert_with(Instant::now);
        }
        Ok(())
    }

    fn take(&mut self, event: RecordedEvent) {
        // What stands behind a record is read again when that is released.
        if self.parked.contains_key(&event.stream) || !self.handler.takes(&event) {
            return;
        }
        self.open.insert(event.position, event.recorded_at);
        self.lanes.push(Arc::new(event));
    }

    /// Everything up to here is done or has a record.
    fn mark(&self) -> Position {
        self.open.first_key_value().map_or(self.read, |(first, _)| Position::new(first.get() - 1))
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
            parked: self.parked.len(),
            open: self.starter.is_open(),
            paused,
            stuck: false,
            touched: self.touched.clone(),
        };
        self.seen.send_if_modified(|shown| {
            let changed = *shown != seen;
            *shown = seen;
            changed
        });
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
