//! What generated code submits to `inventory`.

use super::Handler;

/// A handler that is linked into the program.
#[derive(Debug, Clone, Copy)]
pub struct HandlerRegistration {
    make: fn() -> Handler,
}

impl HandlerRegistration {
    /// The registration of the handler that `make` makes.
    #[must_use]
    pub const fn new(make: fn() -> Handler) -> Self {
        Self { make }
    }

    /// Every handler that is linked into the program, in the order of their ids.
    #[must_use]
    pub fn collected() -> Vec<Handler> {
        let mut handlers: Vec<_> = inventory::iter::<Self>.into_iter().map(|one| (one.make)()).collect();
        handlers.sort_by(|a, b| a.id.cmp(&b.id));
        handlers
    }
}

inventory::collect!(HandlerRegistration);
