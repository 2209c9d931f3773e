//! Streams: the history of one model instance, or of one key of application events.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use crate::error::{Error, Result};

/// The name of a stream: a category and a key, written `user-<id>`.
///
/// A category is a lower-case word (`[a-z][a-z0-9_]*`, dots between words for application events);
/// the key is any text that is not empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StreamId {
    /// As it is written: one text, which copies share, since streams are named in every event.
    text: Arc<str>,
    /// Where the key begins: behind the first dash, since a category has none.
    key: usize,
}

impl StreamId {
    /// Makes a stream id.
    ///
    /// # Errors
    /// [`Error::InvalidName`] when the category is not made of lower-case words or the key is empty, longer than
    /// 512 bytes, or holds a NUL.
    pub fn new(category: impl AsRef<str>, key: impl AsRef<str>) -> Result<Self> {
        let (category, key) = (category.as_ref(), key.as_ref());
        check(category, key)?;
        Ok(Self { text: [category, "-", key].concat().into(), key: category.len() + 1 })
    }

    /// Reads a stream id as it is written: `category-key`.
    ///
    /// # Errors
    /// [`Error::InvalidName`] when there is no dash or a part is not valid.
    pub fn parse(text: &str) -> Result<Self> {
        let (category, key) =
            text.split_once('-').ok_or_else(|| Error::invalid_name("stream id", text, "write it as `category-key`"))?;
        check(category, key)?;
        Ok(Self { text: text.into(), key: category.len() + 1 })
    }

    /// All streams of one model share its category.
    #[must_use]
    pub fn category(&self) -> &str {
        self.text.get(..self.key.saturating_sub(1)).unwrap_or_default()
    }

    /// The instance within the category.
    #[must_use]
    pub fn key(&self) -> &str {
        self.text.get(self.key..).unwrap_or_default()
    }

    /// As it is written: `category-key`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// What [`StreamId::new`] demands.
fn check(category: &str, key: &str) -> Result<()> {
    if !crate::event::is_dotted_name(category) {
        return Err(Error::invalid_name("stream category", category, "use lower-case words joined by dots"));
    }
    if key.is_empty() || key.len() > 512 || memchr::memchr(0, key.as_bytes()).is_some() {
        return Err(Error::invalid_name("stream key", key, "use 1 to 512 bytes without NUL"));
    }
    Ok(())
}

/// By category, then by key.
impl Ord for StreamId {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.category(), self.key()).cmp(&(other.category(), other.key()))
    }
}

impl PartialOrd for StreamId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What a commit expects of a stream before it appends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpectedVersion {
    /// The stream has no events.
    NoStream,
    /// The stream's last event has this version (1 or more).
    Exact(u64),
    /// Whatever the stream holds: only for streams without a state document.
    Any,
}

impl ExpectedVersion {
    /// The version before the first new event, when it is known without a look at the store.
    #[must_use]
    pub fn base(self) -> Option<u64> {
        match self {
            Self::NoStream => Some(0),
            Self::Exact(version) => Some(version),
            Self::Any => None,
        }
    }

    /// What stands before a change of a document at `version`, where 0 means that there is none.
    #[must_use]
    pub fn after(version: u64) -> Self {
        if version == 0 { Self::NoStream } else { Self::Exact(version) }
    }
}

impl fmt::Display for ExpectedVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoStream => f.write_str("no stream"),
            Self::Exact(version) => write!(f, "version {version}"),
            Self::Any => f.write_str("any version"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_has_a_category_of_words_and_a_key_of_up_to_512_bytes() {
        for key in ["a", "a-b", "ä", &"x".repeat(512)] {
            let stream = StreamId::new("user.mail", key).unwrap();
            assert_eq!((stream.category(), stream.key()), ("user.mail", key));
            assert_eq!(StreamId::parse(stream.as_str()).unwrap(), stream);
            assert_eq!(stream.to_string(), format!("user.mail-{key}"));
        }
        for key in ["", "a\0b", &"x".repeat(513), &"ä".repeat(257)] {
            assert!(matches!(StreamId::new("user", key), Err(Error::InvalidName { .. })), "{key:?}");
        }
        for category in ["", "User", "user.", "a b"] {
            assert!(matches!(StreamId::new(category, "1"), Err(Error::InvalidName { .. })), "{category:?}");
        }
        assert!(StreamId::parse("user").is_err() && StreamId::parse("user-").is_err());
    }

    #[test]
    fn streams_are_sorted_by_category_and_then_by_key() {
        let stream = |text: &str| StreamId::parse(text).unwrap();
        // As texts they would stand the other way round.
        assert!(stream("user-z") < stream("user.mail-a") && stream("user-a") < stream("user-b"));
        assert_eq!(stream("user-a").partial_cmp(&stream("user-a")), Some(Ordering::Equal));
    }

    #[test]
    fn what_is_expected_is_said_in_words() {
        let said =
            [ExpectedVersion::NoStream, ExpectedVersion::Exact(3), ExpectedVersion::Any].map(|one| one.to_string());
        assert_eq!(said, ["no stream", "version 3", "any version"]);
        assert_eq!(
            [ExpectedVersion::after(0), ExpectedVersion::after(2)],
            [ExpectedVersion::NoStream, ExpectedVersion::Exact(2)]
        );
    }
}
