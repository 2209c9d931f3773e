//! System metrics: what the machine and the process use, published by every process of its own.
//!
//! It is no schedule of the store: that fires a time once for all processes, in whichever, and a measurement says
//! something of the process that makes it only. The times are counted as those of schedules are.

mod machine;

use std::time::Duration;

use bson::Document;
use chrono::{DateTime, TimeDelta, Utc};
use earnorm_core::database::Database;
use earnorm_core::{Error, Result};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::consumer::stopped;
use crate::publish::{AppEvent, Publish};
use crate::schedule::Times;
use machine::Machine;

/// The type of the events.
const METRICS: &str = "system.metrics";
/// The shortest time between two events. Shares of a core are measured over some time.
const EVERY_MIN: Duration = Duration::from_secs(1);
/// How long it waits at most before it looks at the clock again.
const TICK: Duration = Duration::from_secs(1);
/// How long a measurement may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often measurements are published.
pub(crate) struct Plan {
    every: TimeDelta,
    times: Times,
}

/// Measurements at work.
#[derive(Debug)]
pub(crate) struct Watch(mpsc::UnboundedSender<oneshot::Sender<()>>);

impl Plan {
    /// Refuses times that are too short.
    pub(crate) fn new(every: Duration) -> Result<Self> {
        let refused = |problem| Error::Registry(format!("system metrics cannot be published: {problem}"));
        if every < EVERY_MIN {
            return Err(refused(format!("every {every:?} is too often: name a second or more")));
        }
        let times = Times::every(every).map_err(refused)?;
        Ok(Self { every: TimeDelta::from_std(every).unwrap_or(TimeDelta::MAX), times })
    }

    /// Measures and publishes until the bus stops.
    pub(crate) fn start(self, db: &Database, node: &str, stopping: watch::Receiver<bool>) -> Watch {
        let (ask, asked) = mpsc::unbounded_channel();
        let from = db.now();
        let due = self.times.after(from, from);
        let meter = Meter { db: db.clone(), node: node.to_owned(), machine: None, late: None, plan: self, from, due };
        tokio::spawn(meter.run(asked, stopping));
        Watch(ask)
    }
}

impl Watch {
    /// Waits until what is due now is published, or could not be.
    pub(crate) async fn look(&self) {
        let (told, looked) = oneshot::channel();
        if self.0.send(told).is_ok() {
            let _stopped = looked.await;
        }
    }

    /// Waits until nothing is published any more.
    pub(crate) async fn ended(&self) {
        self.0.closed().await;
    }
}

struct Meter {
    db: Database,
    node: String,
    machine: Option<Machine>,
    /// A measurement that takes too long.
    late: Option<JoinHandle<(Machine, Document)>>,
    plan: Plan,
    from: DateTime<Utc>,
    /// When it measures next; `None` when there is no such time.
    due: Option<DateTime<Utc>>,
}

impl Meter {
    async fn run(
        mut self,
        mut asked: mpsc::UnboundedReceiver<oneshot::Sender<()>>,
        mut stopping: watch::Receiver<bool>,
    ) {
        // Shares of a core are those since the last look.
        self.measure().await;
        loop {
            let tell = tokio::select! {
                () = tokio::time::sleep(self.pause()) => None,
                tell = asked.recv() => tell,
                () = stopped(&mut stopping) => return,
            };
            self.publish_if_due().await;
            if let Some(tell) = tell {
                // Whoever asked may be gone.
                let _gone = tell.send(());
            }
        }
    }

    fn pause(&self) -> Duration {
        let left = self.due.and_then(|due| (due - self.db.now()).to_std().ok()).unwrap_or(TICK);
        left.clamp(Duration::from_millis(1), TICK)
    }

    async fn publish_if_due(&mut self) {
        let now = self.db.now();
        let Some(due) = self.due else { return };
        if due > now {
            // A clock that was put back does not silence it until it shows the same time again.
            if due - now > self.plan.every {
                self.from = now;
                self.due = self.plan.times.after(now, self.from);
            }
            return;
        }
        self.due = self.plan.times.after(now, self.from);
        let Some(mut data) = self.measure().await else { return };
        data.insert("node", &self.node);
        let connections = self.db.store().connections().map(|count| i64::try_from(count).unwrap_or(i64::MAX));
        data.insert("connections", connections);
        let event = AppEvent::new(METRICS, data).key(&self.node);
        if let Err(error) = self.db.publish(event).await {
            tracing::warn!(%error, "system metrics could not be published and are left out");
        }
    }

    /// Measures beside the runtime: a disk that does not answer must keep neither handlers nor the bus from ending.
    async fn measure(&mut self) -> Option<Document> {
        let machine = match self.late.take() {
            Some(late) if !late.is_finished() => {
                tracing::warn!("the machine is not measured: what was asked before has not answered yet");
                self.late = Some(late);
                return None;
            }
            Some(late) => late.await.map(|(machine, _)| machine).unwrap_or_default(),
            None => self.machine.take().unwrap_or_default(),
        };
        let mut measuring = tokio::task::spawn_blocking(move || {
            let mut machine = machine;
            let data = machine.measure();
            (machine, data)
        });
        match tokio::time::timeout(PATIENCE, &mut measuring).await {
            Ok(Ok((machine, data))) => {
                self.machine = Some(machine);
                Some(data)
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "the machine could not be measured");
                None
            }
            Err(_) => {
                tracing::warn!(after = ?PATIENCE, "the machine does not say what it uses; a disk may not answer");
                self.late = Some(measuring);
                None
            }
        }
    }
}
