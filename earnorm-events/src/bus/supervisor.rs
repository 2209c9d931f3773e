//! Which handlers run in this process: it beats, watches the other processes, takes over what is free, and gives back
//! what another one should run.
//!
//! Every handler belongs to one of the processes that are alive and know it, by highest random weight (Thaler and
//! Ravishankar, 1998), so that few move when a process comes or goes. A process is alive while its beat moves within the
//! lease time of this one's monotonic clock; no clocks are compared.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bson::{Bson, Document, doc};
use earnorm_core::predicate::Predicate;
use earnorm_core::store::{DocumentQuery, Own, PutRule};
use earnorm_core::{Error, Result};
use futures::{FutureExt, TryStreamExt};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Place, Request, Shown};
use crate::consumer::{Consumer, Control, End, Seen, Shared, stopped};
use crate::handler::{Call, Handler};
use crate::lease;
use crate::projection::Runner;
use crate::schedule::{self, SCHEDULER, Scheduler};

/// A process whose beat has not moved for so many lease times is forgotten.
const FORGET_AFTER: u32 = 20;
/// How long a handler rests whose runner has failed.
const REST: Duration = Duration::from_secs(2);

/// Runs the handlers of one process.
pub(super) struct Supervisor {
    shared: Shared,
    node: String,
    beat: i64,
    lease: Duration,
    handlers: Vec<Arc<Handler>>,
    running: HashMap<Arc<str>, Running>,
    /// Handlers that another live process runs, or should.
    elsewhere: HashSet<Arc<str>>,
    /// Until when handlers rest whose runner has failed.
    resting: HashMap<Arc<str>, Instant>,
    jobs: JoinSet<(Arc<str>, Result<End>)>,
    nodes: BTreeMap<String, Node>,
    controls: BTreeMap<String, Control>,
    requests: mpsc::UnboundedReceiver<Request>,
    shown: watch::Sender<Shown>,
}

struct Running {
    control: watch::Sender<Control>,
    seen: watch::Receiver<Seen>,
    /// Ends this one alone.
    give_back: watch::Sender<bool>,
}

/// Another process, as it was seen.
struct Node {
    beat: i64,
    moved: Instant,
    handlers: Vec<String>,
}

impl Supervisor {
    pub(super) fn new(
        shared: Shared,
        handlers: Vec<Arc<Handler>>,
        lease: Duration,
        requests: mpsc::UnboundedReceiver<Request>,
    ) -> (Self, watch::Receiver<Shown>) {
        let nowhere = handlers.iter().map(|handler| (Arc::clone(handler), Place::Nowhere)).collect();
        let (shown, shows) = watch::channel(nowhere);
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
            requests,
            shown,
        };
        (supervisor, shows)
    }

    /// The id under which this process runs handlers.
    pub(super) fn node(&self) -> &str {
        &self.node
    }

    /// Writes handlers down that are new to the store.
    pub(super) async fn introduce(&self) -> Result<()> {
        let admin = self.shared.db.store().admin();
        let notes = self.handlers.iter().map(|handler| {
            let patterns: Vec<_> = handler.patterns.iter().map(|pattern| Bson::from(pattern.as_str())).collect();
            doc! { "_id": &*handler.id, "patterns": patterns, "place": handler.place, "group": handler.group.clone() }
        });
        let notes: Vec<_> = notes.collect();
        if !notes.is_empty() {
            admin.put(&admin.own(Own::Handlers), notes, PutRule::Absent).await?;
        }
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
                    None => break,
                },
                () = stopped(&mut stopping) => break,
            }
            if let Err(error) = self.look().await {
                tracing::warn!(%error, "the bus could not look at the store and tries again");
            }
        }
        self.wind_up().await;
    }

    async fn wind_up(&mut self) {
        while let Some((id, end)) = next(&mut self.jobs).await {
            self.ended(&id, end).await;
        }
        let admin = self.shared.db.store().admin();
        let me = Predicate::eq("_id", self.node.as_str());
        if let Err(error) = admin.remove(&admin.own(Own::Nodes), &me).await {
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
            }
        }
        self.show();
    }

    fn show(&self) {
        let place = |handler: &Arc<Handler>| match self.running.get(&handler.id) {
            Some(running) => Place::Here(running.seen.clone()),
            None if self.elsewhere.contains(&handler.id) => Place::Elsewhere,
            None => Place::Nowhere,
        };
        let handlers = self.handlers.iter().filter(|handler| &*handler.id != SCHEDULER);
        self.shown.send_replace(handlers.map(|handler| (Arc::clone(handler), place(handler))).collect());
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

    async fn sign_on(&mut self) -> Result<()> {
        self.beat += 1;
        let admin = self.shared.db.store().admin();
        let handlers: Vec<_> = self.handlers.iter().map(|handler| Bson::from(&*handler.id)).collect();
        let note =
            doc! { "_id": &self.node, "beat": self.beat, "pid": i64::from(std::process::id()), "handlers": handlers };
        admin.put(&admin.own(Own::Nodes), vec![note], PutRule::Always).await.map(|_| ())
    }

    async fn all(&self, own: Own) -> Result<Vec<Document>> {
        let store = self.shared.db.store();
        let query = DocumentQuery::new(store.admin().own(own), Predicate::All(Vec::new()));
        store.find(query).await?.try_collect().await
    }

    async fn see_nodes(&mut self) -> Result<()> {
        let now = Instant::now();
        let mut seen = BTreeMap::new();
        let mut gone = Vec::new();
        for note in self.all(Own::Nodes).await? {
            let (Ok(id), Ok(beat)) = (note.get_str("_id"), note.get_i64("beat")) else { continue };
            let before = self.nodes.get(id);
            let moved = before.filter(|node| node.beat == beat).map_or(now, |node| node.moved);
            let handlers = note.get_array("handlers").map(Vec::as_slice).unwrap_or_default();
            let handlers = handlers.iter().filter_map(Bson::as_str).map(ToOwned::to_owned).collect();
            if now.duration_since(moved) > self.lease * FORGET_AFTER {
                gone.push(Bson::from(id));
            }
            seen.insert(id.to_owned(), Node { beat, moved, handlers });
        }
        self.nodes = seen;
        if !gone.is_empty() {
            let admin = self.shared.db.store().admin();
            admin.remove(&admin.own(Own::Nodes), &Predicate::In { path: "_id".into(), values: gone }).await?;
        }
        Ok(())
    }

    async fn see_controls(&mut self) -> Result<()> {
        self.controls.clear();
        for note in self.all(Own::Handlers).await? {
            let Ok(id) = note.get_str("_id") else { continue };
            let control = Control {
                paused: note.get_bool("paused").unwrap_or(false),
                touched: note.get_str("touched").unwrap_or_default().to_owned(),
            };
            if let Some(running) = self.running.get(id) {
                running.control.send_if_modified(|known| {
                    let changed = *known != control;
                    known.clone_from(&control);
                    changed
                });
            }
            self.controls.insert(id.to_owned(), control);
        }
        Ok(())
    }

    fn is_alive(&self, node: &str) -> bool {
        node == self.node || self.nodes.get(node).is_some_and(|seen| seen.moved.elapsed() < self.lease)
    }

    /// The process that should run a handler.
    fn owner(&self, handler: &str) -> &str {
        let weight = |node: &str| {
            let mut hasher = DefaultHasher::new();
            (node, handler).hash(&mut hasher);
            hasher.finish()
        };
        let knows = |node: &Node| node.handlers.iter().any(|known| known == handler);
        let others = self.nodes.iter().filter(|(id, node)| knows(node) && self.is_alive(id)).map(|(id, _)| id.as_str());
        others.chain([self.node.as_str()]).max_by_key(|node| weight(node)).unwrap_or(&self.node)
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
        tracing::debug!(handler = %handler.id, position = claim.checkpoint.position.get(), "the handler runs here");
        self.start(handler, claim);
        Ok(())
    }

    fn start(&mut self, handler: &Arc<Handler>, claim: lease::Claim) {
        let control = self.controls.get(&*handler.id).cloned().unwrap_or_default();
        let (control, controls) = watch::channel(control);
        let (seen, sees) = watch::channel(Seen::default());
        let (give_back, stopping) = both(&self.shared.stopping);
        let shared = Shared { stopping, live_from: claim.live_from, ..self.shared.clone() };
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
        self.running.insert(Arc::clone(&handler.id), Running { control, seen: sees, give_back });
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
