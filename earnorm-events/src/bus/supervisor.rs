//! Which handlers run in this process: it beats, watches the other processes, takes over what is free, and gives back
//! what another one should run.
//!
//! Every handler belongs to one of the processes that are alive and know it, by highest random weight (Thaler and
//! Ravishankar, 1998), so that few move when a process comes or goes. A process is alive while its beat moves within the
//! lease time of this one's monotonic clock; no clocks are compared.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use earnorm_core::{Error, Result};
use futures::FutureExt;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Here, Place, Request, Shown, ShownHandler};
use crate::consumer::{Consumer, Control, End, Seen, Shared, stopped};
use crate::handler::{Call, Handler};
use crate::meter::{self, Attempts};
use crate::projection::Runner;
use crate::schedule::{self, SCHEDULER, Scheduler};
use crate::{lease, note};

/// How long a handler rests whose runner has failed.
const REST: Duration = Duration::from_secs(2);

/// Runs the handlers of one process.
pub(super) struct Supervisor {
    pub(super) shared: Shared,
    pub(super) node: String,
    pub(super) beat: i64,
    pub(super) lease: Duration,
    pub(super) handlers: Vec<Arc<Handler>>,
    pub(super) running: HashMap<Arc<str>, Running>,
    /// Handlers that another live process runs, or should.
    pub(super) elsewhere: HashSet<Arc<str>>,
    /// Until when handlers rest whose runner has failed.
    pub(super) resting: HashMap<Arc<str>, Instant>,
    pub(super) jobs: JoinSet<(Arc<str>, Result<End>)>,
    pub(super) nodes: BTreeMap<String, super::peers::Node>,
    pub(super) controls: BTreeMap<String, Control>,
    /// Why and when runners ended that were not asked to.
    pub(super) failed: HashMap<Arc<str>, (String, Instant)>,
    /// Why the last look at the store failed.
    pub(super) trouble: Option<String>,
    pub(super) requests: mpsc::UnboundedReceiver<Request>,
    pub(super) shown: watch::Sender<Shown>,
}

pub(super) struct Running {
    pub(super) control: watch::Sender<Control>,
    pub(super) seen: watch::Receiver<Seen>,
    /// Ends this one alone.
    pub(super) give_back: watch::Sender<bool>,
    pub(super) attempts: Attempts,
}

impl Supervisor {
    pub(super) fn new(
        shared: Shared,
        handlers: Vec<Arc<Handler>>,
        lease: Duration,
        requests: mpsc::UnboundedReceiver<Request>,
    ) -> (Self, watch::Receiver<Shown>) {
        let nowhere =
            |handler: &Arc<Handler>| ShownHandler { handler: Arc::clone(handler), place: Place::Nowhere, failed: None };
        let nowhere = handlers.iter().map(nowhere).collect();
        let (shown, shows) = watch::channel(Shown { handlers: nowhere, looked: Instant::now(), trouble: None });
        let handlers = handlers.into_iter().chain([Arc::new(schedule::handler())]).collect();
        let supervisor = Self {
            shared,
            node: Uuid::now_v7().to_string(),
            beat: 0,
            lease,
            handlers,
            running: HashMap::new(),
            elsewhere: HashSet::new(),
            resting: HashMap::new(),
            jobs: JoinSet::new(),
            nodes: BTreeMap::new(),
            controls: BTreeMap::new(),
            failed: HashMap::new(),
            trouble: None,
            requests,
            shown,
        };
        (supervisor, shows)
    }

    /// The id under which this process runs handlers.
    pub(super) fn node(&self) -> &str {
        &self.node
    }

    /// Writes handlers down as they are registered here.
    pub(super) async fn introduce(&self) -> Result<()> {
        note::introduce(&self.shared.db, &self.handlers).await?;
        for handler in &self.handlers {
            schedule::register(&self.shared.db, handler).await?;
        }
        Ok(())
    }

    /// Runs until the bus stops.
    pub(super) async fn run(mut self) {
        let mut stopping = self.shared.stopping.clone();
        let mut beat = tokio::time::interval(self.lease / 3);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        beat.reset();
        loop {
            let mut tell = None;
            tokio::select! {
                _ = beat.tick() => {}
                Some((id, end)) = next(&mut self.jobs) => self.ended(&id, end).await,
                request = self.requests.recv() => match request {
                    Some(Request::Add(handler)) => {
                        self.handlers.push(handler);
                        if let Err(error) = self.introduce().await {
                            tracing::warn!(%error, "a new handler could not be written down yet");
                        }
                    }
                    Some(Request::Look(teller)) => tell = Some(teller),
                    None => break,
                },
                () = stopped(&mut stopping) => break,
            }
            self.trouble = self.look().await.err().map(|error| error.to_string());
            if let Some(error) = &self.trouble {
                tracing::warn!(error, "the bus could not look at the store and tries again");
                self.show();
            }
            if let Some(tell) = tell {
                // Whoever asked may be gone.
                let _gone = tell.send(());
            }
        }
        self.wind_up().await;
    }

    async fn wind_up(&mut self) {
        while let Some((id, end)) = next(&mut self.jobs).await {
            self.ended(&id, end).await;
        }
        if let Err(error) = self.sign_off().await {
            tracing::warn!(%error, "the process could not sign off; others wait out its lease");
        }
    }

    async fn ended(&mut self, id: &Arc<str>, end: Result<End>) {
        self.running.remove(id);
        match end {
            Ok(End::Stopped(claim)) => {
                if let Err(error) = lease::release(&self.shared.db, id, claim).await {
                    tracing::warn!(handler = %id, %error, "the handler could not be given back; others wait out the lease");
                }
            }
            Ok(End::Lost) => tracing::info!(handler = %id, "the handler was taken over, or its records changed"),
            Err(error) => {
                tracing::error!(handler = %id, %error, "the handler ended and begins again after a while");
                self.resting.insert(Arc::clone(id), Instant::now() + REST);
                self.failed.insert(Arc::clone(id), (error.to_string(), Instant::now()));
            }
        }
        self.show();
    }

    fn show(&self) {
        let place = |handler: &Arc<Handler>| match self.running.get(&handler.id) {
            Some(running) => Place::Here(Here {
                seen: running.seen.clone(),
                control: running.control.subscribe(),
                attempts: running.attempts.clone(),
            }),
            None if self.elsewhere.contains(&handler.id) => Place::Elsewhere,
            None => Place::Nowhere,
        };
        let failed = |id| self.failed.get(id).filter(|(_, at)| at.elapsed() < self.lease * 3);
        let handlers = self.handlers.iter().filter(|handler| &*handler.id != SCHEDULER);
        let handlers = handlers.map(|handler| ShownHandler {
            handler: Arc::clone(handler),
            place: place(handler),
            failed: failed(&handler.id).map(|(error, _)| error.clone()),
        });
        let (handlers, trouble) = (handlers.collect(), self.trouble.clone());
        self.shown.send_replace(Shown { handlers, looked: Instant::now(), trouble });
    }

    /// Beats, looks who is alive and what was asked for, and takes and gives back handlers.
    pub(super) async fn look(&mut self) -> Result<()> {
        self.sign_on().await?;
        self.see_nodes().await?;
        self.see_controls().await?;
        let mut outcome = Ok(());
        for handler in self.handlers.clone() {
            // One that cannot be taken must not keep the others from it.
            outcome = self.decide(&handler).await.and(outcome);
        }
        self.show();
        outcome
    }

    async fn decide(&mut self, handler: &Arc<Handler>) -> Result<()> {
        let mine = self.owner(&handler.id) == self.node;
        if let Some(running) = self.running.get(&handler.id) {
            if !mine {
                running.give_back.send_replace(true);
            }
            return Ok(());
        }
        self.elsewhere.remove(&handler.id);
        if !mine {
            self.elsewhere.insert(Arc::clone(&handler.id));
            return Ok(());
        }
        let rests = self.resting.get(&handler.id).is_some_and(|until| Instant::now() < *until);
        if rests || *self.shared.stopping.borrow() {
            return Ok(());
        }
        let lease = lease::find(&self.shared.db, &handler.id).await?;
        let holder = lease.as_ref().and_then(|lease| lease.node.as_deref());
        if holder.is_some_and(|node| node != self.node && self.is_alive(node)) {
            self.elsewhere.insert(Arc::clone(&handler.id));
            return Ok(());
        }
        let Some(claim) = lease::claim(&self.shared.db, handler, &self.node, lease.as_ref()).await? else {
            return Ok(());
        };
        if holder.is_some_and(|node| node != self.node) {
            meter::taken_over(&handler.id);
        }
        tracing::debug!(handler = %handler.id, position = claim.checkpoint.position.get(), "the handler runs here");
        self.start(handler, claim);
        Ok(())
    }

    fn start(&mut self, handler: &Arc<Handler>, claim: lease::Claim) {
        let control = self.controls.get(&*handler.id).cloned().unwrap_or_default();
        let (control, controls) = watch::channel(control);
        let (seen, sees) = watch::channel(Seen::default());
        let (give_back, stopping) = both(&self.shared.stopping);
        let attempts = Attempts::default();
        let live_from = claim.live_from;
        let shared = Shared { stopping, live_from, attempts: attempts.clone(), ..self.shared.clone() };
        let id = Arc::clone(&handler.id);
        let run = match &handler.call {
            Call::Fold(folds) => {
                let folds = Arc::clone(folds);
                Runner::new(shared, Arc::clone(handler), folds, claim, controls, seen).run().boxed()
            }
            _ if &*id == SCHEDULER => Scheduler::new(shared, claim, controls, seen).run().boxed(),
            _ => Consumer::new(shared, Arc::clone(handler), claim, controls, seen).run().boxed(),
        };
        self.jobs.spawn(async move {
            let run = AssertUnwindSafe(run).catch_unwind().await;
            (id, run.unwrap_or_else(|_| Err(Error::other("its runner panicked"))))
        });
        self.running.insert(Arc::clone(&handler.id), Running { control, seen: sees, give_back, attempts });
    }
}

/// A signal that can be given for one handler, and is given when the bus stops.
fn both(all: &watch::Receiver<bool>) -> (watch::Sender<bool>, watch::Receiver<bool>) {
    let (one, stopping) = watch::channel(*all.borrow());
    let (mut all, sender) = (all.clone(), one.clone());
    tokio::spawn(async move {
        tokio::select! {
            () = stopped(&mut all) => { sender.send_replace(true); }
            () = sender.closed() => {}
        }
    });
    (one, stopping)
}

/// The next job that ends; `None` where there is none.
async fn next(jobs: &mut JoinSet<(Arc<str>, Result<End>)>) -> Option<(Arc<str>, Result<End>)> {
    loop {
        match jobs.join_next().await? {
            Ok(ended) => return Some(ended),
            Err(error) => tracing::error!(%error, "a handler's runner is gone"),
        }
    }
}
