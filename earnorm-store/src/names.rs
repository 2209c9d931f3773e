//! How errors name a document: the same in every store.

use bson::Bson;
use bson::spec::BinarySubtype;
use uuid::Uuid;

/// `document 7 of users`.
pub(crate) fn document(collection: &str, id: &Bson) -> String {
    format!("document {} of {collection}", plain(id))
}

/// An id as people write it: texts, UUIDs and ObjectIds without anything around them.
pub(crate) fn plain(id: &Bson) -> String {
    match id {
        Bson::String(text) => text.clone(),
        Bson::ObjectId(id) => id.to_hex(),
        Bson::Binary(binary) if binary.subtype == BinarySubtype::Uuid => {
            Uuid::from_slice(&binary.bytes).map_or_else(|_| id.to_string(), |id| id.to_string())
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use bson::oid::ObjectId;
    use bson::{Binary, doc};

    use super::*;

    #[test]
    fn documents_are_named_as_people_write_their_ids() {
        let uuid = Uuid::from_u128(7);
        let oid = ObjectId::from_bytes([1; 12]);
        for (id, name) in [
            (Bson::Int64(7), "7".to_owned()),
            ("seven".into(), "seven".to_owned()),
            (bson::Uuid::from_bytes(uuid.into_bytes()).into(), uuid.to_string()),
            (oid.into(), oid.to_hex()),
            (doc! { "a": 1 }.into(), doc! { "a": 1 }.to_string()),
        ] {
            assert_eq!(document("users", &id), format!("document {name} of users"));
        }
        let other = Binary { subtype: BinarySubtype::Generic, bytes: uuid.into_bytes().to_vec() };
        assert_eq!(plain(&other.clone().into()), Bson::Binary(other).to_string());
    }
}
