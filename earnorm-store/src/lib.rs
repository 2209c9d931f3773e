//! The stores of EarnORM: what keeps the log and the state documents behind `earnorm_core::store::Store`.
//!
//! A backend is one folder behind one Cargo feature.
#![forbid(unsafe_code)]

#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(any(feature = "memory", feature = "sqlite"))]
mod documents;
#[cfg(any(feature = "memory", feature = "mongo", feature = "sqlite"))]
mod import;
#[cfg(feature = "memory")]
pub mod memory;
#[cfg(feature = "mongo")]
pub mod mongo;
#[cfg(any(feature = "memory", feature = "mongo", feature = "sqlite"))]
mod names;
#[cfg(any(feature = "memory", feature = "sqlite"))]
mod page;
#[cfg(feature = "conformance")]
#[doc(hidden)]
pub mod sabotage;
#[cfg(feature = "sqlite")]
pub mod sqlite;
#[cfg(any(feature = "memory", feature = "mongo", feature = "sqlite"))]
mod upkeep;

#[cfg(feature = "memory")]
pub use memory::MemoryStore;
#[cfg(feature = "mongo")]
pub use mongo::MongoStore;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;
