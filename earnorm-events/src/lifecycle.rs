//! What runs when a program's handlers start and stop.

use earnorm_core::database::Database;
use earnorm_core::error::BoxError;
use earnorm_core::hook::BoxFuture;

/// When a function of the program's life runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lifecycle {
    /// Before the first event is handled.
    Startup,
    /// After the last event was handled.
    Shutdown,
}

/// Runs a function of the program's life.
pub type LifecycleFn = for<'a> fn(&'a Database) -> BoxFuture<'a, Result<(), BoxError>>;

/// A function under `#[on_startup]` or `#[on_shutdown]` that is linked into the program.
#[derive(Debug, Clone, Copy)]
pub struct LifecycleRegistration {
    /// When it runs.
    pub when: Lifecycle,
    /// Where it is written: `module::path::function`.
    pub name: &'static str,
    /// Smaller numbers run first.
    pub order: i32,
    /// Runs it.
    pub run: LifecycleFn,
}

impl LifecycleRegistration {
    /// Every function for this moment that is linked into the program, by order, then by name.
    #[must_use]
    pub fn collected(when: Lifecycle) -> Vec<Self> {
        let mut found: Vec<_> = inventory::iter::<Self>.into_iter().filter(|one| one.when == when).copied().collect();
        found.sort_by_key(|one| (one.order, one.name));
        found
    }
}

inventory::collect!(LifecycleRegistration);
