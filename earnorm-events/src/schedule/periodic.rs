//! Periodic schedules: when a function runs again and again, and what it is told.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use earnorm_core::database::Database;
use earnorm_core::event::{RecordedEvent, is_dotted_name};
use earnorm_core::hook::BoxFuture;
use earnorm_core::{Error, Result};

use super::record::time_of;
use super::times::Times;
use crate::context::{EventContext, TransactionContext};
use crate::failure::Handled;
use crate::handler::{Handler, Start};
use crate::recorded::FromEvent;

/// How late a time may be reached and count as met, unless the schedule says otherwise.
const TOLERANCE: Duration = Duration::from_secs(60);
/// The topic of the events of periodic schedules.
pub(crate) const TOPIC: &str = "schedule";

/// What becomes of times that passed while nothing ran: no process was up, or the clock was put forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Misfire {
    /// They are left out. The last of them still counts when it is reached within the tolerance.
    Skip,
    /// One run for all of them, by the last.
    #[default]
    Once,
    /// A run for each, oldest first.
    All,
}

/// What becomes of a time at which the run before is not done: it works, waits for its next attempt, or is parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlap {
    /// It is left out.
    Skip,
    /// It waits until the run before is done.
    Queue,
    /// It runs beside it, up to the handler's concurrency.
    Allow,
}

impl Misfire {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Once => "once",
            Self::All => "all",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::Skip, Self::Once, Self::All].into_iter().find(|one| one.name() == name)
    }
}

impl Overlap {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Queue => "queue",
            Self::Allow => "allow",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::Skip, Self::Queue, Self::Allow].into_iter().find(|one| one.name() == name)
    }
}

/// When a function runs again and again. [`Periodic::run`] makes it a [`Handler`], which takes retries, time-outs and
/// all else that handlers take.
///
/// Each time is one event in the log, whatever the number of processes, and the function handles it: at least once, with
/// the handler's retries, dead letters and history.
///
/// ```text
/// let report = Periodic::cron("0 3 * * *", "Europe/Rome")
///     .misfire(Misfire::Skip)
///     .run("report", |firing, cx| async move { … Ok(()) })
///     .timeout(Duration::from_secs(600));
/// let bus = EventBus::builder(&db).handler(report).start().await?;
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing runs until it is given a function and the handler is added to a bus"]
pub struct Periodic {
    times: Result<Times, String>,
    misfire: Misfire,
    tolerance: Duration,
    overlap: Option<Overlap>,
}

/// The plan of a handler that is a periodic schedule.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    pub(crate) times: Times,
    pub(crate) misfire: Misfire,
    pub(crate) tolerance_millis: i64,
    pub(crate) overlap: Overlap,
}

impl Periodic {
    /// Every so long, counted from the moment at which a bus first knew the schedule; a restart does not move it, another
    /// duration begins anew. The first run comes when the time has passed once. At least a millisecond: a bus does not start
    /// with less.
    pub fn every(time: Duration) -> Self {
        Self::of(Times::every(time))
    }

    /// By a cron pattern of five fields, or six with seconds first, on the clocks of a time zone of the tz database.
    ///
    /// Where the clocks leave out a fixed time, it runs right behind the gap; where they show it twice, at the first.
    /// A pattern that steps (`*/15`, `*`) follows the clocks: it leaves out what they leave out and runs twice in an
    /// hour that comes twice.
    pub fn cron(pattern: &str, zone: &str) -> Self {
        Self::of(Times::cron(pattern, zone))
    }

    fn of(times: Result<Times, String>) -> Self {
        Self { times, misfire: Misfire::default(), tolerance: TOLERANCE, overlap: None }
    }

    /// What becomes of times that passed while nothing ran; [`Misfire::Once`] unless set.
    pub fn misfire(mut self, misfire: Misfire) -> Self {
        self.misfire = misfire;
        self
    }

    /// How late a time may be reached and still count for [`Misfire::Skip`]; a minute unless set.
    pub fn tolerance(mut self, time: Duration) -> Self {
        self.tolerance = time;
        self
    }

    /// What becomes of a time at which the run before is not done; [`Overlap::Skip`] unless set, or [`Overlap::Queue`]
    /// with [`Misfire::All`].
    pub fn overlap(mut self, overlap: Overlap) -> Self {
        self.overlap = Some(overlap);
        self
    }

    /// The handler that runs a function at each time. Its id is the schedule's: lower-case words joined by dots or `::`.
    #[must_use]
    pub fn run<F, Fut>(self, id: impl Into<String>, run: F) -> Handler
    where
        F: Fn(Firing, EventContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Handled> + Send + 'static,
    {
        self.plan(Handler::new(id, run))
    }

    /// As [`Periodic::run`], with writes that are committed with the progress: their effects happen once for each time.
    #[must_use]
    pub fn run_transactional<F>(self, id: impl Into<String>, run: F) -> Handler
    where
        F: for<'a> Fn(Firing, &'a TransactionContext) -> BoxFuture<'a, Handled> + Send + Sync + 'static,
    {
        self.plan(Handler::transactional(id, run))
    }

    /// As [`Periodic::run`], for generated code.
    #[doc(hidden)]
    #[must_use]
    pub fn each_lent<F>(self, id: &str, run: F) -> Handler
    where
        F: for<'a> Fn(&'a Firing, &'a EventContext) -> BoxFuture<'a, Handled> + Copy + Send + Sync + 'static,
    {
        self.run(id, move |firing: Firing, cx: EventContext| async move { run(&firing, &cx).await })
    }

    /// As [`Periodic::run_transactional`], for generated code.
    #[doc(hidden)]
    #[must_use]
    pub fn transactional_lent<F>(self, id: &str, run: F) -> Handler
    where
        F: for<'a> Fn(&'a Firing, &'a TransactionContext) -> BoxFuture<'a, Handled> + Copy + Send + Sync + 'static,
    {
        self.run_transactional(id, move |firing: Firing, cx: &TransactionContext| {
            Box::pin(async move { run(&firing, cx).await })
        })
    }

    fn plan(self, handler: Handler) -> Handler {
        let queue = if self.misfire == Misfire::All { Overlap::Queue } else { Overlap::Skip };
        let (misfire, overlap) = (self.misfire, self.overlap.unwrap_or(queue));
        let tolerance_millis = i64::try_from(self.tolerance.as_millis()).unwrap_or(i64::MAX);
        let event_type = event_type(handler.id());
        // Its events are there only since the schedule is: none is missed between the first time and the handler's start.
        let mut handler = handler.on([&event_type]).start(Start::Beginning);
        let name = event_type.strip_prefix("schedule.").unwrap_or_default();
        if !is_dotted_name(&event_type) || super::RESERVED.contains(&name) {
            handler.problems.push(
                "as a periodic schedule it needs an id of lower-case words joined by dots or `::`, such as `nightly`"
                    .to_owned(),
            );
        }
        match self.times {
            Ok(times) => handler.plan = Some(Arc::new(Plan { times, misfire, tolerance_millis, overlap })),
            Err(problem) => handler.problems.push(problem),
        }
        handler
    }
}

/// The type of the events of a periodic schedule.
pub(crate) fn event_type(id: &str) -> String {
    format!("{TOPIC}.{}", id.replace("::", "."))
}

/// A time of a periodic schedule, as its function is told.
#[derive(Debug, Clone)]
pub struct Firing {
    schedule: String,
    planned_at: DateTime<Utc>,
    previous_at: Option<DateTime<Utc>>,
    event: Arc<RecordedEvent>,
}

impl Firing {
    /// The schedule's id.
    #[must_use]
    pub fn schedule(&self) -> &str {
        &self.schedule
    }

    /// The time that the plan names: the same over all attempts, whatever the clock shows now.
    #[must_use]
    pub fn planned_at(&self) -> DateTime<Utc> {
        self.planned_at
    }

    /// The planned time of the run before; `None` for the first.
    #[must_use]
    pub fn previous_at(&self) -> Option<DateTime<Utc>> {
        self.previous_at
    }

    /// The event in the log.
    #[must_use]
    pub fn recorded(&self) -> &RecordedEvent {
        &self.event
    }
}

impl FromEvent for Firing {
    fn pattern() -> Option<String> {
        Some(format!("{TOPIC}.**"))
    }

    fn from_event<'a>(event: &'a Arc<RecordedEvent>, _: &'a Database) -> BoxFuture<'a, Result<Self>> {
        Box::pin(async move {
            let wrong = || {
                let subject = format!("{} of {} at position {}", event.event_type, event.stream, event.position);
                Error::WrongEvent { subject, expected: "a time of a periodic schedule" }
            };
            let data = event.data()?;
            let time = |field| time_of(data, field).map_err(|_| wrong());
            Ok(Self {
                schedule: data.get_str("schedule").map_err(|_| wrong())?.to_owned(),
                planned_at: time("planned_at")?.ok_or_else(wrong)?,
                previous_at: time("previous_at")?,
                event: Arc::clone(event),
            })
        })
    }
}
