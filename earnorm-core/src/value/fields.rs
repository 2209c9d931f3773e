//! The fields that a struct is read from: those of a document, or those of bytes that need not become one.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use bson::raw::{RawBsonRef, RawDocument};
use bson::{Bson, Document};

use crate::error::DecodeError;
use crate::limits::decode_field;

/// The fields of a stored document; for generated code.
#[derive(Debug)]
pub struct Fields<'a>(Source<'a>);

#[derive(Debug)]
enum Source<'a> {
    Document(&'a Document),
    Bytes(&'a RawFields<'a>),
}

impl<'a> Fields<'a> {
    /// Those of a document.
    #[must_use]
    pub fn of(document: &'a Document) -> Self {
        Self(Source::Document(document))
    }

    pub(crate) fn of_bytes(fields: &'a RawFields<'a>) -> Self {
        Self(Source::Bytes(fields))
    }

    /// The value of a field, `None` where it is missing.
    ///
    /// # Errors
    /// When bytes are no value, or nest too deep.
    pub fn get(&self, name: &str) -> Result<Option<Cow<'a, Bson>>, DecodeError> {
        match self.0 {
            Source::Document(document) => Ok(document.get(name).map(Cow::Borrowed)),
            Source::Bytes(fields) => Ok(fields.take(name)?.map(Cow::Owned)),
        }
    }
}

/// How many fields a note of those that were taken has room for.
const FIELDS_MAX: usize = 64;

/// The fields of bytes: each becomes a value when it is taken, and it is known which never were.
pub(crate) struct RawFields<'a> {
    fields: Vec<(&'a str, RawBsonRef<'a>)>,
    /// Where the next one is expected: structs are read in the order in which they were written.
    next: Cell<usize>,
    taken: Cell<u64>,
}

impl fmt::Debug for RawFields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.fields.iter().map(|(name, _)| name)).finish()
    }
}

impl<'a> RawFields<'a> {
    /// `None` where the bytes are no document, or have more fields than a note has room for.
    pub(crate) fn read(bytes: &'a RawDocument) -> Option<Self> {
        let mut fields = Vec::with_capacity(16);
        for field in bytes {
            let (name, value) = field.ok()?;
            fields.push((name.as_str(), value));
        }
        (fields.len() <= FIELDS_MAX).then(|| Self { fields, next: Cell::new(0), taken: Cell::new(0) })
    }

    pub(crate) fn take(&self, name: &str) -> Result<Option<Bson>, DecodeError> {
        let (before, behind) = self.fields.split_at_checked(self.next.get()).unwrap_or((&self.fields, &[]));
        let named = |(other, _): &(&str, RawBsonRef<'_>)| *other == name;
        let ahead = behind.iter().position(named).map(|place| before.len() + place);
        let Some(place) = ahead.or_else(|| before.iter().position(named)) else { return Ok(None) };
        self.next.set(place + 1);
        let Some((_, value)) = self.fields.get(place) else { return Ok(None) };
        let value = decode_field(*value).map_err(|error| DecodeError::new(error.to_string()))?;
        self.taken.set(self.taken.get() | 1 << place);
        Ok(Some(value))
    }

    /// Whether every field was taken, and so is known to be a value.
    pub(crate) fn are_all_taken(&self) -> bool {
        self.taken.get().count_ones() as usize == self.fields.len()
    }
}

#[cfg(test)]
mod tests {
    //! Bytes give what their document gives, whichever field is asked for next.

    use bson::{RawDocumentBuf, doc};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_not_taken_is_known() {
        let bytes = RawDocumentBuf::try_from(&doc! { "a": 1, "b": { "c": [1, null] }, "d": "x" }).unwrap();
        let fields = RawFields::read(&bytes).unwrap();
        assert_eq!(Fields::of_bytes(&fields).get("nowhere").unwrap(), None);
        for (name, all) in [("d", false), ("a", false), ("a", false), ("b", true), ("d", true)] {
            assert!(fields.take(name).unwrap().is_some());
            assert_eq!(fields.are_all_taken(), all, "{name}");
        }
    }

    #[test]
    fn the_second_of_two_fields_of_one_name_is_never_taken() {
        let mut bytes = RawDocumentBuf::new();
        for number in [1, 2] {
            bytes.append(bson::cstr!("a"), number);
        }
        let fields = RawFields::read(&bytes).unwrap();
        assert_eq!(fields.take("a").unwrap(), Some(Bson::Int32(1)));
        assert!(!fields.are_all_taken());
    }

    #[test]
    fn what_cannot_be_noted_or_read_is_left_to_documents() {
        let many = |count: usize| (0..count).map(|n| (n.to_string(), Bson::Null)).collect::<Document>();
        assert!(RawFields::read(&RawDocumentBuf::try_from(&many(FIELDS_MAX)).unwrap()).is_some());
        assert!(RawFields::read(&RawDocumentBuf::try_from(&many(FIELDS_MAX + 1)).unwrap()).is_none());
        assert!(RawFields::read(RawDocument::from_bytes(b"\x08\0\0\0\x10a\0\0").unwrap()).is_none());
        let deep = (0..70).fold(doc! {}, |inner, _| doc! { "a": inner });
        let deep = RawDocumentBuf::try_from(&deep).unwrap();
        let deep = RawFields::read(&deep).unwrap();
        assert!(deep.take("a").is_err() && !deep.are_all_taken(), "what could not be read was not taken");
    }

    proptest! {
        #[test]
        fn bytes_give_what_the_document_gives(
            names in proptest::collection::hash_set("[a-e]{1,2}", 0..12),
            asked in proptest::collection::vec("[a-e]{1,2}", 0..30),
        ) {
            let document: Document = names.iter().map(|name| (name.clone(), Bson::String(format!("of {name}")))).collect();
            let bytes = RawDocumentBuf::try_from(&document).unwrap();
            let fields = RawFields::read(&bytes).unwrap();
            for name in &asked {
                prop_assert_eq!(
                    Fields::of_bytes(&fields).get(name).unwrap(),
                    Fields::of(&document).get(name).unwrap()
                );
            }
            prop_assert_eq!(fields.are_all_taken(), names.iter().all(|name| asked.contains(name)));
        }
    }
}
