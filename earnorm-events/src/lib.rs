//! What follows the log after the commit.
//!
//! - [`Follow`]: the log as a stream that goes on, and waiting until derived data has caught up.
//! - [`Handler`]: a function that runs for each event that matches, at least once and in the order of each stream, with
//!   [`RetryPolicy`], dead letters and progress that is kept. Transactional ones ([`Handler::transactional`],
//!   [`OnModel`]) commit what they write with their progress. `#[event_handler]` and `#[on_event]` write them.
//! - [`EventBus`]: runs handlers in this process and shares them with others over the store: each handler runs in one
//!   process at a time, and another takes it over when that one is gone.
//! - [`Projection`]: rows that are folded from the log, with their progress in the same commit.
//! - [`Publish`] and [`Schedule`]: events that belong to no model, now or at a time; [`Periodic`] functions.
//! - [`Operate`]: operations on handlers and dead letters from any process.
//!
//! # Order and repetition
//!
//! A handler gets the events of one stream one after the other, by version, over retries too; events of different streams
//! in any order, [`Handler::concurrency`] at once. An event is handled again where its handler succeeded and the process
//! died before that was written: progress is written in batches, so there may be several such. Where this must not be,
//! write through a transactional handler, or make the effect idempotent by the event's id.
//!
//! # How it reads
//!
//! Every consumer reads `(where it was, high-water mark]` with one query, live or far behind; a signal from the store
//! only wakes it. So there is no seam between history and live, and nothing depends on how far an oplog reaches.
#![forbid(unsafe_code)]

mod backoff;
mod bus;
mod chain;
mod consumer;
mod context;
mod failure;
mod faults;
mod handler;
mod lease;
mod lifecycle;
mod meter;
mod note;
mod operations;
mod projection;
mod publish;
mod recorded;
mod records;
mod retry;
mod schedule;
mod subscription;
#[cfg(feature = "system")]
mod system;
mod turns;
mod wait;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

use earnorm_core::database::Database;
use earnorm_core::position::Position;
use earnorm_core::store::LogQuery;

pub use bus::{EventBus, EventBusBuilder};
pub use context::{EventContext, TransactionContext};
pub use earnorm_core::event::RecordedEvent;
pub use earnorm_core::pattern::EventPattern;
pub use failure::{Handled, HandlerError};
#[doc(hidden)]
pub use faults::Faults;
pub use handler::{
    BatchArg, BatchOutcome, BatchOwned, Breaker, EventArg, Handler, HandlerOutcome, HandlerRegistration,
    LifecycleOutcome, OnDead, OnEvent, OnModel, Rate, Start,
};
pub use lifecycle::{Lifecycle, LifecycleFn, LifecycleRegistration};
pub use note::Pause;
pub use operations::{
    DeadLetter, DeadLetters, EventKey, EventStatus, Finding, HandlerHealth, HandlerInfo, HandlerStatus, Handlers,
    Health, LetterFilter, Operate, Severity, ShownLetter,
};
pub use projection::{
    ManageProjection, Projection, ProjectionFailure, ProjectionRegistration, ProjectionRows, ProjectionState,
    ProjectionStatus, Projections, ReadVersion, Row, RowData, RowQuery, SkippedEvent, View,
};
pub use publish::{AppEvent, Publish};
pub use recorded::{Created, Deleted, EventData, FromEvent, Recorded, Updated};
pub use retry::{Jitter, RetryPolicy};
pub use schedule::{Firing, Misfire, Overlap, Periodic, Schedule, ScheduleId};
pub use subscription::{Subscription, SubscriptionBuilder};
pub use wait::WaitUntil;

/// Following the log of a [`Database`].
pub trait Follow {
    /// Starts a subscription: every event that matches, once and in order, first those that are there, then those that
    /// come.
    ///
    /// ```text
    /// let mut events = db.subscribe().by_type("order.*").from_start().stream();
    /// while let Some(event) = events.next().await { … }
    /// ```
    fn subscribe(&self) -> SubscriptionBuilder;

    /// Waits until every reader of the log sees a position, or until a consumer has passed it: what a caller wants who
    /// wrote something and now reads what is derived from it. No position, as a receipt of a save that wrote nothing
    /// has, is reached at once.
    ///
    /// ```text
    /// let receipt = order.save(&db).await?;
    /// db.wait_until(receipt.position()).consumer("order-list").await?;
    /// ```
    fn wait_until(&self, position: impl Into<Option<Position>>) -> WaitUntil;
}

impl Follow for Database {
    fn subscribe(&self) -> SubscriptionBuilder {
        SubscriptionBuilder::over(self.reader().clone(), LogQuery::default())
    }

    fn wait_until(&self, position: impl Into<Option<Position>>) -> WaitUntil {
        WaitUntil::new(self.clone(), position.into().unwrap_or_default())
    }
}
