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
