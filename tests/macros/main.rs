//! What the attribute macros generate, without a database.

mod embedded;
mod hooks;
mod models;
