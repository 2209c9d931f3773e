//! The vocabulary of EarnORM: models, events, commits, hooks, filters, and the port that stores implement.
//!
//! Users depend on the façade `earnorm`, which re-exports what they need; this crate's own paths may change between
//! minor versions. It does no I/O.
#![forbid(unsafe_code)]

pub mod aggregate;
pub mod backend;
pub mod commit;
pub mod database;
pub mod diff;
pub mod entity;
pub mod error;
pub mod event;
pub mod extjson;
pub mod fold;
pub mod history;
pub mod hook;
pub mod limits;
mod load;
pub mod log;
pub mod metadata;
pub mod model;
pub mod pattern;
pub mod personal;
pub mod ports;
pub mod position;
pub mod predicate;
pub mod query;
pub mod reader;
pub mod regex;
pub mod registry;
pub mod replay;
mod retry;
pub mod save;
pub mod schema;
pub mod shape;
pub mod snapshot;
pub mod store;
pub mod stream;
pub mod telemetry;
pub mod transfer;
pub mod unit;
pub mod upcast;
pub mod validation;
pub mod value;

#[doc(hidden)]
pub mod __private;

pub use error::{Error, Result};
