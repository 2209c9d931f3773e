//! Typed queries: what matches, in which order, and what is made of it.

mod aggregate;
mod bulk;
mod field;
mod filter;
mod page;
mod projection;
mod select;

pub use aggregate::Grouped;
pub use bulk::{BulkFailure, BulkReport};
pub use field::{Field, Sort};
pub use filter::Filter;
pub use page::{Cursor, Page};
pub use projection::{Projection, Selected};
pub use select::Query;
