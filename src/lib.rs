//! EarnORM: an event-sourced object-document mapper on MongoDB.
//!
//! Plain structs with lifecycle hooks; every save appends events to an append-only log and updates the current-state
//! document in the same atomic commit; any state can be rebuilt from the log as of any version or moment.
#![forbid(unsafe_code)]

// Lets the macros' `::earnorm` paths work inside this crate too.
extern crate self as earnorm;

#[doc(no_inline)]
pub use earnorm_core::{
    Error, Result, database::Database, entity::Entity, registry::Registry, save::Receipt, unit::UnitOfWork,
};
pub use earnorm_core::{
    aggregate, backend, commit, database, diff, entity, error, event, fold, history, hook, limits, log, metadata,
    model, pattern, personal, ports, position, predicate, query, reader, regex, registry, replay, save, schema, shape,
    snapshot, store, stream, telemetry, transfer, unit, upcast, validation, value,
};
/// What follows the log after the commit.
pub use earnorm_events as events;
#[cfg(feature = "macros")]
pub use earnorm_macros::{
    apply, event, event_handler, model, on_event, on_shutdown, on_startup, periodic, post_create, post_delete,
    post_load, post_save, post_update, pre_create, pre_delete, pre_save, pre_update, projection, upcast, validate,
};
/// The stores.
pub use earnorm_store as stores;

#[doc(hidden)]
#[path = "lock_file.rs"]
pub mod __lock_file;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "testing")]
pub mod testing;

// The types of other crates that stand in models and queries.
#[cfg(feature = "rust_decimal")]
pub use rust_decimal;
pub use {bson, chrono, uuid};

#[doc(hidden)]
pub mod __private {
    pub use earnorm_core::__private::*;
    pub use earnorm_events::__private::*;
}

/// Marks a crate of models, so that a program can link it by naming it.
///
/// A crate that nothing names is dropped by the linker without a word, and its models and hooks with it. In the crate of
/// the models:
///
/// ```
/// earnorm::marker!();
/// # fn main() {}
/// ```
///
/// and in the program: `Database::builder().models_of(models::EARNORM)`. `use models as _;` does the same.
#[macro_export]
macro_rules! marker {
    () => {
        /// Links this crate's models and hooks where it is named.
        pub const EARNORM: $crate::registry::CrateMarker = $crate::registry::CrateMarker::new(env!("CARGO_PKG_NAME"));
    };
}

/// A test that what is stored did not change unseen: fails, naming the field and the cure, when the models and events that
/// are linked into the test differ from the committed lock file. See [`shape`].
///
/// The path is relative to the directory of the package's Cargo.toml. With `EARNORM_UPDATE_LOCK=1` in the environment the
/// file is written instead, unless stored data could not be read any more. A registry may follow, for some models only.
///
/// Write it as a test of its own in `tests/`, with `use models as _;` where the models are in another crate: beside unit
/// tests, models that exist for tests would be locked too.
///
/// ```
/// use earnorm::prelude::*;
///
/// #[model]
/// #[derive(Debug, Clone)]
/// pub struct Berth {
///     #[model(id)]
///     pub id: i64,
///     pub length: f64,
/// }
///
/// // In `tests/shapes.rs`, below `#[test]`:
/// fn shapes_are_locked() {
///     earnorm::assert_shapes_locked!("earnorm.lock.json");
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! assert_shapes_locked {
    ($path:expr $(,)?) => {
        $crate::assert_shapes_locked!($path, $crate::Registry::collected())
    };
    ($path:expr, $registry:expr $(,)?) => {
        if let ::core::result::Result::Err(problem) =
            $crate::__lock_file::check(::core::env!("CARGO_MANIFEST_DIR"), $path, &$registry)
        {
            ::core::panic!("{problem}");
        }
    };
}

/// What most programs need: `use earnorm::prelude::*;`.
pub mod prelude {
    #[cfg(feature = "macros")]
    #[doc(no_inline)]
    pub use earnorm_macros::{
        apply, event, event_handler, model, on_event, on_shutdown, on_startup, periodic, post_create, post_delete,
        post_load, post_save, post_update, pre_create, pre_delete, pre_save, pre_update, projection, upcast, validate,
    };

    #[doc(no_inline)]
    pub use crate::{
        Database, Entity, Error, Receipt, Result, UnitOfWork,
        event::{Event, RecordedEvent},
        events::{
            Created, Deleted, EventContext, Firing, Follow, Handled, HandlerError, OnEvent, Operate, Projections,
            Recorded, TransactionContext, Updated, View,
        },
        hook::Abort,
        metadata::Metadata,
        model::Model,
        personal::Personal,
        query::Filter,
        save::{PostContext, PreContext},
        upcast::UpcastError,
        validation::{ValidationError, ValidationErrors},
    };

    #[doc(no_inline)]
    pub use bson::{Document, oid::ObjectId};
    #[doc(no_inline)]
    pub use chrono::{DateTime, Utc};
    #[cfg(feature = "rust_decimal")]
    #[doc(no_inline)]
    pub use rust_decimal::Decimal;
    #[doc(no_inline)]
    pub use uuid::Uuid;
}

/// Compiles and runs every block of the README.
#[cfg(all(doctest, feature = "memory", feature = "macros"))]
#[doc = include_str!("../README.md")]
mod readme {}
