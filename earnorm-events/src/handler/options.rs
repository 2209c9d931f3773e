//! What a handler was told, for lists and tests.

use std::time::Duration;

use super::{Breaker, Call, Handler, OnDead, Rate, Start};
use crate::retry::RetryPolicy;

/// What a handler was told.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq)]
pub struct HandlerOptions {
    pub patterns: Vec<String>,
    pub except: Vec<String>,
    pub conditions: usize,
    pub start: Start,
    pub retry: RetryPolicy,
    pub timeout: Duration,
    pub concurrency: usize,
    pub on_dead: OnDead,
    pub parked_max: usize,
    pub priority: i32,
    pub group: Option<String>,
    pub after: Vec<String>,
    pub rate: Option<Rate>,
    pub breaker: Option<Breaker>,
    pub may_cycle: bool,
    pub transactional: bool,
    pub batch: Option<(usize, Duration)>,
    pub place: &'static str,
    pub problems: Vec<String>,
}

impl Handler {
    /// What it was told.
    #[doc(hidden)]
    #[must_use]
    pub fn options(&self) -> HandlerOptions {
        let texts =
            |patterns: &[earnorm_core::pattern::EventPattern]| patterns.iter().map(ToString::to_string).collect();
        HandlerOptions {
            patterns: texts(&self.patterns),
            except: texts(&self.except),
            conditions: self.conditions.len(),
            start: self.start,
            retry: self.retry.clone(),
            timeout: self.timeout,
            concurrency: self.concurrency,
            on_dead: self.on_dead,
            parked_max: self.parked_max,
            priority: self.priority,
            group: self.group.clone(),
            after: self.after.clone(),
            rate: self.rate,
            breaker: self.breaker,
            may_cycle: self.may_cycle,
            transactional: self.call.is_transactional(),
            batch: match &self.call {
                Call::Batch { max, wait, .. } => Some((*max, *wait)),
                Call::Each(_) | Call::Transactional(_) | Call::Fold(_) => None,
            },
            place: self.place,
            problems: self.problems.clone(),
        }
    }
}
