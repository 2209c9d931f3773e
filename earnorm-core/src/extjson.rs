//! BSON as extended JSON that people can read and that gives back exactly what was written.
//!
//! It is [relaxed](https://www.mongodb.com/docs/manual/reference/mongodb-extended-json/) where reading tells the same
//! type again, and canonical elsewhere: `5` is an Int32, `{"$numberLong":"5"}` an Int64, `5.0` a Double. Three things
//! are this library's own:
//!
//! - A field name of the user's that starts with `$` is written with one more: the document `{"$oid": 1}` becomes
//!   `{"$$oid":1}`. So an object is a type's mark exactly if its first name starts with a single `$`.
//! - A NaN that is not the usual one is `{"$rawDouble":"…"}` with its bits in hexadecimal.
//! - A Decimal128 of which the text does not say all (a NaN with a payload, a coefficient out of range) is
//!   `{"$rawDecimal":"…"}` with its bytes in hexadecimal.

mod mark;
mod moment;
mod read;
#[cfg(test)]
mod tests;
mod write;

use bson::{Bson, Document};
use serde::de::DeserializeSeed;

pub use self::moment::moment;

/// A text is not what this module writes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is not extended JSON: {0}")]
pub struct NotExtendedJson(String);

/// How the mark of a binary value begins.
pub(crate) const BINARY_MARK: &str = mark::BINARY;

/// How deep objects and arrays of a text may nest. The marks of types count too.
///
/// Documents of [`crate::limits::MAX_DEPTH`] levels fit, even if all of them are scopes of code, which take two each.
pub const TEXT_DEPTH_MAX: usize = 2 * crate::limits::MAX_DEPTH + 8;

/// Writes a document in one line.
#[must_use]
pub fn encode(document: &Document) -> String {
    text(&write::Fields(document))
}

/// Writes a value in one line.
#[must_use]
pub fn encode_value(value: &Bson) -> String {
    text(&write::Value(value))
}

/// A value as JSON in memory, as a part of something larger.
#[must_use]
pub fn to_json(document: &Document) -> serde_json::Value {
    // Names are texts and no number is NaN, which is all that could fail.
    serde_json::to_value(write::Fields(document)).unwrap_or_default()
}

fn text(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Reads a document. Canonical marks of all types are understood too.
///
/// # Errors
/// When the text is not extended JSON, is no document, names a field twice, or nests deeper than [`TEXT_DEPTH_MAX`].
pub fn decode(text: &str) -> Result<Document, NotExtendedJson> {
    document(decode_value(text)?)
}

/// Reads a value. Canonical marks of all types are understood too.
///
/// # Errors
/// When the text is not extended JSON, names a field twice, or nests deeper than [`TEXT_DEPTH_MAX`].
pub fn decode_value(text: &str) -> Result<Bson, NotExtendedJson> {
    let mut reader = serde_json::Deserializer::from_str(text);
    // The seed counts the depth.
    reader.disable_recursion_limit();
    let value = read::Seed::value().deserialize(&mut reader).map_err(wrong)?;
    reader.end().map_err(wrong)?;
    Ok(value)
}

/// Reads a document from JSON in memory, which [`to_json`] has written.
///
/// # Errors
/// As [`decode`] has.
pub fn from_json(value: serde_json::Value) -> Result<Document, NotExtendedJson> {
    document(read::Seed::value().deserialize(value).map_err(wrong)?)
}

fn document(value: Bson) -> Result<Document, NotExtendedJson> {
    match value {
        Bson::Document(document) => Ok(document),
        other => Err(NotExtendedJson(format!("{:?} stands where a document is expected", other.element_type()))),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn wrong(error: serde_json::Error) -> NotExtendedJson {
    NotExtendedJson(error.to_string())
}
