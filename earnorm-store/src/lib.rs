//! The stores of EarnORM: what keeps the log and the state documents behind `earnorm_core::store::Store`.
//!
//! A backend is one folder behind one Cargo feature.
#![forbid(unsafe_code)]

#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(feature = "memory")]
mod documents;
#[cfg(any(feature = "memory", feature = "mongo"))]
mod import;
#[cfg(feature = "memory")]
pub mod memory;
#[cfg(feature = "mongo")]
pub mod mongo;
#[cfg(feature = "memory")]
mod page;
#[cfg(feature = "conformance")]
#[doc(hidden)]
pub mod sabotage;
#[cfg(any(feature = "memory", feature = "mongo"))]
mod upkeep;

#[cfg(feature = "memory")]
pub use memory::MemoryStore;
#[cfg(feature = "mongo")]
pub use mongo::MongoStore;
