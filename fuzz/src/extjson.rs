//! Extended JSON.

use arbitrary::Unstructured;
use bson::{Bson, Document, RawDocument};
use earnorm_core::extjson::{decode_value, encode, encode_value, from_json, to_json};
use earnorm_core::limits::decode_document;

use super::made;

/// Any text is refused or read, what was read is written so that it is read again, and no value is lost on the way.
pub fn extjson(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(value) = decode_value(text)
    {
        back(&value);
    }
    // The bytes as a document, and as what a document is made of.
    if let Ok(raw) = RawDocument::from_bytes(data)
        && let Ok(document) = decode_document(raw, 0, || "input".to_owned())
    {
        document_back(&document);
    }
    if let Ok(document) = made::fields(&mut Unstructured::new(data), 6) {
        document_back(&document);
    }
}

fn back(value: &Bson) {
    let text = encode_value(value);
    let read = decode_value(&text).unwrap_or_else(|error| panic!("{value:?}: {text}: {error}"));
    assert_eq!(bytes(&read), bytes(value), "{text}");
}

fn document_back(document: &Document) {
    let read = from_json(to_json(document)).unwrap_or_else(|error| panic!("{document:?}: {error}"));
    assert_eq!(bytes(&Bson::Document(read)), bytes(&Bson::Document(document.clone())), "{}", encode(document));
    back(&Bson::Document(document.clone()));
}

/// As stored: NaN is itself, and zero has a sign. `None` for what BSON cannot hold, such as a name with NUL.
fn bytes(value: &Bson) -> Option<Vec<u8>> {
    let mut document = Document::new();
    document.insert("v", value.clone());
    document.to_vec().ok()
}
