//! Readers that page through the log: one that follows it, and one that starts anywhere and again and again.

use std::sync::Arc;

use anyhow::Result;
use earnorm_core::event::RecordedEvent;
use earnorm_core::position::Position;
use earnorm_core::store::{LogPage, LogQuery, Store};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::watch;

use super::keys::key_of;
use super::line::{Line, Order};
use super::options::Options;
use super::patience::{RETRY, patiently};
use super::place::Place;
use super::worker::Output;
use super::{live, wrong};

/// How far back a catch-up reader goes when it starts again.
const BACK_MAX: i64 = 5_000;

/// A reader and what it needs.
pub(crate) struct Reader {
    pub(crate) number: u32,
    /// Where one that was killed had come to.
    pub(crate) from: Position,
    pub(crate) place: Place,
    /// The handle that the readers of this process share.
    pub(crate) store: Arc<dyn Store>,
    pub(crate) output: Output,
    pub(crate) orders: watch::Receiver<Order>,
    pub(crate) random: StdRng,
}

impl Reader {
    /// Reads until the end of the run.
    pub(crate) async fn run(mut self, options: &Options) {
        let done = match (self.number.checked_sub(options.readers), self.number % 4) {
            (Some(_), _) => wrong::read(&mut self, options.control).await,
            (None, 0) => self.follow().await,
            (None, 1) => live::read(&mut self, true).await,
            (None, 2) => self.catch_up().await,
            (None, _) => live::read(&mut self, false).await,
        };
        match done {
            Ok(()) => self.output.tell(&Line::Done { reader: self.number }),
            Err(error) => self.trouble(&format!("{error:#}")),
        }
    }

    /// Where to end, once that is known.
    pub(crate) fn until(&self) -> Option<i64> {
        match *self.orders.borrow() {
            Order::Until(position) => Some(position),
            Order::Go | Order::Stop => None,
        }
    }

    pub(crate) fn is_over(&self, after: Position) -> bool {
        self.until().is_some_and(|until| after.get() >= until)
    }

    pub(crate) fn begin(&self, after: Position) {
        self.output.tell(&Line::Begin { reader: self.number, after: after.get() });
    }

    pub(crate) fn resumed(&self) {
        self.output.tell(&Line::Resumed { reader: self.number });
    }

    pub(crate) fn saw(&self, events: &[RecordedEvent]) {
        if !events.is_empty() {
            let events = events.iter().map(|event| (event.position.get(), key_of(event.id), event.version)).collect();
            self.output.tell(&Line::Seen { reader: self.number, events });
        }
    }

    fn trouble(&self, what: &str) {
        self.output.tell(&Line::Trouble { what: format!("reader {}: {what}", self.number) });
    }

    /// A loop over the log.
    async fn follow(&mut self) -> Result<()> {
        let store = Arc::clone(&self.store);
        let mut after = self.from;
        self.begin(after);
        while !self.is_over(after) {
            let page = self.page(&store, after, 1_000).await?;
            if page.events.is_empty() && !page.more {
                patiently(|| store.moved(page.high_water)).await?;
            }
            after = reached(&page, after);
        }
        Ok(())
    }

    /// Reads with handles that come and go, starts again from its checkpoint or from anywhere behind it, and at the end
    /// reads the whole log once more with a new handle.
    async fn catch_up(&mut self) -> Result<()> {
        let mut store = self.place.open().await?;
        let mut after = self.from;
        self.begin(after);
        while !self.is_over(after) {
            let limit = self.random.random_range(1..500);
            let page = self.page(&store, after, limit).await?;
            let is_behind = page.more;
            after = reached(&page, after);
            match self.random.random_range(0..100) {
                0..5 => {
                    self.place.close(&store).await?;
                    store = self.place.open().await?;
                    self.resumed();
                }
                5..10 if !is_behind => {
                    after = Position::new(after.get() - self.random.random_range(0..BACK_MAX));
                    self.begin(after);
                }
                _ if !is_behind => patiently(|| store.moved(page.high_water)).await.map(drop)?,
                _ => {}
            }
        }
        self.place.close(&store).await?;
        let store = self.place.open().await?;
        let mut after = Position::START;
        self.begin(after);
        while !self.is_over(after) {
            let page = self.page(&store, after, 1_000).await?;
            after = reached(&page, after);
        }
        self.place.close(&store).await
    }

    /// The next page, which is reported. What may pass is tried again.
    async fn page(&mut self, store: &Arc<dyn Store>, after: Position, limit_max: usize) -> Result<LogPage> {
        let limit = self.random.random_range(1..=limit_max);
        loop {
            match store.read_log(LogQuery { after, limit, ..LogQuery::default() }).await {
                Ok(page) => {
                    self.saw(&page.events);
                    return Ok(page);
                }
                Err(error) if error.is_retryable() => tokio::time::sleep(RETRY).await,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Where the next page begins.
fn reached(page: &LogPage, after: Position) -> Position {
    match page.events.last() {
        Some(last) if page.more => last.position,
        None if page.more => after,
        _ => page.high_water.max(after),
    }
}

/// The randomness of a reader.
pub(crate) fn random(seed: u64, number: u32) -> StdRng {
    StdRng::seed_from_u64(seed.rotate_left(32) ^ u64::from(number))
}
