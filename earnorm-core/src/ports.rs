//! Time and ids, as ports: tests own the clock.

use std::fmt::Debug;

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Where time comes from.
pub trait Clock: Debug + Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> DateTime<Utc>;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// Where ids of events and commits come from.
pub trait Ids: Debug + Send + Sync + 'static {
    /// A new id, unique everywhere.
    fn next(&self) -> Uuid;
}

/// UUIDs of version 7.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomIds;

impl Ids for RandomIds {
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }
}
