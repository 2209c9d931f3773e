//! What the attribute macros generate, without a database.

mod hooks;
mod models;
