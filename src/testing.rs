//! What tests of programs need: a database in memory with a clock that stands still, assertions on what was recorded,
//! given/when/then for sourced models, and faults around handlers. With the feature `testing`.
//!
//! ```
//! use std::time::Duration;
//!
//! use earnorm::prelude::*;
//! use earnorm::testing::{self, recorded};
//!
//! #[model]
//! #[derive(Debug, Clone)]
//! struct Reader {
//!     #[model(id)]
//!     id: i64,
//!     name: String,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
//! let db = testing::database().model::<Reader>().connect().await?;
//! let mut reader = db.create(Reader { id: 1, name: "Ada".into() }).await?;
//! db.clock().advance(Duration::from_secs(3_600));
//! reader.name = "Ada Lovelace".into();
//! reader.save(&*db).await?;
//!
//! let events = recorded(&db).await?;
//! events.assert_types(["reader.created", "reader.updated"]);
//! let updated = &events.of_type("*.updated")[0];
//! assert_eq!(updated.recorded_at - events[0].recorded_at, chrono::TimeDelta::hours(1));
//! # Ok(()) }
//! # use earnorm::chrono;
//! ```

mod clock;
mod database;
mod recorded;
mod scenario;

pub use clock::Clock;
pub use database::{DatabaseBuilder, TestDatabase, database};
pub use earnorm_events::Faults;
pub use recorded::{Expected, Recordings, assert_recorded, recorded};
pub use scenario::{Given, When, given};

/// A list of expected events: each a struct with `#[event]` above it.
///
/// ```
/// # use earnorm::prelude::*;
/// # #[event] #[derive(Debug, Clone)] struct Placed { customer: String }
/// # #[event] #[derive(Debug, Clone)] struct Closed;
/// let expected = earnorm::testing::events![Placed { customer: "ada".into() }, Closed];
/// assert_eq!(expected.len(), 2);
/// ```
#[doc(inline)]
pub use crate::__testing_events as events;

#[doc(hidden)]
#[macro_export]
macro_rules! __testing_events {
    ($($event:expr),* $(,)?) => {
        ::std::vec![$($crate::testing::Expected::event(&$event)),*]
    };
}
