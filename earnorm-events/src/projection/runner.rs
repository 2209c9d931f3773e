//! One projection at work: it folds page after page of the log, and commits the rows with the checkpoint.

mod batch;
mod progress;

use std::sync::Arc;
use std::time::Duration;

use earnorm_core::position::Position;
use earnorm_core::store::{LogPage, LogQuery};
use earnorm_core::{Error, Result};
use tokio::sync::watch;
use tokio::time::Instant;

use super::fold::{Folding, Folds};
use super::record::Record;
use crate::backoff::Backoff;
use crate::consumer::{Control, End, Seen, Shared, passed, stopped};
use crate::handler::Handler;
use crate::lease::Claim;

/// How long progress over events that are none of the projection's stays unwritten.
const FLUSH_AFTER: Duration = Duration::from_millis(200);
/// How long it waits at most before it looks whether something changed.
const TICK: Duration = Duration::from_secs(1);

/// A runner at work.
pub(crate) struct Runner {
    shared: Shared,
    handler: Arc<Handler>,
    folds: Arc<dyn Folds>,
    claim: Claim,
    control: watch::Receiver<Control>,
    seen: watch::Sender<Seen>,
    record: Record,
    folding: Box<dyn Folding>,
    /// Everything up to here was folded; rows of it are committed.
    read: Position,
    caught_up: bool,
    /// Since when the checkpoint is behind `read`.
    unwritten: Option<Instant>,
    /// How many events go into the next commit.
    batch: usize,
    backoff: Backoff,
}

impl Runner {
    pub(crate) fn new(
        shared: Shared,
        handler: Arc<Handler>,
        folds: Arc<dyn Folds>,
        claim: Claim,
        control: watch::Receiver<Control>,
        seen: watch::Sender<Seen>,
    ) -> Self {
        let record = Record::new(folds.name(), folds.version(), 1);
        Self {
            folding: folds.begin(&shared.db, record.rows(&**shared.db.store(), record.build)),
            read: claim.checkpoint.position,
            caught_up: false,
            unwritten: None,
            batch: folds.batch(),
            backoff: Backoff::new(Duration::from_millis(50), Duration::from_secs(5)),
            record,
            shared,
            handler,
            folds,
            claim,
            control,
            seen,
        }
    }

    /// Runs until the bus stops or the projection is taken over. Errors that pass are waited out; any other ends it.
    pub(crate) async fn run(mut self) -> Result<End> {
        loop {
            match self.work().await {
                Ok(end) => return Ok(end),
                Err(error) => self.shared.wait_out(&self.handler.id, error, &mut self.backoff).await?,
            }
        }
    }

    async fn work(&mut self) -> Result<End> {
        if !self.load().await? {
            return Ok(End::Lost);
        }
        let mut looked = Instant::now();
        loop {
            if *self.shared.stopping.borrow() {
                let flushed = self.flush().await?;
                return Ok(if flushed { End::Stopped(self.claim) } else { End::Lost });
            }
            if !self.rests() && !self.step().await? {
                return Ok(End::Lost);
            }
            self.show();
            if self.caught_up || self.rests() {
                self.wait().await;
                if looked.elapsed() >= TICK {
                    looked = Instant::now();
                    if !self.is_current().await? {
                        return Ok(End::Lost);
                    }
                }
            }
        }
    }

    /// Folds the next page, or notes that there is none; `false` when the projection was taken over.
    async fn step(&mut self) -> Result<bool> {
        let types = self.handler.patterns.clone();
        let query = LogQuery { after: self.read, types, limit: self.batch, ..LogQuery::default() };
        let page = self.shared.db.read_log(query).await?;
        self.backoff.reset();
        let reached = self.reached(&page);
        self.caught_up = page.events.is_empty() && !page.more;
        if !page.events.is_empty() {
            return self.fold(page.events, reached, !page.more).await;
        }
        if reached > self.read {
            self.read = reached;
            self.unwritten.get_or_insert_with(Instant::now);
        }
        if self.caught_up && !self.record.is_live() {
            return self.go_live().await;
        }
        let due = self.unwritten.is_some_and(|since| since.elapsed() >= FLUSH_AFTER);
        Ok(!due || self.flush().await?)
    }

    fn reached(&self, page: &LogPage) -> Position {
        match page.events.last() {
            Some(last) if page.more => last.position,
            _ if page.more => self.read,
            _ => page.high_water.max(self.read),
        }
    }

    /// Whether there is nothing that it may do now.
    fn rests(&self) -> bool {
        self.control.borrow().paused || self.record.retired || self.waits_for().is_some()
    }

    /// How long until the event that failed is tried again.
    fn waits_for(&self) -> Option<Duration> {
        let failing = self.record.failing.as_ref()?;
        (failing.next_try_at - self.shared.db.now()).to_std().ok().filter(|wait| !wait.is_zero())
    }

    async fn wait(&mut self) {
        let mut pause = TICK.min(self.waits_for().unwrap_or(TICK));
        if let Some(since) = self.unwritten {
            pause = pause.min(FLUSH_AFTER.saturating_sub(since.elapsed()));
        }
        let (read, rests, mut end) = (self.read, self.rests(), self.shared.end.clone());
        let mut stopping = self.shared.stopping.clone();
        self.control.mark_unchanged();
        tokio::select! {
            () = passed(&mut end, read), if !rests => {}
            () = tokio::time::sleep(pause.max(Duration::from_millis(1))) => {}
            _ = self.control.changed() => {}
            () = stopped(&mut stopping) => {}
        }
    }

    fn show(&self) {
        let Control { paused, touched } = self.control.borrow().clone();
        let paused = paused || self.record.retired;
        let stuck = self.record.failing.is_some();
        let seen = Seen {
            read: self.read,
            stored: self.claim.checkpoint.position,
            idle: paused || stuck || (self.caught_up && self.unwritten.is_none() && self.record.is_live()),
            held: None,
            parked: usize::from(stuck),
            open: false,
            paused,
            stuck,
            touched,
        };
        seen.show(&self.seen);
    }

    /// Whether nobody took it over or asked for something: both raise the epoch.
    async fn is_current(&self) -> Result<bool> {
        let stored = self.shared.db.store().checkpoint(&self.handler.id).await?;
        Ok(stored.is_some_and(|stored| stored.epoch == self.claim.checkpoint.epoch))
    }
}

/// Whether a commit failed because of what is in it.
fn is_about_content(error: &Error) -> bool {
    matches!(
        error,
        Error::CommitTooLarge { .. }
            | Error::TooLarge { .. }
            | Error::TooDeep { .. }
            | Error::InvalidField { .. }
            | Error::Encode { .. }
    )
}
