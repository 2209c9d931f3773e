//! The lifecycle of a write.

mod context;

pub use context::{PostContext, PreContext};
