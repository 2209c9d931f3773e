//! What runners share with the bus and tell it: what they are told, what they show, and why they end.

use std::sync::Arc;
use std::time::Duration;

use earnorm_core::database::Database;
use earnorm_core::position::Position;
use earnorm_core::{Error, Result};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::backoff::Backoff;
use crate::lease::Claim;
use crate::meter::Attempts;
use crate::turns::Turns;

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
    /// When it was looked last how far the others are, where all that it has to do waits for them.
    pub(crate) held: Option<Instant>,
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

impl Shared {
    /// Waits an error out that passes, and lets go on; any other ends the runner, as all do while the bus stops.
    pub(crate) async fn wait_out(&self, runner: &str, error: Error, backoff: &mut Backoff) -> Result<()> {
        if !error.is_retryable() || *self.stopping.borrow() {
            return Err(error);
        }
        let wait = backoff.wait();
        tracing::warn!(handler = runner, %error, ?wait, "it goes on after a while");
        tokio::time::sleep(wait).await;
        Ok(())
    }
}

impl Seen {
    /// Shows this, and wakes who looks where it is news.
    pub(crate) fn show(self, shown: &watch::Sender<Self>) {
        shown.send_if_modified(|last| {
            let changed = *last != self;
            *last = self;
            changed
        });
    }
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
pub(super) async fn wanted(awaited: &mut watch::Receiver<usize>) {
    if awaited.wait_for(|waiting| *waiting > 0).await.is_err() {
        std::future::pending::<()>().await;
    }
}
