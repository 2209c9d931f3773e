//! What a handler answers: done, or what to do with the event now.

use std::fmt;
use std::time::Duration;

use earnorm_core::Error;
use earnorm_core::error::BoxError;

/// What a handler answers.
pub type Handled = Result<(), HandlerError>;

/// Why an event was not handled, and what to do with it now.
///
/// `?` on any error makes it [`HandlerError::Retry`], but for errors of this library that would fail again alike: an
/// event that cannot be decoded or upcast is [`HandlerError::Fatal`]. The text of an error with its causes is kept with
/// the event, cut at 4 KiB: put no secrets in it.
pub enum HandlerError {
    /// Try again when the retry policy says so.
    Retry(BoxError),
    /// Try again after this time, or when the policy says so, whichever is later.
    RetryAfter(Duration, BoxError),
    /// Trying again is of no use: it becomes a dead letter now.
    Fatal(BoxError),
    /// Leave it: it counts as handled. The reason is logged.
    Discard(String),
}

impl HandlerError {
    /// Try again when the retry policy says so.
    pub fn retry(error: impl Into<BoxError>) -> Self {
        Self::Retry(error.into())
    }

    /// Try again after `wait` at the earliest.
    pub fn retry_after(wait: Duration, error: impl Into<BoxError>) -> Self {
        Self::RetryAfter(wait, error.into())
    }

    /// Trying again is of no use.
    pub fn fatal(error: impl Into<BoxError>) -> Self {
        Self::Fatal(error.into())
    }

    /// Leave it.
    pub fn discard(reason: impl Into<String>) -> Self {
        Self::Discard(reason.into())
    }
}

// Not an `Error` itself, so that `?` takes every error: `anyhow` does it so.
impl<E: Into<BoxError>> From<E> for HandlerError {
    fn from(error: E) -> Self {
        let error = error.into();
        match error.downcast_ref::<Error>() {
            Some(known) if fails_alike(known) => Self::Fatal(error),
            _ => Self::Retry(error),
        }
    }
}

/// Whether an error of the library says that the event itself is at fault.
fn fails_alike(error: &Error) -> bool {
    matches!(
        error,
        Error::Decode { .. }
            | Error::Upcast { .. }
            | Error::WrongEvent { .. }
            | Error::Corrupt { .. }
            | Error::Fold { .. }
    )
}

impl fmt::Debug for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retry(error) => f.debug_tuple("Retry").field(error).finish(),
            Self::RetryAfter(wait, error) => f.debug_tuple("RetryAfter").field(wait).field(error).finish(),
            Self::Fatal(error) => f.debug_tuple("Fatal").field(error).finish(),
            Self::Discard(reason) => f.debug_tuple("Discard").field(reason).finish(),
        }
    }
}

impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retry(error) | Self::RetryAfter(_, error) | Self::Fatal(error) => f.write_str(&chain(&**error)),
            Self::Discard(reason) => f.write_str(reason),
        }
    }
}

/// How long a stored error text may be.
const TEXT_BYTES_MAX: usize = 4 * 1024;

/// An error with its causes, cut to what is stored.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut texts: Vec<String> = Vec::new();
    for text in causes.map(ToString::to_string) {
        // A transparent error repeats its cause.
        if texts.last().is_none_or(|last| !last.ends_with(&text)) {
            texts.push(text);
        }
    }
    let mut text = texts.join(": ");
    if text.len() > TEXT_BYTES_MAX {
        let cut = (0..=TEXT_BYTES_MAX).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(cut);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_alike_is_fatal_and_the_rest_is_tried_again() {
        let corrupt = Error::Corrupt { subject: "x".into(), reason: "y".into() };
        assert!(matches!(HandlerError::from(corrupt), HandlerError::Fatal(_)));
        assert!(matches!(HandlerError::from(Error::Closed), HandlerError::Retry(_)));
        assert!(matches!(HandlerError::from("no answer"), HandlerError::Retry(_)));
    }

    #[test]
    fn a_stored_text_names_every_cause_and_is_bounded() {
        let inner = std::io::Error::other("the wire is cut");
        let outer = std::io::Error::other(inner);
        assert_eq!(chain(&outer), "the wire is cut");
        let long = std::io::Error::other("ü".repeat(TEXT_BYTES_MAX));
        let text = chain(&long);
        assert!(text.len() <= TEXT_BYTES_MAX + '…'.len_utf8() && text.ends_with('…'));
    }
}
