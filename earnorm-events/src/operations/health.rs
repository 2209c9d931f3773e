//! Whether handlers keep up, as far as the store tells.

use std::fmt;
use std::time::Duration;

use earnorm_core::Result;
use earnorm_core::pattern::EventPattern;
use earnorm_core::position::Position;
use earnorm_core::store::LogQuery;

use super::{HandlerInfo, Handlers};

pub use earnorm_core::store::{Finding, Severity};

/// How many events are read in search of the oldest that a handler takes.
const SEARCH: usize = 100;

/// Whether everything is well, and what is not.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Health {
    /// Whether the process does its work: where it does not, start it anew.
    pub live: bool,
    /// Whether the store answers and no reason is a problem.
    pub ready: bool,
    /// The end of the log; `None` when the store does not answer.
    pub log_end: Option<Position>,
    /// Every handler that the store knows.
    pub handlers: Vec<HandlerHealth>,
    /// What is not as it should be: what it is about, how much it matters, and what to do.
    pub reasons: Vec<Finding>,
}

/// How one handler keeps up.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct HandlerHealth {
    /// What the list says of it.
    pub info: HandlerInfo,
    /// How old the oldest event is that its place in the log is before; `None` when there is none. Parked streams do not
    /// count.
    pub oldest_pending: Option<Duration>,
}

/// The subject of a reason about one handler.
pub(crate) struct HealthOf<'a>(pub(crate) &'a str);

impl fmt::Display for HealthOf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "handler {}", self.0)
    }
}

impl Health {
    pub(crate) fn add(&mut self, subject: impl fmt::Display, severity: Severity, message: impl Into<String>) {
        self.reasons.push(Finding::new(subject.to_string(), severity, message));
    }

    /// What all reasons together say.
    pub(crate) fn judged(mut self) -> Self {
        let problem = self.reasons.iter().any(|reason| reason.severity == Severity::Problem);
        self.ready = self.live && self.log_end.is_some() && !problem;
        self
    }
}

impl Handlers {
    /// How every handler that the store knows keeps up, whoever runs it. It never fails: a store that is out of reach is
    /// a reason. A process that runs handlers asks `EventBus::health`, which knows more.
    pub async fn health(&self) -> Health {
        let mut health = Health { live: true, ready: false, log_end: None, handlers: Vec::new(), reasons: Vec::new() };
        if let Err(error) = self.look(&mut health).await {
            health.log_end = None;
            health.add("store", Severity::Problem, format!("it does not answer: {error}"));
        }
        health.judged()
    }

    async fn look(&self, health: &mut Health) -> Result<()> {
        let end = self.db.store().high_water().await?;
        for info in self.list().await? {
            let oldest_pending = self.oldest_pending(&info).await?;
            reasons(&info, oldest_pending, health);
            health.handlers.push(HandlerHealth { info, oldest_pending });
        }
        health.log_end = Some(end);
        Ok(())
    }

    /// How old the first event is that a handler takes and has not come to.
    async fn oldest_pending(&self, info: &HandlerInfo) -> Result<Option<Duration>> {
        let Some(mut after) = info.position.filter(|_| info.lag > 0) else { return Ok(None) };
        let read =
            |patterns: &[String]| patterns.iter().map(|text| EventPattern::new(text)).collect::<Result<Vec<_>>>();
        let (types, except) = (read(&info.patterns)?, read(&info.except)?);
        loop {
            let query = LogQuery { after, types: types.clone(), limit: SEARCH, ..LogQuery::default() };
            let page = self.db.store().read_log(query).await?;
            let pending = page.events.iter().find(|event| !except.iter().any(|not| not.matches(&event.event_type)));
            if let Some(event) = pending {
                return Ok(Some((self.db.now() - event.recorded_at).to_std().unwrap_or_default()));
            }
            match page.events.last() {
                Some(last) if page.more => after = last.position,
                _ => return Ok(None),
            }
        }
    }
}

/// What is not well with a handler.
fn reasons(info: &HandlerInfo, oldest_pending: Option<Duration>, health: &mut Health) {
    let of = HealthOf(&info.id);
    if let Some(pause) = &info.paused {
        let severity = if pause.by_itself { Severity::Problem } else { Severity::Warning };
        health.add(&of, severity, format!("it is paused: {}", pause.reason));
    }
    if !info.registered {
        let reason = "no running program has it: start one, or forget it, since the log cannot be truncated past it";
        health.add(&of, Severity::Warning, reason);
    } else if !info.running && info.paused.is_none() {
        let waits = oldest_pending.is_some();
        let severity = if waits { Severity::Problem } else { Severity::Warning };
        health.add(&of, severity, "no process runs it now: one takes it over when the lease of the last one is over");
    }
    if info.parked > 0 {
        health.add(&of, Severity::Warning, format!("{} of its streams wait for an event that failed", info.parked));
    }
    if info.dead_letters > 0 {
        health.add(&of, Severity::Warning, format!("{} dead letters: requeue or discard them", info.dead_letters));
    }
}
