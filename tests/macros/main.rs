//! What the attribute macros generate; handlers are called on the memory store.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod embedded;
mod handlers;
mod hooks;
mod models;
mod periodic;
mod projections;
mod reactions;
