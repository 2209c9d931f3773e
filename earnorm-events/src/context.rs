//! What a handler gets beside its event: a database whose writes name the event as their cause.

use std::ops::Deref;
use std::sync::Arc;

use bson::Bson;
use earnorm_core::Result;
use earnorm_core::database::Database;
use earnorm_core::event::RecordedEvent;
use earnorm_core::metadata::Metadata;
use earnorm_core::save::Receipt;
use earnorm_core::unit::{Scope, Target, UnitOfWork, sealed};

use crate::chain;

/// What a handler gets beside its event.
///
/// It is a place to write to, like the [`Database`] behind it: what is written through it carries the event as its cause.
/// The write is durable when it returns, apart from the handler's progress: after a crash the event comes again.
#[derive(Debug, Clone)]
pub struct EventContext {
    db: Database,
    handler: Arc<str>,
    attempt: u32,
    live: bool,
    stopping: tokio::sync::watch::Receiver<bool>,
}

impl EventContext {
    pub(crate) fn new(
        db: &Database,
        handler: &Arc<str>,
        event: &RecordedEvent,
        attempt: u32,
        stopping: tokio::sync::watch::Receiver<bool>,
    ) -> Self {
        let db = db.with_metadata(caused_by(db.metadata(), handler, event));
        Self { db, handler: Arc::clone(handler), attempt, live: true, stopping }
    }

    /// Says whether the event happened since the handler is there.
    pub(crate) fn live(mut self, live: bool) -> Self {
        self.live = live;
        self
    }

    /// The database; what is written through this handle carries the event as its cause.
    #[must_use]
    pub fn db(&self) -> &Database {
        &self.db
    }

    /// The handler's id.
    #[must_use]
    pub fn handler(&self) -> &str {
        &self.handler
    }

    /// Which attempt this is, from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Whether the event is new to the handler: `false` for what was recorded before its first start, wherever it began,
    /// and for what it had come past before it was moved back ([`crate::Handlers::replay`]). Effects that only make sense
    /// at the time, such as mails, ask for it.
    ///
    /// It says nothing of attempts: an event that comes again after a failure or a crash is as live as it was, and so is
    /// one that the handler missed while it was down or paused, however old. Of a batch it is its first event that counts.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.live
    }

    /// Waits until the bus is stopping: long work should end then. What is given up so is tried again later, and does
    /// not count as an attempt.
    pub async fn stopping(&self) {
        crate::consumer::stopped(&mut self.stopping.clone()).await;
    }
}

/// The metadata of what a handler writes.
fn caused_by(own: &Metadata, handler: &str, event: &RecordedEvent) -> Metadata {
    let cause = &event.metadata;
    let mut metadata = Metadata {
        actor: own.actor.clone().or_else(|| Some(format!("handler {handler}"))),
        correlation_id: cause.correlation_id.clone().or_else(|| Some(event.id.to_string())),
        causation_id: Some(event.id.to_string()),
        traceparent: cause.traceparent.clone(),
        extra: own.extra.clone(),
    };
    let chain = chain::after(event, handler).into_iter().map(Bson::String).collect::<Vec<_>>();
    metadata.extra.insert(chain::FIELD, chain);
    metadata
}

/// What a transactional handler gets beside its event: a unit of work that is committed with the handler's progress, so
/// that its effects happen once. It derefs to the [`UnitOfWork`], and is a place to write to like that.
#[derive(Debug)]
pub struct TransactionContext {
    unit: UnitOfWork,
    event: EventContext,
}

impl TransactionContext {
    pub(crate) fn new(event: EventContext) -> Self {
        Self { unit: event.db.unit(), event }
    }

    /// Forgets what was staged.
    pub(crate) fn start_over(&mut self) {
        self.unit = self.event.db.unit();
    }

    /// The unit of work. It is committed when the handler has returned.
    #[must_use]
    pub fn unit(&self) -> &UnitOfWork {
        &self.unit
    }

    /// The database, for reading. What is written through it is durable at once, apart from the handler's progress.
    #[must_use]
    pub fn db(&self) -> &Database {
        &self.event.db
    }

    /// The handler's id.
    #[must_use]
    pub fn handler(&self) -> &str {
        &self.event.handler
    }

    /// Which attempt this is, from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.event.attempt
    }

    /// Whether the event is new to the handler: see [`EventContext::is_live`].
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.event.live
    }

    /// Waits until the bus is stopping: see [`EventContext::stopping`].
    pub async fn stopping(&self) {
        self.event.stopping().await;
    }
}

impl Deref for TransactionContext {
    type Target = UnitOfWork;

    fn deref(&self) -> &UnitOfWork {
        &self.unit
    }
}

impl sealed::Sealed for EventContext {}

impl Target for EventContext {
    type Receipt = Receipt;

    fn database(&self) -> &Database {
        &self.db
    }

    fn enter(&self) -> Result<Arc<Scope>> {
        self.db.enter()
    }

    async fn leave(&self, scope: Arc<Scope>) -> Result<Receipt> {
        self.db.leave(scope).await
    }
}

impl sealed::Sealed for TransactionContext {}

impl Target for TransactionContext {
    type Receipt = ();

    fn database(&self) -> &Database {
        &self.event.db
    }

    fn enter(&self) -> Result<Arc<Scope>> {
        self.unit.enter()
    }

    async fn leave(&self, scope: Arc<Scope>) -> Result<()> {
        self.unit.leave(scope).await
    }
}
