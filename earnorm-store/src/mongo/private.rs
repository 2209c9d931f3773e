//! What fuzzing needs of this store without a server. Not public: it changes without notice.

use bson::{Document, RawDocument};
use earnorm_core::predicate::Predicate;
use earnorm_core::store::LogEntry;
use earnorm_core::{Error, Result};

use super::{codec, filter};

/// The entry of the log that stands in these bytes.
///
/// # Errors
/// [`Error::Corrupt`] or [`Error::TooDeep`] when they are none.
pub fn decode_entry(bytes: &[u8]) -> Result<LogEntry> {
    let raw = RawDocument::from_bytes(bytes)
        .map_err(|error| Error::Corrupt { subject: "an entry".to_owned(), reason: error.to_string() })?;
    codec::decode_entry(raw)
}

/// The bytes as which an entry is stored.
///
/// # Errors
/// When it has no form in BSON.
pub fn encode_entry(entry: &LogEntry) -> Result<Vec<u8>> {
    Ok(codec::encode_entry(entry)?.into_bytes())
}

/// The filter that means `predicate`.
///
/// # Errors
/// [`Error::InvalidQuery`] when it has no meaning.
pub fn compile_filter(predicate: &Predicate) -> Result<Document> {
    filter::compile(predicate)
}
