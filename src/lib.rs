//! EarnORM: an event-sourced object-document mapper on MongoDB.
#![forbid(unsafe_code)]

// Lets the macros' `::earnorm` paths work inside this crate too.
extern crate self as earnorm;

pub use earnorm_core::{
    Error, Result, commit, error, event, hook, limits, metadata, model, pattern, ports, position, predicate, query,
    save, schema, store, stream, validation, value,
};
#[cfg(feature = "macros")]
pub use earnorm_macros::*;

#[doc(hidden)]
pub use earnorm_core::__private;

/// What most programs need: `use earnorm::prelude::*;`.
pub mod prelude {
    #[doc(no_inline)]
    pub use crate::{
        Error, Result,
        error::Applied,
        event::Event,
        hook::Abort,
        metadata::Metadata,
        model::Model,
        query::Filter,
        save::{PostContext, PreContext},
        validation::{ValidationError, ValidationErrors},
    };
    #[cfg(feature = "macros")]
    #[doc(no_inline)]
    pub use earnorm_macros::*;

    #[doc(no_inline)]
    pub use bson::oid::ObjectId;
    #[doc(no_inline)]
    pub use chrono::{DateTime, Utc};
    #[doc(no_inline)]
    pub use uuid::Uuid;
}
