//! Typed queries.

mod field;
mod filter;

pub use field::{Field, Sort};
pub use filter::Filter;
