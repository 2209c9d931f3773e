//! What an upcaster may return.

use std::fmt;

use crate::error::BoxError;

/// Why an upcaster cannot change what was stored. Every error, and text, turns into one with `?` or `.into()`.
pub struct UpcastError(BoxError);

impl fmt::Debug for UpcastError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UpcastError").field(&self.0).finish()
    }
}

impl fmt::Display for UpcastError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<E: Into<BoxError>> From<E> for UpcastError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

/// What an upcaster may return: nothing, or a `Result` whose error turns into [`UpcastError`].
#[diagnostic::on_unimplemented(
    message = "an upcaster must return nothing or `Result<(), UpcastError>`, not `{Self}`",
    label = "not an upcaster's outcome"
)]
pub trait UpcastOutcome {
    /// The outcome as the library reads it.
    ///
    /// # Errors
    /// What the upcaster answered.
    fn into_outcome(self) -> Result<(), UpcastError>;
}

impl UpcastOutcome for () {
    fn into_outcome(self) -> Result<(), UpcastError> {
        Ok(())
    }
}

impl<E: Into<UpcastError>> UpcastOutcome for Result<(), E> {
    fn into_outcome(self) -> Result<(), UpcastError> {
        self.map_err(Into::into)
    }
}
