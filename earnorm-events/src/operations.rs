//! Operations on handlers and dead letters: they need only a database, since another process than the one that runs the
//! handlers may ask for them.
//!
//! Each is one commit that compares the handler's checkpoint, and changes its note, so that whoever runs the handler
//! reads its records again.

mod commit;
mod forget;
mod handlers;
mod health;
mod letters;
mod nodes;
mod requeue;
mod status;

use earnorm_core::Error;
use earnorm_core::database::Database;

pub use handlers::{HandlerInfo, Handlers};
pub use health::{Finding, HandlerHealth, Health, Severity};
pub use letters::{DeadLetter, DeadLetters, LetterFilter, ShownLetter};
pub use status::{EventKey, EventStatus, HandlerStatus};

pub(crate) use health::HealthOf;
pub(crate) use nodes::{NodeInfo, nodes};

/// Operations on the handlers of a [`Database`], whoever runs them.
pub trait Operate {
    /// The handlers that the store knows: list, pause, resume, replay, forget.
    fn handlers(&self) -> Handlers;

    /// The events that handlers have given up: list, show, requeue, edit, discard.
    fn dead_letters(&self) -> DeadLetters;
}

impl Operate for Database {
    fn handlers(&self) -> Handlers {
        Handlers::new(self.clone())
    }

    fn dead_letters(&self) -> DeadLetters {
        DeadLetters::new(self.clone())
    }
}

/// The error for a handler that the store does not know.
fn unknown(name: &str) -> Error {
    Error::InvalidName { what: "handler", name: name.to_owned(), hint: "list the handlers, and name an id or a group" }
}

fn refused(what: impl Into<String>, reason: impl Into<String>) -> Error {
    Error::Refused { what: what.into(), reason: reason.into() }
}
