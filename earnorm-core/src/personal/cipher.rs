//! One sealed value: its format, and how it is made and opened.

use bson::spec::BinarySubtype;
use bson::{Binary, Bson, Document, RawDocument, doc};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::key::{DataKey, KeyId, random};
use crate::error::{Error, Result};
use crate::limits::decode_document;
use crate::stream::StreamId;

/// The BSON binary subtype of sealed values.
pub const SEALED_SUBTYPE: u8 = 0xE5;

const FORMAT: u8 = 1;
const ID_AT: usize = 1;
const NONCE_AT: usize = ID_AT + 16;
const TEXT_AT: usize = NONCE_AT + 24;
/// How many bytes a sealed value has more than the value: the parts before the ciphertext, the document around the
/// value, and the tag of 16 bytes.
pub(crate) const SEALED_BYTES: usize = TEXT_AT + 16 + 16;

/// The place that a value is bound to: it opens nowhere else.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// The event's id; nil for what is no event.
    pub(super) event: Uuid,
    pub(super) stream: &'a StreamId,
    pub(super) event_type: &'a str,
}

impl Place<'_> {
    /// What is authenticated with the value. Each part is led by its length, so that no two places are written alike.
    fn bind(&self, path: &str) -> Vec<u8> {
        let stream = self.stream.to_string();
        let parts = [self.event.as_bytes().as_slice(), stream.as_bytes(), self.event_type.as_bytes(), path.as_bytes()];
        let mut bound = vec![FORMAT];
        for part in parts {
            bound.extend((part.len() as u64).to_be_bytes());
            bound.extend(part);
        }
        bound
    }
}

/// Whether a value is one that [`seal`] made.
pub(crate) fn is_sealed(value: &Bson) -> bool {
    matches!(value, Bson::Binary(binary) if binary.subtype == BinarySubtype::UserDefined(SEALED_SUBTYPE))
}

/// Seals a value for one place.
pub(super) fn seal(key: &DataKey, place: Place<'_>, path: &str, value: Bson) -> Result<Bson> {
    let subject = || format!("field `{path}` of {} in {}", place.event_type, place.stream);
    let failed = |reason: String| Error::Corrupt { subject: subject(), reason };
    let plain = Zeroizing::new(doc! { "v": value }.to_vec().map_err(|error| failed(error.to_string()))?);
    let mut nonce = [0; 24];
    random(&mut nonce)?;
    let aad = place.bind(path);
    let text = cipher(key)
        .encrypt(&XNonce::from(nonce), Payload { msg: &plain, aad: &aad })
        .map_err(|_| failed("it is too long to be sealed".to_owned()))?;
    let mut bytes = Vec::with_capacity(TEXT_AT + text.len());
    bytes.push(FORMAT);
    bytes.extend(key.id().as_bytes());
    bytes.extend(nonce);
    bytes.extend(text);
    Ok(Bson::Binary(Binary { subtype: BinarySubtype::UserDefined(SEALED_SUBTYPE), bytes }))
}

/// The key that a sealed value names.
pub(super) fn key_of(sealed: &Binary) -> Result<KeyId, String> {
    match sealed.bytes.first() {
        Some(&FORMAT) => {}
        Some(other) => return Err(format!("its format {other} is not known here: it was sealed by a newer program")),
        None => return Err("it is empty".to_owned()),
    }
    let id = sealed.bytes.get(ID_AT..NONCE_AT).and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
    id.map(KeyId::new).ok_or_else(|| "it is cut short".to_owned())
}

/// Opens a sealed value in the place where it was found.
pub(super) fn open(key: &DataKey, place: Place<'_>, path: &str, sealed: &Binary) -> Result<Bson, String> {
    let nonce = sealed.bytes.get(NONCE_AT..TEXT_AT).and_then(|bytes| <[u8; 24]>::try_from(bytes).ok());
    let (Some(nonce), Some(text)) = (nonce, sealed.bytes.get(TEXT_AT..)) else {
        return Err("it is cut short".to_owned());
    };
    let aad = place.bind(path);
    let plain = cipher(key).decrypt(&XNonce::from(nonce), Payload { msg: text, aad: &aad }).map_err(|_| {
        "it was changed, or moved here from another place, or the key store answers another key than it was sealed with"
            .to_owned()
    })?;
    let plain = Zeroizing::new(plain);
    unwrap(&plain).map_err(|error| error.to_string())
}

fn unwrap(plain: &[u8]) -> Result<Bson> {
    let subject = || "the value".to_owned();
    let corrupt = |error: &dyn std::fmt::Display| Error::Corrupt { subject: subject(), reason: error.to_string() };
    let raw = RawDocument::from_bytes(plain).map_err(|error| corrupt(&error))?;
    let mut document: Document = decode_document(raw, 1, subject)?;
    document.remove("v").ok_or_else(|| corrupt(&"it holds nothing"))
}

fn cipher(key: &DataKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.bytes().into())
}

#[cfg(test)]
mod tests;
