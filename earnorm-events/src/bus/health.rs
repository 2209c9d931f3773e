//! Whether a bus is alive and keeps up.

use std::time::Duration;

use super::{EventBus, Here, Place, ShownHandler};
use crate::operations::{Health, HealthOf, Severity};

impl EventBus {
    /// Whether this bus is alive and ready, with what is wrong with it and with every handler that the store knows.
    ///
    /// It is alive while it looks at the store in time, even in vain; ready when the store answers and no reason is a
    /// problem. It never fails: a store that is out of reach is a reason.
    pub async fn health(&self) -> Health {
        let mut health = self.handlers().health().await;
        let shown = self.inner.shown.borrow().clone();
        let stopped = *self.inner.stop.borrow() || self.inner.requests.is_closed();
        if stopped {
            health.live = false;
            health.add("bus", Severity::Problem, "it has stopped: start another one");
        }
        let since = shown.looked.elapsed();
        if !stopped && since > self.inner.lease {
            health.live = false;
            let reason = format!("it has not looked at the store for {since:.0?}: is a thread of the program blocked?");
            health.add("bus", Severity::Problem, reason);
        }
        if let Some(trouble) = shown.trouble {
            health.add("store", Severity::Problem, format!("the bus could not look at it: {trouble}"));
        }
        for handler in &shown.handlers {
            handler.health(&mut health);
        }
        health.judged()
    }
}

impl ShownHandler {
    fn health(&self, health: &mut Health) {
        let id = self.handler.id();
        if let Some(error) = &self.failed {
            health.add(HealthOf(id), Severity::Problem, format!("its runner ended and begins again: {error}"));
        }
        let Place::Here(Here { seen, attempts, .. }) = &self.place else { return };
        if seen.borrow().open {
            health.add(HealthOf(id), Severity::Warning, "everything fails: it tries one event at a time, with rests");
        }
        // A time-out ends every attempt that lets go of its thread.
        let late = |oldest: &Duration| *oldest > self.handler.timeout + Duration::from_secs(1);
        if let Some(oldest) = attempts.oldest().filter(late) {
            let reason = format!("an attempt has been running for {oldest:.0?}, over its time: it blocks its thread");
            health.add(HealthOf(id), Severity::Problem, reason);
        }
    }
}
