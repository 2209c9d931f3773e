//! Schedules: events that are published at a time, and functions that run again and again.
//!
//! A schedule is a record in the store. One process at a time looks after them, under a lease as handlers have it, and
//! makes of each time one event by one commit that moves the record too: so a time is fired once, whatever the number of
//! processes and whatever their clocks do.

mod due;
mod firing;
mod periodic;
mod record;
mod register;
mod scheduler;
mod times;

use std::fmt;
use std::time::Duration;

use bson::doc;
use chrono::{DateTime, TimeDelta, Utc};
use earnorm_core::Result;
use earnorm_core::store::Own;
use earnorm_core::unit::{Riders, Target};
use uuid::Uuid;

use crate::chain;
use crate::publish::AppEvent;
use record::{Planned, Record, What};

pub(crate) use due::{any, due};
pub(crate) use periodic::Plan;
pub use periodic::{Firing, Misfire, Overlap, Periodic};
pub(crate) use register::register;
pub(crate) use scheduler::{SCHEDULER, Scheduler, handler};
pub(crate) use times::Times;

/// The event that says that one was planned.
const PLANNED: &str = "schedule.planned";
/// The event that says that one was cancelled.
const CANCELLED: &str = "schedule.cancelled";
/// Names that a periodic schedule cannot have: their events would be these.
const RESERVED: [&str; 2] = ["planned", "cancelled"];

/// An event that is to be published: what [`Schedule::cancel`] takes. It is also the id that the event will have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ScheduleId(Uuid);

impl ScheduleId {
    /// The id as it was written down.
    #[must_use]
    pub fn new(id: Uuid) -> Self {
        Self(id)
    }

    /// The id, to write down.
    #[must_use]
    pub fn uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for ScheduleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Publishing events later, wherever one can write: a database, a unit of work, the context of a hook or handler.
///
/// That an event was planned, or cancelled, is an event too (`schedule.planned`, `schedule.cancelled`), in the same
/// commit as the record of the schedule: the log says who planned what, and a schedule never hangs on a write that did
/// not happen. Events are published while a bus runs in some process; those whose time passed meanwhile follow at once.
pub trait Schedule: Target {
    /// Publishes an event when [`earnorm_core::database::Database::now`] has reached `moment`; at once where it has
    /// passed. What was planned is durable when this returns on a database, with the rest of it in a unit of work. The
    /// event carries the metadata of the plan, and the plan as its cause.
    ///
    /// # Errors
    /// As [`crate::Publish::publish`]; what is wrong with the event is found now, not when it is due.
    fn publish_at(&self, event: AppEvent, moment: DateTime<Utc>) -> impl Future<Output = Result<ScheduleId>> + Send {
        async move {
            let scope = self.enter()?;
            let db = self.database();
            event.check(db)?;
            let id = ScheduleId(db.next_id());
            let data = doc! { "due_at": record::time(Some(moment)), "event": event.to_document() };
            let mut plan = AppEvent::new(PLANNED, data).key(id.to_string()).append(db)?;
            plan.expected = earnorm_core::stream::ExpectedVersion::NoStream;
            let mut metadata = db.metadata().clone();
            metadata.causation_id = plan.events.first().map(|event| event.id.to_string());
            // Time lies between a handler and what it plans: that is no circle that spins.
            metadata.extra.remove(chain::FIELD);
            let what = What::Once(Box::new(Planned { event, metadata }));
            let record = Record { id: id.to_string(), record: 1, due_at: Some(moment), what, problem: None };
            let documents = vec![record.insert(&**db.store())];
            scope.take_along(Riders { appends: vec![plan], documents, ..Riders::default() });
            self.leave(scope).await?;
            Ok(id)
        }
    }

    /// Publishes an event after a time: see [`Schedule::publish_at`].
    ///
    /// # Errors
    /// As [`Schedule::publish_at`].
    fn publish_in(&self, event: AppEvent, time: Duration) -> impl Future<Output = Result<ScheduleId>> + Send {
        async move {
            let time = TimeDelta::from_std(time).unwrap_or(TimeDelta::MAX);
            let moment = self.database().now().checked_add_signed(time).unwrap_or(DateTime::<Utc>::MAX_UTC);
            self.publish_at(event, moment).await
        }
    }

    /// Cancels a planned event, and answers whether it was still there. What a unit of work has planned itself is not
    /// there before its commit. In a unit of work it is gone with the commit.
    ///
    /// # Errors
    /// [`earnorm_core::Error::Conflict`] when the event is published, or cancelled by someone else, at the same moment:
    /// cancel again to learn which.
    fn cancel(&self, id: ScheduleId) -> impl Future<Output = Result<bool>> + Send {
        async move {
            let scope = self.enter()?;
            let db = self.database();
            let store = db.store();
            let found = store.get(&store.admin().own(Own::Schedules), &id.to_string().into()).await?;
            let Some(found) = found else { return Ok(false) };
            let record = Record::from_document(&found)?;
            let data = doc! { "due_at": record::time(record.due_at) };
            let append = AppEvent::new(CANCELLED, data).key(id.to_string()).append(db)?;
            let documents = vec![record.delete(&**store)];
            scope.take_along(Riders { appends: vec![append], documents, ..Riders::default() });
            self.leave(scope).await?;
            Ok(true)
        }
    }
}

impl<T: Target> Schedule for T {}
