//! The bus: runs handlers in this process, and shares the work with other processes over the store.

mod builder;
mod health;
mod idle;
mod peers;
mod supervisor;
mod tail;
mod unmatched;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bson::Document;
use earnorm_core::database::Database;
use earnorm_core::{Error, Result};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::consumer::{Control, Seen};
use crate::handler::Handler;
use crate::lifecycle::Lifecycle;
use crate::meter::Attempts;
use crate::operations::{DeadLetters, Handlers};
use crate::publish::{AppEvent, Publish};

pub use builder::EventBusBuilder;

/// The events by which a process says that it is there, and that it goes.
const STARTED: &str = "app.started";
const STOPPING: &str = "app.stopping";

/// Handlers at work. Cheap to clone; [`EventBus::stop`] ends it in good order. Dropping the last clone ends it at once:
/// attempts are dropped where they are, and other processes take its handlers over when its lease is over.
///
/// ```text
/// let bus = EventBus::builder(&db).start().await?;
/// …
/// bus.stop().await?;
/// ```
#[derive(Debug, Clone)]
pub struct EventBus {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    db: Database,
    requests: mpsc::UnboundedSender<Request>,
    stop: watch::Sender<bool>,
    /// How many wait until everything is handled.
    awaited: watch::Sender<usize>,
    supervisor: Mutex<Option<JoinHandle<()>>>,
    lease: Duration,
    shown: watch::Receiver<Shown>,
    /// Wakes the scheduler, where it runs here.
    due: Arc<Notify>,
    /// What `app.stopping` says, where the bus says so.
    announced: Mutex<Option<Document>>,
    /// Whether it runs what is linked into the program.
    collected: bool,
    /// What measures the machine, where that was asked for.
    #[cfg(feature = "system")]
    system: Option<crate::system::Watch>,
}

/// What the supervisor is asked to do.
#[derive(Debug)]
pub(crate) enum Request {
    /// Runs one more handler.
    Add(Arc<Handler>),
    /// Looks at the store now, and tells when it has.
    Look(oneshot::Sender<()>),
}

/// Makes a bus look at the store, where an operation goes through one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Nudge(Option<mpsc::UnboundedSender<Request>>);

impl Nudge {
    /// Waits until the bus has looked. One that has stopped has nothing to look for.
    pub(crate) async fn look(&self) {
        let Some(requests) = &self.0 else { return };
        let (told, looked) = oneshot::channel();
        if requests.send(Request::Look(told)).is_ok() {
            let _stopped = looked.await;
        }
    }
}

/// A handler at work in this process.
#[derive(Debug, Clone)]
struct Here {
    seen: watch::Receiver<Seen>,
    control: watch::Receiver<Control>,
    attempts: Attempts,
}

/// Where a handler runs.
#[derive(Debug, Clone)]
enum Place {
    /// In this process.
    Here(Here),
    /// In another process that is alive, or about to.
    Elsewhere,
    /// Nowhere: its last process may be gone, or it was not taken yet.
    Nowhere,
}

/// What a bus shows of itself.
#[derive(Debug, Clone)]
struct Shown {
    handlers: Vec<ShownHandler>,
    /// When it looked at the store last, and what came of it.
    looked: Instant,
    trouble: Option<String>,
}

/// A handler of a bus.
#[derive(Debug, Clone)]
struct ShownHandler {
    handler: Arc<Handler>,
    place: Place,
    /// Why its runner ended last, unless it was asked to.
    failed: Option<String>,
}

impl EventBus {
    /// A bus over a database, with every handler that is linked into the program.
    pub fn builder(db: &Database) -> EventBusBuilder {
        EventBusBuilder::new(db.clone())
    }

    /// The database.
    #[must_use]
    pub fn db(&self) -> &Database {
        &self.inner.db
    }

    /// Runs one more handler, or projection. It returns before that one has been taken: [`EventBus::run_until_idle`] waits
    /// for it.
    ///
    /// # Errors
    /// [`Error::Registry`] when it cannot work, or its id is taken; [`Error::Closed`] when the bus has stopped.
    pub fn add(&self, handler: impl Into<Handler>) -> Result<()> {
        let handler = handler.into();
        handler.check()?;
        if self.inner.shown.borrow().handlers.iter().any(|known| known.handler.id == handler.id) {
            return Err(Error::Registry(format!("there is a handler `{}` already: give one another id", handler.id)));
        }
        self.inner.requests.send(Request::Add(Arc::new(handler))).map_err(|_| Error::Closed)
    }

    /// Operations on handlers, which this bus obeys at once, and others at their next beat.
    #[must_use]
    pub fn handlers(&self) -> Handlers {
        Handlers::new(self.inner.db.clone()).nudging(self.nudge())
    }

    /// Operations on dead letters, which this bus obeys at once, and others at their next beat.
    #[must_use]
    pub fn dead_letters(&self) -> DeadLetters {
        DeadLetters::new(self.inner.db.clone()).nudging(self.nudge())
    }

    fn nudge(&self) -> Nudge {
        Nudge(Some(self.inner.requests.clone()))
    }

    /// Stops: nothing new begins, running attempts have the grace time to end, progress is written and the handlers are
    /// given back for other processes to take; then what stands under `#[on_shutdown]` runs. Attempts that were cut off do
    /// not count. Calls after the first wait for nothing.
    ///
    /// # Errors
    /// What functions under `#[on_shutdown]` answer. Progress that could not be written is logged and made again.
    pub async fn stop(&self) -> Result<()> {
        let announced = self.inner.announced.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(data) = announced
            && let Err(error) = self.inner.db.publish(AppEvent::new(STOPPING, data)).await
        {
            tracing::warn!(%error, "the log does not say that the process stops");
        }
        self.inner.stop.send_replace(true);
        #[cfg(feature = "system")]
        if let Some(system) = &self.inner.system {
            system.ended().await;
        }
        let task = self.inner.supervisor.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            task.await.map_err(Error::other)?;
            if self.inner.collected {
                builder::run_all(&self.inner.db, Lifecycle::Shutdown).await?;
            }
        }
        Ok(())
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(task) = self.supervisor.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }
}
