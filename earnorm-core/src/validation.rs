//! Validation: all broken rules at once, each with its path.

mod rules;

use std::fmt;

pub use rules::{HasLength, Nested, compile, custom, email, join, length, nested, pattern, range, url};
pub(crate) use rules::{Maybe, MaybeText};

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` {message}")]
#[non_exhaustive]
pub struct ValidationError {
    /// The field's dotted path, indexes in brackets: `lines[1].sku`. Empty for the whole instance.
    pub path: String,
    /// What is wrong, to be read after the path.
    pub message: String,
}

impl ValidationError {
    /// A rule that the value at `path` breaks.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

/// Every broken rule of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ValidationErrors {
    errors: Vec<ValidationError>,
    /// The paths of values that no message may show.
    personal: &'static [&'static str],
}

impl ValidationErrors {
    /// No broken rule yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// No broken rule yet of an instance with personal data at these paths.
    pub(crate) fn about(personal: &'static [&'static str]) -> Self {
        Self { errors: Vec::new(), personal }
    }

    /// Whether the value at `path` is about a person, so that no message may show it.
    fn is_personal(&self, path: &str) -> bool {
        self.personal.iter().any(|personal| {
            path.strip_prefix(personal).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    }

    /// Adds a broken rule.
    pub fn push(&mut self, error: ValidationError) {
        self.errors.push(error);
    }

    /// Adds a broken rule of the value at `path`.
    pub fn add(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.push(ValidationError::new(path, message));
    }

    /// Adds all of `other`.
    pub fn extend(&mut self, other: Self) {
        self.errors.extend(other.errors);
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// The broken rules, in the order of the fields.
    pub fn iter(&self) -> std::slice::Iter<'_, ValidationError> {
        self.errors.iter()
    }

    /// `Ok` when nothing is wrong.
    ///
    /// # Errors
    /// Itself, when something is.
    pub fn into_result(self) -> Result<(), Self> {
        if self.is_empty() { Ok(()) } else { Err(Self { personal: &[], ..self }) }
    }
}

impl<'a> IntoIterator for &'a ValidationErrors {
    type Item = &'a ValidationError;
    type IntoIter = std::slice::Iter<'a, ValidationError>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl From<ValidationError> for ValidationErrors {
    fn from(error: ValidationError) -> Self {
        Self { errors: vec![error], personal: &[] }
    }
}

impl fmt::Display for ValidationErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.errors.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ValidationErrors {}

#[cfg(test)]
mod tests;
