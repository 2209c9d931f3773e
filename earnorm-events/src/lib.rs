//! What reacts to events after the commit: handlers, projections, schedules.
//!
//! Events are in the log from the first version on ([`earnorm_core::log`]); the crate holds the vocabulary that
//! handlers will match them with, so that programs can name it already.
#![forbid(unsafe_code)]

pub use earnorm_core::event::RecordedEvent;
pub use earnorm_core::pattern::EventPattern;
