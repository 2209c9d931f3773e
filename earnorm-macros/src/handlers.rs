//! Handlers of events on free functions and on methods, and what runs at startup and shutdown: parse → check → expand.

mod expand;
mod free;
mod lifecycle;
pub(crate) mod literals;
mod method;
pub(crate) mod options;
pub(crate) mod signature;

pub(crate) use expand::at;
pub(crate) use free::expand as expand_free;
pub(crate) use lifecycle::{When, expand as expand_lifecycle};
pub(crate) use method::{MethodIr, misplaced};

/// The markers of this module, by their names.
pub(crate) const METHOD: &str = "on_event";
pub(crate) const FREE: [&str; 3] = ["event_handler", "on_startup", "on_shutdown"];
