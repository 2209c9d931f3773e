//! What each fuzz target checks: one function a target, over any bytes. A panic is a finding.
//!
//! The tests of the workspace contain this code too, and run it on made inputs and on those in `seeds/`.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

mod cron;
mod event;
mod extjson;
mod filter;
mod import;
pub mod made;
mod model;
mod pattern;
mod upcast;

pub use self::cron::cron;
pub use self::event::event_decode;
pub use self::extjson::extjson;
pub use self::filter::filter;
pub use self::import::import;
pub use self::pattern::pattern;
pub use self::upcast::upcast;

/// Waits on this thread.
fn wait<T>(until: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    }
    RUNTIME.with(|runtime| runtime.block_on(until))
}
