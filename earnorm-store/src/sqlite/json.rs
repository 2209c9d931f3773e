//! Documents and values as text that a person can read: extended JSON that gives back every value.

use bson::Document;
use earnorm_core::{Error, Result, extjson};

pub(super) use earnorm_core::extjson::{encode, encode_value};

/// Reads what [`encode`] has written.
pub(super) fn decode(text: &str) -> Result<Document> {
    extjson::decode(text).map_err(corrupt)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn corrupt(error: extjson::NotExtendedJson) -> Error {
    Error::Corrupt { subject: "a text of the file".to_owned(), reason: error.to_string() }
}
