//! Handlers of the bank's events: one that only says so, and one whose effects must happen once.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use earnorm_core::model::Model;
use earnorm_core::store::Store;
use earnorm_core::unit::Target;
use earnorm_events::{
    EventBus, EventContext, Handled, Handler, Jitter, RecordedEvent, RetryPolicy, Start, TransactionContext,
};
use earnorm_macros::model;
use tokio::sync::watch;

use super::bank::CATEGORY;
use super::line::{Line, Order};
use super::options::{Backend, Options};
use super::patience::patiently;
use super::place;
use super::worker::Output;

/// How long a process may stand still before the other takes its handlers over: longer than most fail-overs, or handlers
/// would change hands all the time and do little else. A file does not fail over.
const LEASE: Duration = Duration::from_secs(8);
const LEASE_OF_A_FILE: Duration = Duration::from_secs(3);
/// After so many events a process is killed between its effect and the end of the attempt; one that is to be caught,
/// sooner.
const BRINK: u64 = 60;
const BRINK_LOOSE: u64 = 10;

/// What the transactional handler has counted of one account.
#[model(collection = "tallies", crate = "earnorm_core")]
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tally {
    /// The account.
    #[model(id)]
    pub(crate) id: i64,
    /// How many events it has.
    pub(crate) events: i64,
    /// What they come to.
    pub(crate) cents: i64,
    /// How many of them were not the one after the last that was counted.
    pub(crate) out_of_turn: i64,
}

/// Runs the handlers until told to stop, and then until everything is handled.
pub(crate) async fn run(
    store: &Arc<dyn Store>,
    options: &Options,
    output: &Output,
    orders: &watch::Receiver<Order>,
) -> Result<()> {
    let is_loose = options.loose_handlers;
    let every = if is_loose { BRINK_LOOSE } else { BRINK };
    let brink = Arc::new(Brink {
        every: options.kill_writers.then_some(every),
        counted: AtomicU64::new(0),
        output: output.clone(),
        orders: orders.clone(),
    });
    let db = patiently(|| place::database(Arc::clone(store))).await?;
    let quick = RetryPolicy::exponential(Duration::from_millis(50), 2.0, Duration::from_secs(1)).jitter(Jitter::None);
    let set = |handler: Handler| {
        handler.on([format!("{CATEGORY}.*")]).start(Start::Beginning).retry(quick.clone().attempts(10_000))
    };
    let start = || {
        let lease = if options.store == Backend::Mongo { LEASE } else { LEASE_OF_A_FILE };
        let bus = EventBus::builder(&db).only_added().lease(lease);
        bus.handler(set(noting(output.clone()))).handler(set(counting(is_loose, &brink))).start()
    };
    let bus = patiently(start).await?;
    let mut orders = orders.clone();
    // A parent that is gone ends this process.
    let _stopped = orders.wait_for(|order| *order != Order::Go).await.is_ok();
    patiently(|| bus.run_until_idle()).await?;
    Ok(bus.stop().await?)
}

/// Its effect is outside of the database: it may happen again, but never not at all.
fn noting(output: Output) -> Handler {
    Handler::new("note", move |event: Arc<RecordedEvent>, _: EventContext| {
        output.tell(&Line::Handled { position: event.position.get() });
        std::future::ready(Ok(()))
    })
}

/// Its effect and its progress are one commit, unless it is wrong on purpose.
fn counting(is_loose: bool, brink: &Arc<Brink>) -> Handler {
    let brink = Arc::clone(brink);
    if is_loose {
        return Handler::new("count", move |event: Arc<RecordedEvent>, cx: EventContext| {
            let brink = Arc::clone(&brink);
            async move {
                count(&event, &cx).await?;
                brink.pass().await;
                Ok(())
            }
        });
    }
    Handler::transactional("count", move |event: Arc<RecordedEvent>, cx: &TransactionContext| {
        let brink = Arc::clone(&brink);
        Box::pin(async move {
            count(&event, cx).await?;
            brink.pass().await;
            Ok(())
        })
    })
}

/// Where a handler has done everything and nobody knows of it yet.
struct Brink {
    /// After how many events it is killed there.
    every: Option<u64>,
    counted: AtomicU64,
    output: Output,
    orders: watch::Receiver<Order>,
}

impl Brink {
    /// Returns, or stands still until the parent kills this process.
    async fn pass(&self) {
        let counted = self.counted.fetch_add(1, Ordering::Relaxed) + 1;
        let is_going_on = *self.orders.borrow() == Order::Go;
        if is_going_on && self.every.is_some_and(|every| counted.is_multiple_of(every)) {
            self.output.tell(&Line::Brink);
            pending().await
        }
    }
}

async fn count(event: &RecordedEvent, to: &impl Target) -> Handled {
    let id: i64 = event.stream.key().parse()?;
    let cents = event.data()?.get_i64("cents")?;
    let version = i64::try_from(event.version)?;
    match Tally::get(to, id).await? {
        Some(mut tally) => {
            tally.events += 1;
            tally.cents += cents;
            tally.out_of_turn += i64::from(version != tally.events);
            tally.save(to).await?;
        }
        None => {
            Tally { id, events: 1, cents, out_of_turn: i64::from(version != 1) }.create(to).await?;
        }
    }
    Ok(())
}
