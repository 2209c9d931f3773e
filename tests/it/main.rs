//! What users see, on every store: one module a part of the contract, each case once for each store.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[macro_use]
mod support;

mod bad_input;
mod benches;
mod bulk;
#[cfg(feature = "cli")]
mod cli;
mod concurrency;
mod conflicts;
mod entities;
mod fuzz;
mod handlers;
mod history;
mod hooks;
mod injection;
#[cfg(feature = "cli")]
mod leaks;
mod log;
mod machine;
mod oracle;
mod persistence;
mod personal;
mod queries;
mod registry;
mod replay;
mod snapshots;
mod soft_delete;
mod sourced;
mod subscriptions;
mod transfer;
mod units;
mod versioning;
