//! The one matcher for event types: `user.*`, `**.created`.

use std::fmt;

use globset::{GlobBuilder, GlobMatcher};

use crate::error::{Error, Result};
use crate::event::is_word;

/// How long a pattern may be, in bytes: more than event types have, which are 128 at most. Globs that grow too large are a
/// panic in the library that compiles them.
const PATTERN_MAX: usize = 512;

/// A pattern over dotted names: `*` is one word, `**` any number of words.
///
/// `user.*` matches `user.created`; `user.**` matches everything below `user` at any depth, not `user` itself;
/// `**.created` matches `created` at any depth; `**` matches everything. Wildcards stand for whole words only.
#[derive(Clone)]
pub struct EventPattern {
    text: String,
    matcher: GlobMatcher,
}

impl EventPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`Error::InvalidName`] when a part is neither a lower-case word nor `*` nor `**`, or the pattern is longer than 512
    /// bytes.
    pub fn new(text: &str) -> Result<Self> {
        let hint = "join lower-case words, `*` (one word) and `**` (any number of words) by dots";
        let invalid = || Error::invalid_name("event pattern", text, hint);
        if text.len() > PATTERN_MAX {
            let start: String = text.chars().take(40).chain(['…']).collect();
            let hint = "a pattern has 512 bytes at most, and an event type 128";
            return Err(Error::invalid_name("event pattern", &start, hint));
        }
        if !text.split('.').all(|part| part == "*" || part == "**" || is_word(part)) {
            return Err(invalid());
        }
        let glob = GlobBuilder::new(&text.replace('.', "/")).literal_separator(true).build().map_err(|_| invalid())?;
        Ok(Self { text: text.to_owned(), matcher: glob.compile_matcher() })
    }

    /// Whether an event type matches.
    #[must_use]
    pub fn matches(&self, event_type: &str) -> bool {
        self.matcher.is_match(event_type.replace('.', "/"))
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The event type itself, if the pattern has no wildcard.
    #[must_use]
    pub fn literal(&self) -> Option<&str> {
        (!self.text.contains('*')).then_some(self.text.as_str())
    }
}

impl fmt::Debug for EventPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EventPattern").field(&self.text).finish()
    }
}

impl fmt::Display for EventPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for EventPattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl std::str::FromStr for EventPattern {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests;
