//! Handlers: what reacts to which events, and how.

mod argument;
mod call;
mod generated;
mod on_model;
mod options;
mod policy;
mod registration;
mod when;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use earnorm_core::event::RecordedEvent;
use earnorm_core::pattern::EventPattern;
use earnorm_core::{Error, Result};

use crate::context::{EventContext, TransactionContext};
use crate::failure::{Handled, HandlerError};
use crate::recorded::FromEvent;
use crate::retry::RetryPolicy;
use crate::schedule::Plan;

pub use argument::{BatchArg, BatchOutcome, BatchOwned, EventArg, HandlerOutcome, LifecycleOutcome};
pub(crate) use call::{Batch, Broken, Call, caught};
pub use on_model::{OnEvent, OnModel};
pub use options::HandlerOptions;
pub use policy::{Breaker, OnDead, Rate, Start};
pub use registration::HandlerRegistration;

/// What reacts to events: its identity, the events it takes, what it does, and how it is run.
///
/// Its progress is kept under its id, of 1 to 128 bytes without `/` and NUL: a new id starts anew, and a handler whose id
/// is gone from the program keeps its place until it is forgotten ([`crate::Handlers::forget`]). What is wrong with a
/// handler is said when it is given to a bus ([`crate::EventBusBuilder::start`], [`crate::EventBus::add`]).
///
/// An attempt is a future that is dropped when its time is over ([`Handler::timeout`]), when the bus stops and the grace is
/// over, and when the bus is dropped; the last two are no attempts, and the event comes again.
///
/// ```text
/// let mail = Handler::new("welcome-mail", |user: Recorded<Created<User>>, cx| async move { … Ok(()) })
///     .retry(RetryPolicy::fast())
///     .timeout(Duration::from_secs(10))
///     .rate(Rate::new(100, Duration::from_secs(60)));
/// let bus = EventBus::builder(&db).handler(mail).start().await?;
/// ```
#[derive(Clone)]
pub struct Handler {
    pub(crate) id: Arc<str>,
    pub(crate) patterns: Vec<EventPattern>,
    pub(crate) except: Vec<EventPattern>,
    pub(crate) conditions: Vec<Condition>,
    /// Whether its function looks at an event first, and may let it be.
    pub(crate) chooses: bool,
    pub(crate) start: Start,
    pub(crate) retry: RetryPolicy,
    pub(crate) timeout: Duration,
    pub(crate) concurrency: usize,
    pub(crate) on_dead: OnDead,
    pub(crate) parked_max: usize,
    pub(crate) priority: i32,
    pub(crate) group: Option<String>,
    pub(crate) after: Vec<String>,
    pub(crate) rate: Option<Rate>,
    pub(crate) breaker: Option<Breaker>,
    pub(crate) may_cycle: bool,
    pub(crate) call: Call,
    /// When it runs, for a periodic schedule.
    pub(crate) plan: Option<Arc<Plan>>,
    pub(crate) place: &'static str,
    pub(crate) problems: Vec<String>,
    own: Option<Own>,
}

/// The model whose handler it is.
#[derive(Debug, Clone, Copy)]
struct Own {
    name: &'static str,
    /// Whether it says by itself which instance an event means.
    keyed: bool,
}

/// A condition on an event.
pub(crate) type Condition = Arc<dyn Fn(&RecordedEvent) -> bool + Send + Sync>;

/// How long an attempt may take unless the handler says otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How many streams are handled at once unless the handler says otherwise.
const CONCURRENCY: usize = 16;
/// How many parked streams pause a handler unless it says otherwise.
const PARKED_MAX: usize = 1_000;

impl Handler {
    /// A handler that runs at least once for each event, several streams at once, one event of a stream after the
    /// other.
    ///
    /// Without [`Handler::on`] it takes the events that `T` can be made of. An event that cannot be read as `T` is a dead
    /// letter at once, as [`HandlerError::Fatal`].
    pub fn new<T, F, Fut>(id: impl Into<String>, handle: F) -> Self
    where
        T: FromEvent,
        F: Fn(T, EventContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Handled> + Send + 'static,
    {
        Self::of(id.into(), Call::each(handle), T::pattern())
    }

    /// A handler whose writes, raised events and progress are one commit: its effects happen once. One event after the
    /// other, in the order of the log; a stream that waits for a retry is passed over.
    ///
    /// What it writes goes through its context. Where someone else changed the same instances meanwhile, it runs again at
    /// once, up to 8 times, before that counts as a failed attempt. Its progress is a commit for each event, so it is
    /// slower than others. Side effects outside the database may still happen twice.
    pub fn transactional<T, F>(id: impl Into<String>, handle: F) -> Self
    where
        T: FromEvent,
        F: for<'a> Fn(T, &'a TransactionContext) -> earnorm_core::hook::BoxFuture<'a, Handled> + Send + Sync + 'static,
    {
        let handler = Self::of(id.into(), Call::transactional(handle), T::pattern());
        Self { on_dead: OnDead::Park, concurrency: 1, ..handler }
    }

    /// A handler that takes several events at once, of any streams, and answers for each of them.
    ///
    /// At most `max` events (at least 1), or those that came within `wait` of the first; those of one stream by version.
    /// It answers in the order in which it got them; an event without an answer is a dead letter. What failed comes again
    /// in a batch of its own. A panic or time-out is a failed attempt of all.
    pub fn batch<T, F, Fut>(id: impl Into<String>, max: usize, wait: Duration, handle: F) -> Self
    where
        T: FromEvent,
        F: Fn(Vec<T>, EventContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Vec<Handled>> + Send + 'static,
    {
        Self::of(id.into(), Call::batch(max.max(1), wait, handle), T::pattern())
    }

    fn of(id: String, call: Call, pattern: Option<String>) -> Self {
        let mut handler = Self {
            id: id.into(),
            patterns: Vec::new(),
            except: Vec::new(),
            conditions: Vec::new(),
            chooses: false,
            start: Start::End,
            retry: RetryPolicy::default(),
            timeout: TIMEOUT,
            concurrency: CONCURRENCY,
            on_dead: OnDead::Continue,
            parked_max: PARKED_MAX,
            priority: 0,
            group: None,
            after: Vec::new(),
            rate: None,
            breaker: None,
            may_cycle: false,
            call,
            plan: None,
            place: "",
            problems: Vec::new(),
            own: None,
        };
        if let Some(pattern) = pattern {
            handler.patterns = handler.read(&pattern).into_iter().collect();
        }
        handler
    }

    /// A projection, which its own runner runs.
    pub(crate) fn folding(id: String, call: Call, patterns: &[String]) -> Self {
        Self::of(id, call, None).on(patterns)
    }

    fn read(&mut self, pattern: &str) -> Option<EventPattern> {
        let pattern = match self.own {
            Some(own) if !pattern.contains('.') => format!("{}.{pattern}", own.name),
            Some(own) if !own.keyed && pattern.split('.').next() != Some(own.name) => {
                let name = own.name;
                self.problems.push(format!("`{pattern}` is no event of `{name}`: write `{name}.…` or one word, or say with a key which instance is meant"));
                return None;
            }
            _ => pattern.to_owned(),
        };
        EventPattern::new(&pattern).map_err(|error| self.problems.push(error.to_string())).ok()
    }

    /// The events that it takes, by their types: `user.*` (one word), `**.created` (any words). It replaces the pattern
    /// that its type of event has, and what a call before named. A pattern that is not valid keeps the bus from starting;
    /// one that no known event matches is warned of, with the nearest names.
    #[must_use]
    pub fn on<P: AsRef<str>>(mut self, patterns: impl IntoIterator<Item = P>) -> Self {
        let read: Vec<_> = patterns.into_iter().filter_map(|pattern| self.read(pattern.as_ref())).collect();
        self.patterns = read;
        self
    }

    /// Patterns of types that it does not take though they match; calls add up.
    #[must_use]
    pub fn except<P: AsRef<str>>(mut self, patterns: impl IntoIterator<Item = P>) -> Self {
        let read: Vec<_> = patterns.into_iter().filter_map(|pattern| self.read(pattern.as_ref())).collect();
        self.except.extend(read);
        self
    }

    /// Takes an event only where this holds of it; several must all hold. It is asked more than once for an event, so it
    /// must be quick and answer alike. Where it panics, that is a failed attempt. An event that it leaves counts as handled.
    #[must_use]
    pub fn when(mut self, condition: impl Fn(&RecordedEvent) -> bool + Send + Sync + 'static) -> Self {
        self.conditions.push(Arc::new(condition));
        self
    }

    /// Where it begins at its first start, on whatever process; at the end of the log unless set. From then on it goes on
    /// where it was: to handle the past again, see [`crate::Handlers::replay`].
    #[must_use]
    pub fn start(mut self, start: Start) -> Self {
        self.start = start;
        self
    }

    /// When a failed event is tried again, and how often; [`RetryPolicy::standard`] unless set: 10 attempts over some hours.
    /// Meanwhile its stream waits, over restarts too, and others go on.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// How long an attempt may take; 30 seconds unless set. When that is over it is a failed attempt, and its future is
    /// dropped at its next await. One that never awaits cannot be ended: the bus's health names it. Waiting for a turn,
    /// for the rate or for other handlers does not count.
    #[must_use]
    pub fn timeout(mut self, time: Duration) -> Self {
        self.timeout = time;
        self
    }

    /// How many streams are handled at once, or batches; 16 unless set, at least 1; 1 and not to be changed for
    /// transactional ones. All handlers of a process together stay below [`crate::EventBusBuilder::at_once`].
    #[must_use]
    pub fn concurrency(mut self, streams: usize) -> Self {
        if !self.call.is_transactional() {
            self.concurrency = streams.max(1);
        }
        self
    }

    /// What becomes of a stream behind an event that is dead; transactional handlers park unless set, others continue.
    #[must_use]
    pub fn on_dead(mut self, what: OnDead) -> Self {
        self.on_dead = what;
        self
    }

    /// More parked streams than this pause the handler until a person resumes it, and its health is a problem; 1,000
    /// unless set, at least 1. Streams that wait for a retry count too.
    #[must_use]
    pub fn parked_max(mut self, streams: usize) -> Self {
        self.parked_max = streams.max(1);
        self
    }

    /// Among handlers of a process that wait for their turn, higher goes first, then first come, first served; 0 unless
    /// set. It matters while more events are on their way than [`crate::EventBusBuilder::at_once`].
    #[must_use]
    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// The group it belongs to: groups are paused, resumed and listed together.
    #[must_use]
    pub fn group(mut self, name: impl Into<String>) -> Self {
        self.group = Some(name.into());
        self
    }

    /// Takes an event only when that other handler, by its id, is done with it: handled, passed over, or given up where it
    /// goes on after a dead letter. Calls add up. While the other has the event's stream parked, this one has it parked too,
    /// and goes on with other streams; where the other is paused or never runs, it waits for good. It looks four times a
    /// second.
    #[must_use]
    pub fn after(mut self, handler: impl Into<String>) -> Self {
        self.after.push(handler.into());
        self
    }

    /// At most so many attempts in a time, evenly spread, retries included; a batch is one. No limit unless set.
    #[must_use]
    pub fn rate(mut self, rate: Rate) -> Self {
        self.rate = Some(rate);
        self
    }

    /// Stops trying while everything fails, and probes with one event at a time: see [`Breaker::new`]. None unless set.
    #[must_use]
    pub fn breaker(mut self, breaker: Breaker) -> Self {
        self.breaker = Some(breaker);
        self
    }

    /// Lets it handle events that it caused itself on the same stream, directly or through others; otherwise such an event
    /// is a dead letter that shows the chain. It must see to it that this ends; a chain of 16 handlers ends as a dead
    /// letter in any case.
    #[must_use]
    pub fn may_cycle(mut self) -> Self {
        self.may_cycle = true;
        self
    }

    /// Where it is written, for lists; for generated code.
    #[doc(hidden)]
    #[must_use]
    pub fn written_at(mut self, place: &'static str) -> Self {
        self.place = place;
        self
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether it takes this event.
    pub(crate) fn takes(&self, event: &RecordedEvent) -> bool {
        let matches = |pattern: &EventPattern| pattern.matches(&event.event_type);
        self.patterns.iter().any(matches)
            && !self.except.iter().any(matches)
            // One that panics does so again in the attempt, which deals with it.
            && catch_unwind(AssertUnwindSafe(|| self.wants(event))).unwrap_or(true)
    }

    /// Whether all its conditions hold of an event.
    pub(crate) fn wants(&self, event: &RecordedEvent) -> bool {
        self.conditions.iter().all(|condition| condition(event))
    }

    /// Whether it may pass over an event that its patterns match.
    pub(crate) fn is_conditional(&self) -> bool {
        !self.conditions.is_empty() || self.chooses || self.own.is_some_and(|own| own.keyed)
    }

    /// Refuses what cannot work.
    pub(crate) fn check(&self) -> Result<()> {
        let refuse = |problem: String| Err(Error::Registry(format!("handler `{}`: {problem}", self.id)));
        if let Some(problem) = self.problems.first() {
            return refuse(problem.clone());
        }
        if self.id.is_empty() || self.id.len() > 128 || self.id.contains(['\0', '/']) {
            return refuse("its id must have 1 to 128 bytes without `/` and NUL".to_owned());
        }
        if self.id.starts_with("earnorm:") {
            return refuse("ids that begin with `earnorm:` are the library's own: choose another".to_owned());
        }
        if self.patterns.is_empty() {
            return refuse("it takes no events: name patterns with `on([\"user.*\"])`".to_owned());
        }
        if self.after.iter().any(|other| **other == *self.id) {
            return refuse("it waits for itself".to_owned());
        }
        Ok(())
    }
}

impl std::fmt::Debug for Handler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handler").field("id", &self.id).field("patterns", &self.patterns).finish_non_exhaustive()
    }
}

/// The error of an event that cannot be made what the handler takes.
pub(crate) fn unreadable(error: Error) -> HandlerError {
    HandlerError::from(error)
}
