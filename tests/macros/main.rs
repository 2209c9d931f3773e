//! What the attribute macros generate, without a database.

mod models;
