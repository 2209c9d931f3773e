//! What hooks may return.

use std::fmt;

use crate::error::BoxError;
use crate::validation::{ValidationError, ValidationErrors};

/// A pre hook's refusal: nothing of the write happens.
///
/// Every error turns into one with `?`; a refusal without an error is `Abort::new("…")`.
pub struct Abort {
    pub(crate) message: String,
    pub(crate) source: Option<BoxError>,
}

impl Abort {
    /// Refuses with a message for the caller.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None }
    }
}

impl fmt::Debug for Abort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Abort").field(&self.message).finish()
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Abort {
    fn from(error: E) -> Self {
        Self { message: error.to_string(), source: Some(Box::new(error)) }
    }
}

/// What a `pre_*` hook may return: nothing, or a `Result` whose error turns into [`Abort`].
#[diagnostic::on_unimplemented(
    message = "a pre hook must return nothing or `Result<(), Abort>`, not `{Self}`",
    label = "not a hook's outcome"
)]
pub trait PreOutcome {
    /// The outcome as the library reads it.
    ///
    /// # Errors
    /// The refusal.
    fn into_outcome(self) -> Result<(), Abort>;
}

impl PreOutcome for () {
    fn into_outcome(self) -> Result<(), Abort> {
        Ok(())
    }
}

impl<E: Into<Abort>> PreOutcome for Result<(), E> {
    fn into_outcome(self) -> Result<(), Abort> {
        self.map_err(Into::into)
    }
}

/// What a `post_*` hook may return: nothing, or a `Result` with any error.
#[diagnostic::on_unimplemented(
    message = "a post hook must return nothing or a `Result<(), _>` with an error, not `{Self}`",
    label = "not a hook's outcome"
)]
pub trait PostOutcome {
    /// The outcome as the library reads it.
    ///
    /// # Errors
    /// The failure.
    fn into_outcome(self) -> Result<(), BoxError>;
}

impl PostOutcome for () {
    fn into_outcome(self) -> Result<(), BoxError> {
        Ok(())
    }
}

impl<E: Into<BoxError>> PostOutcome for Result<(), E> {
    fn into_outcome(self) -> Result<(), BoxError> {
        self.map_err(Into::into)
    }
}

/// What a `validate` method may return: nothing wrong, one broken rule, or all of them.
#[diagnostic::on_unimplemented(
    message = "a `#[validate]` method must return `Result<(), ValidationError>` or `Result<(), ValidationErrors>`, not `{Self}`",
    label = "not a validation's outcome"
)]
pub trait ValidateOutcome {
    /// The outcome as the library reads it.
    ///
    /// # Errors
    /// The broken rules.
    fn into_outcome(self) -> Result<(), ValidationErrors>;
}

impl ValidateOutcome for Result<(), ValidationError> {
    fn into_outcome(self) -> Result<(), ValidationErrors> {
        self.map_err(Into::into)
    }
}

impl ValidateOutcome for Result<(), ValidationErrors> {
    fn into_outcome(self) -> Result<(), ValidationErrors> {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::ValidateOutcome;
    use crate::validation::{ValidationError, ValidationErrors};

    #[test]
    fn a_validation_answers_one_broken_rule_or_all_of_them() {
        let mut all = ValidationErrors::new();
        all.add("from", "is late");
        all.add("to", "is early");
        let outcome = |result: Result<(), ValidationErrors>| result.into_outcome().map_err(|errors| errors.to_string());
        assert_eq!(outcome(Err(all)), Err("`from` is late; `to` is early".to_owned()));
        assert_eq!(outcome(Ok(())), Ok(()));
        let one: Result<(), ValidationError> = Err(ValidationError::new("to", "is early"));
        assert_eq!(outcome(one.into_outcome()), Err("`to` is early".to_owned()));
    }
}
