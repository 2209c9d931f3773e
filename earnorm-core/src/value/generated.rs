//! What the code that `#[model]` and `#[event]` generate calls.

use bson::{Bson, Document};

use super::{Fields, decode_serde};
use crate::error::{DecodeError, EncodeError};

/// A document in the making. The first field that has no stored form is kept until the end, so that generated code has
/// one way out and not one a field.
#[derive(Debug, Default)]
pub struct Encoding {
    document: Document,
    error: Option<EncodeError>,
}

impl Encoding {
    /// An empty document.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The document.
    ///
    /// # Errors
    /// Names the field whose value has no stored form.
    pub fn finish(self) -> Result<Document, EncodeError> {
        self.error.map_or(Ok(self.document), Err)
    }
}

/// Writes a field of a document.
pub fn write(to: &mut Encoding, path: &str, stored: Result<Bson, EncodeError>) {
    match stored {
        _ if to.error.is_some() => {}
        Ok(stored) => {
            to.document.insert(path, stored);
        }
        Err(error) => to.error = Some(error.at(path)),
    }
}

/// Reads a field of a document by functions of its type, so that fields of one type share this code; `absent` says what a
/// missing one means.
///
/// # Errors
/// Names the field that is missing or of another type.
pub fn field<T>(
    fields: &Fields<'_>,
    path: &str,
    decode: fn(&Bson) -> Result<T, DecodeError>,
    absent: fn() -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    match fields.get(path) {
        Ok(Some(stored)) => decode(&stored),
        Ok(None) => absent(),
        Err(error) => Err(error),
    }
    .map_err(|error| error.at(path))
}

/// Reads a field of a document in a way of its own; `absent` says what a missing one means.
///
/// # Errors
/// Names the field that is missing or of another type.
pub fn read<T>(
    fields: &Fields<'_>,
    path: &str,
    decode: impl FnOnce(&Bson) -> Result<T, DecodeError>,
    absent: impl FnOnce() -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let read = fields.get(path).and_then(|stored| stored.map_or_else(absent, |stored| decode(&stored)));
    read.map_err(|error| error.at(path))
}

/// What a missing field marked `#[model(serde)]` means: what serde makes of null, or an error.
///
/// # Errors
/// When serde makes nothing of null.
pub fn absent_serde<T: serde::de::DeserializeOwned>() -> Result<T, DecodeError> {
    decode_serde(&Bson::Null).map_err(|_| DecodeError::missing())
}

/// The fields of an embedded struct.
///
/// # Errors
/// When something else is stored.
pub fn fields_of(stored: &Bson) -> Result<Fields<'_>, DecodeError> {
    stored.as_document().map(Fields::of).ok_or_else(|| DecodeError::mismatch("a document", stored))
}

/// The stored form of an enum's variant with content.
///
/// # Errors
/// The content's error, at the variant.
pub fn tagged(variant: &str, content: Result<Bson, EncodeError>) -> Result<Bson, EncodeError> {
    let mut document = Encoding::new();
    write(&mut document, variant, content);
    document.finish().map(Bson::Document)
}

/// The name and the content of a stored enum's variant.
///
/// # Errors
/// When neither text nor a document with one field is stored.
pub fn variant(stored: &Bson) -> Result<(&str, Option<&Bson>), DecodeError> {
    match stored {
        Bson::String(name) => Ok((name, None)),
        Bson::Document(document) if document.len() == 1 => document
            .iter()
            .next()
            .map(|(name, content)| (name.as_str(), Some(content)))
            .ok_or_else(|| DecodeError::mismatch("a variant", stored)),
        other => Err(DecodeError::mismatch("a variant (its name, or a document with one field)", other)),
    }
}

/// The error for a variant that the enum does not have, or has with other content.
#[must_use]
pub fn unknown_variant(name: &str, content: Option<&Bson>, known: &[&str]) -> DecodeError {
    if known.contains(&name) {
        let found = if content.is_some() { "with content" } else { "without content" };
        return DecodeError::new(format!("holds the variant `{name}` {found}, which is not its form"));
    }
    DecodeError::new(format!("holds the unknown variant `{name}`; known are {}", known.join(", ")))
}

/// Reads a value that is about a person, which no error shows.
pub fn veiled<T>(decode: impl FnOnce(&Bson) -> Result<T, DecodeError>) -> impl FnOnce(&Bson) -> Result<T, DecodeError> {
    |stored| decode(stored).map_err(DecodeError::veiled)
}

/// The content of a variant with several values.
///
/// # Errors
/// When no list of this length is stored.
pub fn items(stored: &Bson, len: usize) -> Result<&[Bson], DecodeError> {
    match stored {
        Bson::Array(items) if items.len() == len => Ok(items),
        Bson::Array(items) => Err(DecodeError::new(format!("holds {} values where {len} are expected", items.len()))),
        other => Err(DecodeError::mismatch("a list", other)),
    }
}

/// One value of a variant with several.
///
/// # Errors
/// Names the place of the value that is of another type.
pub fn item<T>(
    items: &[Bson],
    index: usize,
    decode: impl FnOnce(&Bson) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    items.get(index).map_or_else(|| Err(DecodeError::missing()), decode).map_err(|error| error.at(&index.to_string()))
}
