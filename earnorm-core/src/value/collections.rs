//! Stored forms of options, lists, sets and maps.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher, Hash};

use bson::{Bson, Document};

use super::Value;
use crate::error::{DecodeError, EncodeError};
use crate::schema::StoredKind;
use crate::shape::Shape;

impl<T: Value> Value for Option<T> {
    const KIND: StoredKind = T::KIND;
    const OPTIONAL: bool = true;

    fn shape() -> Shape {
        Shape::Wrapped("Option", T::shape)
    }

    fn encode(&self) -> Result<Bson, EncodeError> {
        self.as_ref().map_or(Ok(Bson::Null), Value::encode)
    }

    fn decode(stored: &Bson) -> Result<Self, DecodeError> {
        match stored {
            Bson::Null => Ok(None),
            other => T::decode(other).map(Some),
        }
    }

    fn absent() -> Result<Self, DecodeError> {
        Ok(None)
    }
}

impl<T: Value> Value for Box<T> {
    const KIND: StoredKind = T::KIND;
    const OPTIONAL: bool = T::OPTIONAL;

    fn shape() -> Shape {
        T::shape()
    }

    fn encode(&self) -> Result<Bson, EncodeError> {
        (**self).encode()
    }

    fn decode(stored: &Bson) -> Result<Self, DecodeError> {
        T::decode(stored).map(Self::new)
    }

    fn absent() -> Result<Self, DecodeError> {
        T::absent().map(Self::new)
    }
}

fn encode_items<'a, T: Value + 'a>(items: impl Iterator<Item = &'a T>) -> Result<Bson, EncodeError> {
    items
        .enumerate()
        .map(|(index, item)| item.encode().map_err(|error| error.at(&index.to_string())))
        .collect::<Result<Vec<_>, _>>()
        .map(Bson::Array)
}

fn decode_items<T: Value, C: FromIterator<T>>(stored: &Bson) -> Result<C, DecodeError> {
    let Bson::Array(items) = stored else {
        return Err(DecodeError::mismatch("a list", stored));
    };
    items
        .iter()
        .enumerate()
        .map(|(index, item)| T::decode(item).map_err(|error| error.at(&index.to_string())))
        .collect()
}

impl<T: Value> Value for Vec<T> {
    const KIND: StoredKind = StoredKind::Array;

    fn shape() -> Shape {
        Shape::Wrapped("Vec", T::shape)
    }

    fn encode(&self) -> Result<Bson, EncodeError> {
        encode_items(self.iter())
    }

    fn decode(stored: &Bson) -> Result<Self, DecodeError> {
        decode_items(stored)
    }
}

impl<T: Value + Ord> Value for BTreeSet<T> {
    const KIND: StoredKind = StoredKind::Array;

    fn shape() -> Shape {
        Shape::Wrapped("Set", T::shape)
    }

    fn encode(&self) -> Result<Bson, EncodeError> {
        encode_items(self.iter())
    }

    fn decode(stored: &Bson) -> Result<Self, DecodeError> {
        decode_items(stored)
    }
}

impl<T: Value + Eq + Hash + Ord, S: BuildHasher + Default> Value for HashSet<T, S> {
    const KIND: StoredKind = StoredKind::Array;

    fn shape() -> Shape {
        Shape::Wrapped("Set", T::shape)
    }

    fn encode(&self) -> Result<Bson, EncodeError> {
        // A hash order differs between runs and would look like a change.
        let mut items: Vec<_> = self.iter().collect();
        items.sort();
        encode_items(items.into_iter())
    }

    fn decode(stored: &Bson) -> Result<Self, DecodeError> {
        decode_items(stored)
    }
}

fn encode_entries<'a, T: Value + 'a>(entries: impl Iterator<Item = (&'a String, &'a T)>) -> Result<Bson, EncodeError> {
    let mut document = Document::new();
    for (key, value) in entries {
        document.insert(key.as_str(), value.encode().map_err(|error| error.at(key))?);
    }
    Ok(Bson::Document(document))
}

fn decode_entries<T: Value, C: FromIterator<(String, T)>>(stored: &Bson) -> Result<C, DecodeError> {
    let Bson::Document(document) = stored else {
        return Err(DecodeError::mismatch("a document", stored));
    };
    document.iter().map(|(key, value)| Ok((key.clone(), T::decode(value).map_err(|error| error.at(key))?))).collect()
}

impl<T: Value> Value for BTreeMap<String, T> {
    const KIND: StoredKind = StoredKind::Document;

    fn shape() -> Shape {
        Shape::Wrapped("Map", T::shape)
    }

    fn encode(&self) -> Result<Bson, EncodeError> {
        encode_entries(self.iter())
    }

    fn decode(stored: &Bson) -> Result<Self, DecodeError> {
        decode_entries(stored)
    }
}

impl<T: Value, S: BuildHasher + Default> Value for HashMap<String, T, S> {
    const KIND: StoredKind = StoredKind::Document;

    fn shape() -> Shape {
        Shape::Wrapped("Map", T::shape)
    }

    fn encode(&self) -> Result<Bson, EncodeError> {
        let mut entries: Vec<_> = self.iter().collect();
        entries.sort_by_key(|(key, _)| *key);
        encode_entries(entries.into_iter())
    }

    fn decode(stored: &Bson) -> Result<Self, DecodeError> {
        decode_entries(stored)
    }
}
