//! What failed below: a store, or the form of a value.

use super::{Applied, BoxError, Error};

/// The store failed.
#[derive(Debug, thiserror::Error)]
#[error("{store} store: {message}")]
#[non_exhaustive]
pub struct StoreError {
    /// Which store.
    pub store: &'static str,
    /// What happened to what.
    pub message: String,
    /// Whether the same call may succeed later.
    pub retryable: bool,
    /// Whether what was to be written is written.
    pub applied: Applied,
    /// The driver's error.
    #[source]
    pub source: Option<BoxError>,
}

impl StoreError {
    /// A failure that left nothing behind and will not pass by itself.
    pub fn new(store: &'static str, message: impl Into<String>) -> Self {
        Self { store, message: message.into(), retryable: false, applied: Applied::No, source: None }
    }

    /// Says that it may pass.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }

    /// Says whether the write was applied.
    #[must_use]
    pub fn applied(mut self, applied: Applied) -> Self {
        self.applied = applied;
        self
    }

    /// Keeps the driver's error.
    #[must_use]
    pub fn source(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Store(Box::new(error))
    }
}

/// A value has no stored form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("field `{path}` {reason}")]
#[non_exhaustive]
pub struct EncodeError {
    /// The field's dotted path.
    pub path: String,
    /// What is wrong with its value.
    pub reason: String,
    /// Whether the reason says what the value is.
    tells: bool,
}

/// A stored value does not fit its Rust type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("field `{path}` {reason}")]
#[non_exhaustive]
pub struct DecodeError {
    /// The field's dotted path.
    pub path: String,
    /// What was found and what was expected.
    pub reason: String,
    /// Whether the reason says what the value is.
    tells: bool,
}

macro_rules! field_error {
    ($name:ident, $veil:literal) => {
        impl $name {
            /// An error of the value itself; [`Self::at`] adds where it stands.
            pub fn new(reason: impl Into<String>) -> Self {
                Self { path: String::new(), reason: reason.into(), tells: true }
            }

            /// The same about a value that is about a person, which no error shows: neither what it is, nor where
            /// inside it something is wrong, since keys of maps are values too.
            #[must_use]
            pub fn veiled(mut self) -> Self {
                self.path.clear();
                if self.tells {
                    self.reason = $veil.to_owned();
                }
                self
            }

            /// Puts `segment` before the path.
            #[must_use]
            pub fn at(mut self, segment: &str) -> Self {
                self.path = if self.path.is_empty() { segment.to_owned() } else { format!("{segment}.{}", self.path) };
                self
            }
        }
    };
}
field_error!(EncodeError, "has no stored form, and is not shown since it is personal");
field_error!(DecodeError, "holds what its type cannot hold, and is not shown since it is personal");

impl DecodeError {
    /// The value is of another type.
    #[must_use]
    pub fn mismatch(expected: &str, found: &bson::Bson) -> Self {
        Self { tells: false, ..Self::new(format!("holds {:?} where {expected} is expected", found.element_type())) }
    }

    /// The value is not there.
    #[must_use]
    pub fn missing() -> Self {
        Self { tells: false, ..Self::new("is missing") }
    }
}
