//! Stored types: how Rust values stand in documents.
//!
//! serde alone would store a date as a string whose order is wrong, and a `Uuid` in two different ways. So `#[model]`
//! maps fields through [`Value`], which says what is stored; serde stays for JSON and the like.

mod collections;
#[cfg(feature = "rust_decimal")]
mod decimal;
mod fields;
mod generated;
mod scalars;
mod serde_value;

pub use fields::Fields;
pub(crate) use fields::RawFields;
pub use generated::{
    Encoding, absent_serde, field, fields_of, item, items, read, tagged, unknown_variant, variant, veiled, write,
};
pub use serde_value::{decode_serde, encode_serde};

use bson::Bson;
use chrono::{DateTime, SubsecRound, Utc};

use crate::error::{DecodeError, EncodeError};
use crate::schema::StoredKind;
use crate::shape::Shape;

/// A Rust type that can be stored in a field.
///
/// Implemented for text, numbers, `bool`, `DateTime<Utc>`, `Uuid`, `ObjectId`, `Decimal`, `Vec<u8>` through
/// [`bson::Binary`], and for `Option`, `Vec`, sets and maps with string keys of these. `#[model(embedded)]` implements
/// it for structs and enums.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be stored in a field",
    label = "no stored form",
    note = "write `#[model(embedded)]` above the definition of `{Self}`, or `#[model(serde)]` on the field to store whatever serde makes of it"
)]
pub trait Value: Sized {
    /// What is stored.
    const KIND: StoredKind;
    /// Whether null is a value.
    const OPTIONAL: bool = false;

    /// What is stored, down to the last field: what [`crate::shape::Lock`] writes down.
    #[must_use]
    fn shape() -> Shape {
        Shape::of_kind(Self::KIND)
    }

    /// The stored form.
    ///
    /// # Errors
    /// When this value has none, such as a `u64` above `i64::MAX`.
    fn encode(&self) -> Result<Bson, EncodeError>;

    /// The value from its stored form.
    ///
    /// # Errors
    /// When something else is stored.
    fn decode(stored: &Bson) -> Result<Self, DecodeError>;

    /// What a missing field means: `None` for an `Option`, an error for all others.
    ///
    /// # Errors
    /// When the type has no such value.
    fn absent() -> Result<Self, DecodeError> {
        Err(DecodeError::missing())
    }
}

/// Types with one order that all stores agree on: comparisons, sorting, lowest and highest.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no order to compare or sort by",
    note = "order is defined for text, numbers, dates, ids and `Option` of these"
)]
pub trait Ordered: Value {
    /// The type without `Option`.
    type Scalar: Value;
}

/// Types that are text: `String` and `Option<String>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not text",
    note = "prefix, contains and regex work on `String` fields"
)]
pub trait Text: Value {}

/// Numbers that can be summed.
#[diagnostic::on_unimplemented(message = "`{Self}` cannot be summed", note = "sum and average work on number fields")]
pub trait Summable: Value {
    /// The type of a sum.
    type Sum: Value + Default;
    /// The type of a mean.
    type Mean: Value;
}

/// Something that can stand on the right of a comparison with a `T`.
#[diagnostic::on_unimplemented(message = "a field of type `{T}` cannot be compared with `{Self}`")]
pub trait Operand<T> {
    /// The stored form.
    ///
    /// # Errors
    /// When this value has none.
    fn operand(&self) -> Result<Bson, EncodeError>;
}

impl<T: Value> Operand<T> for T {
    fn operand(&self) -> Result<Bson, EncodeError> {
        self.encode()
    }
}

impl<T: Value> Operand<Option<T>> for T {
    fn operand(&self) -> Result<Bson, EncodeError> {
        self.encode()
    }
}

impl<T: Value> Operand<T> for &T {
    fn operand(&self) -> Result<Bson, EncodeError> {
        self.encode()
    }
}

impl Operand<String> for &str {
    fn operand(&self) -> Result<Bson, EncodeError> {
        Ok(Bson::String((*self).to_owned()))
    }
}

impl Operand<Option<String>> for &str {
    fn operand(&self) -> Result<Bson, EncodeError> {
        Ok(Bson::String((*self).to_owned()))
    }
}

/// The stored id whose text is the key of a stream: what [`key_text`] wrote. `None` where no id of this kind has it.
pub(crate) fn from_key(kind: StoredKind, text: &str) -> Option<Bson> {
    match kind {
        StoredKind::String => Some(Bson::String(text.to_owned())),
        StoredKind::Int64 => text.parse().ok().map(Bson::Int64),
        StoredKind::ObjectId => bson::oid::ObjectId::parse_str(text).ok().map(Bson::ObjectId),
        StoredKind::Uuid => uuid::Uuid::parse_str(text).ok()?.encode().ok(),
        _ => None,
    }
}

/// An id as stream keys write it; `None` for types that no model has as its id.
#[must_use]
pub fn key_text(id: &bson::Bson) -> Option<String> {
    match id {
        bson::Bson::String(text) => Some(text.clone()),
        bson::Bson::ObjectId(id) => Some(id.to_hex()),
        bson::Bson::Int64(number) => Some(number.to_string()),
        bson::Bson::Binary(binary) if binary.subtype == bson::spec::BinarySubtype::Uuid => {
            uuid::Uuid::from_slice(&binary.bytes).ok().map(|id| id.to_string())
        }
        _ => None,
    }
}

/// The value at a path; null where there is none.
pub(crate) fn value_at(document: &bson::Document, path: &str) -> bson::Bson {
    match path.split_once('.') {
        None => document.get(path).cloned().unwrap_or(bson::Bson::Null),
        Some((head, rest)) => match document.get(head) {
            Some(bson::Bson::Document(inner)) => value_at(inner, rest),
            _ => bson::Bson::Null,
        },
    }
}

/// A moment from a stored date.
pub(crate) fn read_date(value: &bson::Bson) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(value.as_datetime()?.timestamp_millis())
}

/// A moment cut to the whole milliseconds that are stored.
#[must_use]
pub fn to_millis(moment: DateTime<Utc>) -> DateTime<Utc> {
    moment.trunc_subsecs(3)
}

#[cfg(test)]
mod tests;
