//! Fields marked `#[model(serde)]`: whatever serde makes of them.

use bson::Bson;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{DecodeError, EncodeError};

/// The stored form that serde gives a value; for generated code.
///
/// # Errors
/// When serde or BSON refuse the value.
pub fn encode_serde<T: Serialize>(value: &T) -> Result<Bson, EncodeError> {
    bson::serialize_to_bson(value).map_err(|error| EncodeError::new(error.to_string()))
}

/// The value that serde reads from a stored form; for generated code.
///
/// # Errors
/// When serde refuses what is stored.
pub fn decode_serde<T: DeserializeOwned>(stored: &Bson) -> Result<T, DecodeError> {
    bson::deserialize_from_bson(stored.clone()).map_err(|error| DecodeError::new(error.to_string()))
}
