//! From extended JSON to BSON.

use std::fmt;

use bson::{Bson, Document};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::TEXT_DEPTH_MAX;
use super::mark::{self, unescape};

/// Reads one value, at some depth.
#[derive(Clone, Copy)]
pub(super) struct Seed {
    depth: usize,
    /// Names are taken as they are: the parts of a pointer start with `$` too.
    parts: bool,
}

impl Seed {
    pub(super) fn value() -> Self {
        Self { depth: 0, parts: false }
    }

    /// For what stands inside.
    fn inner<E: Error>(self) -> Result<Self, E> {
        if self.depth >= TEXT_DEPTH_MAX {
            return Err(E::custom(format_args!("it nests deeper than {TEXT_DEPTH_MAX} levels")));
        }
        Ok(Self { depth: self.depth + 1, parts: false })
    }

    /// The value of a mark of which the name is read.
    fn marked<'de, A: MapAccess<'de>>(self, name: &str, mut from: A) -> Result<Bson, A::Error> {
        let inner = self.inner()?;
        let argument = from.next_value_seed(Self { parts: name == mark::POINTER, ..inner })?;
        let mut scope = None;
        while let Some(more) = from.next_key::<String>()? {
            if more != mark::SCOPE || scope.is_some() {
                return Err(A::Error::custom(format_args!("`{more}` does not belong to `{name}`")));
            }
            scope = Some(from.next_value_seed(inner)?);
        }
        mark::value(name, argument, scope).ok_or_else(|| {
            let hint = "a field's own name that starts with `$` is written with `$$`";
            A::Error::custom(format_args!("`{name}` is no type's mark, or not with this value; {hint}"))
        })
    }
}

impl<'de> DeserializeSeed<'de> for Seed {
    type Value = Bson;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Bson, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed {
    type Value = Bson;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("extended JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Bson, E> {
        Ok(Bson::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Bson, E> {
        Ok(Bson::Boolean(value))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Bson, E> {
        Ok(i32::try_from(number).map_or(Bson::Int64(number), Bson::Int32))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Bson, E> {
        let number =
            i64::try_from(number).map_err(|_| E::custom(format_args!("{number} is too large for an Int64")))?;
        self.visit_i64(number)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Bson, E> {
        Ok(Bson::Double(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Bson, E> {
        Ok(Bson::String(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Bson, E> {
        Ok(Bson::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Bson, A::Error> {
        let inner = self.inner()?;
        let mut items = Vec::new();
        while let Some(item) = from.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(Bson::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Bson, A::Error> {
        let inner = self.inner()?;
        let mut document = Document::new();
        while let Some(written) = from.next_key::<String>()? {
            let name = match unescape(written) {
                Ok(name) => name,
                Err(name) if self.parts => name,
                Err(name) if document.is_empty() => return self.marked(&name, from),
                Err(name) => return Err(A::Error::custom(format_args!("`{name}` must be the first field"))),
            };
            let value = from.next_value_seed(inner)?;
            if document.contains_key(&name) {
                return Err(A::Error::custom(format_args!("the field `{name}` stands in it twice")));
            }
            document.insert(name, value);
        }
        Ok(Bson::Document(document))
    }
}
