//! What the attribute macros generate, without a database.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod embedded;
mod handlers;
mod hooks;
mod models;
