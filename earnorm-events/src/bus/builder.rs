//! Setting a bus up.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bson::doc;
use earnorm_core::database::Database;
use earnorm_core::position::Position;
use earnorm_core::{Error, Result};
use tokio::sync::{Notify, mpsc, watch};

use super::supervisor::Supervisor;
use super::{EventBus, Inner, STARTED, tail, unmatched};
use crate::consumer::Shared;
use crate::handler::{Handler, HandlerRegistration};
use crate::lifecycle::{Lifecycle, LifecycleRegistration};
use crate::meter::Attempts;
use crate::projection::{Projection, RowData};
use crate::publish::{AppEvent, Publish};
use crate::records;
use crate::turns::Turns;

/// A bus that has not begun. It runs every handler that is linked into the program and every one that is added.
///
/// ```text
/// let bus = EventBus::builder(&db).lease(Duration::from_secs(30)).announce().start().await?;
/// ```
#[derive(Debug)]
#[must_use = "nothing runs until `start`"]
pub struct EventBusBuilder {
    db: Database,
    handlers: Vec<Handler>,
    collected: bool,
    at_once: usize,
    lease: Duration,
    grace: Duration,
    announces: bool,
    #[cfg(feature = "system")]
    system: Option<Duration>,
}

impl EventBusBuilder {
    pub(super) fn new(db: Database) -> Self {
        Self {
            db,
            handlers: Vec::new(),
            collected: true,
            at_once: 64,
            lease: Duration::from_secs(15),
            grace: Duration::from_secs(25),
            announces: false,
            #[cfg(feature = "system")]
            system: None,
        }
    }

    /// Adds a handler. Its id must be its own: [`EventBusBuilder::start`] refuses two handlers with one id.
    pub fn handler(mut self, handler: Handler) -> Self {
        self.handlers.push(handler);
        self
    }

    /// Adds a projection.
    pub fn projection<T: RowData>(self, projection: Projection<T>) -> Self {
        self.handler(projection.into())
    }

    /// Leaves out what is linked into the program, functions under `#[on_startup]` and `#[on_shutdown]` too: only handlers
    /// that were added run. For tests.
    pub fn only_added(mut self) -> Self {
        self.collected = false;
        self
    }

    /// How many events or batches this process handles at once, over all handlers; 64 unless set, at least 1. Who waits
    /// goes by [`Handler::priority`].
    pub fn at_once(mut self, events: usize) -> Self {
        self.at_once = events;
        self
    }

    /// How long a process may stand still before others take its handlers over; 15 seconds unless set. It beats three
    /// times in that, with one small write. Each process judges others by its own monotonic clock, so that clocks which
    /// differ or jump take nothing away. Shorter is quicker after a crash; longer spares handlers of a process that only
    /// pauses: what it writes after a take-over is refused, and done again elsewhere. A process that stops in good order
    /// gives its handlers back at once. All processes should have the same.
    pub fn lease(mut self, time: Duration) -> Self {
        self.lease = time;
        self
    }

    /// How long running attempts have to end when the bus stops; 25 seconds unless set: less than the 30 seconds after
    /// which Kubernetes kills. What has not ended is dropped and comes again, without counting as an attempt.
    pub fn grace(mut self, time: Duration) -> Self {
        self.grace = time;
        self
    }

    /// Publishes `app.started` when the bus has started and `app.stopping` before it winds up, each with the `node` (the
    /// id under which it runs handlers) and the `pid` of the process. Off unless set: the log then holds what programs do
    /// and not how often they were started. A process that is killed publishes nothing.
    pub fn announce(mut self) -> Self {
        self.announces = true;
        self
    }

    /// Publishes `system.metrics` every so long, counted from the start: what this process and its machine use. Off unless
    /// set.
    ///
    /// Unlike a [`crate::Periodic`] schedule, which fires once whatever the number of processes, every process publishes
    /// its own, on the stream of its node (`system.metrics-<node>`, the id under which it runs handlers; a restart is a
    /// new one). A process that is down publishes nothing, and times that passed meanwhile are left out: nobody can
    /// measure them any more. By the clock of the database.
    ///
    /// | field | holds |
    /// |---|---|
    /// | `node`, `pid`, `host` | which process, on which machine |
    /// | `cpu.cores`, `cpu.percent` | the machine's cores, and how busy all of them together were since the event before |
    /// | `memory.total`, `memory.available` | the machine's, in bytes |
    /// | `process.memory`, `process.cpu_percent` | this process's: resident bytes, and its share of one core |
    /// | `connections` | connections that the store holds open to its database; null where it has none |
    /// | `disks` | `mount`, `total` and `available` bytes of each disk, at most 32 |
    ///
    /// The events stay in the log as others do: every 15 seconds are 5,760 a day and process. Name a time that you can
    /// afford, and truncate the log.
    #[cfg(feature = "system")]
    pub fn system_metrics(mut self, every: Duration) -> Self {
        self.system = Some(every);
        self
    }

    /// Starts: runs what stands under `#[on_startup]`, writes down the handlers that are new, takes the handlers that no
    /// other process runs, and begins. Where a handler that is new begins is decided by then: an event that is recorded
    /// after this has returned is not missed. It needs a Tokio runtime, on which handlers run.
    ///
    /// # Errors
    /// [`Error::Registry`] names the handler that cannot work, or system metrics more often than each second; what the
    /// store and functions under `#[on_startup]` answer.
    pub async fn start(self) -> Result<EventBus> {
        let mut handlers = self.handlers;
        if self.collected {
            handlers.extend(HandlerRegistration::collected());
        }
        check(&handlers)?;
        let store = self.db.store();
        store.admin().prepare(&records::collections(&**store)).await?;
        #[cfg(feature = "system")]
        let system = self.system.map(crate::system::Plan::new).transpose()?;
        let (stop, stopping) = watch::channel(false);
        let (awaits, awaited) = watch::channel(0);
        let (requests, asked) = mpsc::unbounded_channel();
        let due = Arc::new(Notify::new());
        let (ends, end) = watch::channel(Position::START);
        tokio::spawn(tail::watch_end(Arc::clone(store), ends));
        let shared = Shared {
            db: self.db.clone(),
            turns: Turns::new(self.at_once),
            end,
            due: Arc::clone(&due),
            stopping,
            awaited,
            grace: self.grace,
            live_from: Position::START,
            attempts: Attempts::default(),
        };
        let handlers: Vec<_> = handlers.into_iter().map(Arc::new).collect();
        unmatched::warn(&self.db, &handlers).await?;
        if self.collected {
            run_all(&self.db, Lifecycle::Startup).await?;
        }
        let (mut supervisor, shown) = Supervisor::new(shared, handlers, self.lease, asked);
        supervisor.introduce().await?;
        supervisor.look().await?;
        let mut announced = None;
        if self.announces {
            let data = doc! { "node": supervisor.node(), "pid": i64::from(std::process::id()) };
            self.db.publish(AppEvent::new(STARTED, data.clone())).await?;
            announced = Some(data);
        }
        #[cfg(feature = "system")]
        let system = system.map(|plan| plan.start(&self.db, supervisor.node(), stop.subscribe()));
        let announced = Mutex::new(announced);
        let task = tokio::spawn(supervisor.run());
        let supervisor = Mutex::new(Some(task));
        let inner = Inner {
            db: self.db,
            requests,
            stop,
            awaited: awaits,
            supervisor,
            shown,
            due,
            announced,
            lease: self.lease,
            collected: self.collected,
            #[cfg(feature = "system")]
            system,
        };
        Ok(EventBus { inner: Arc::new(inner) })
    }
}

/// Runs the functions of a moment of the program's life, one after the other; the first failure ends it.
pub(super) async fn run_all(db: &Database, when: Lifecycle) -> Result<()> {
    for function in LifecycleRegistration::collected(when) {
        (function.run)(db).await.map_err(|error| Error::other(format!("{} failed: {error}", function.name)))?;
    }
    Ok(())
}

fn check(handlers: &[Handler]) -> Result<()> {
    let mut ids = BTreeSet::new();
    for handler in handlers {
        handler.check()?;
        if !ids.insert(handler.id()) {
            return Err(Error::Registry(format!("two handlers have the id `{}`: give one another", handler.id())));
        }
    }
    Ok(())
}
