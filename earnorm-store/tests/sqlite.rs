//! The store in one file: what becomes of it when processes die, disks fill up and others have it open.
#![cfg(all(feature = "sqlite", feature = "conformance"))]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "this is test code: what does not hold is a panic that names it"
)]

#[path = "sqlite/support.rs"]
mod support;

#[path = "sqlite/commits.rs"]
mod commits;
#[path = "sqlite/crashes.rs"]
mod crashes;
#[path = "sqlite/errors.rs"]
mod errors;
#[path = "sqlite/files.rs"]
mod files;
#[path = "sqlite/processes.rs"]
mod processes;
#[path = "sqlite/reading.rs"]
mod reading;
