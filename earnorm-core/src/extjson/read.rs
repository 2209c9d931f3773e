//! From extended JSON to BSON.

use std::borrow::Cow;
use std::fmt;

use bson::document::Entry;
use bson::{Bson, Document};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::TEXT_DEPTH_MAX;
use super::mark;

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
        let inside = Self { parts: name == mark::POINTER, ..inner };
        let argument = from.next_value_seed(ArgumentSeed { name, inside })?;
        let mut scope = None;
        while let Some(more) = from.next_key::<String>()? {
            if more != mark::SCOPE || scope.is_some() {
                return Err(A::Error::custom(format_args!("`{more}` does not belong to `{name}`")));
            }
            scope = Some(from.next_value_seed(inner)?);
        }
        let value = match (argument, scope) {
            (Argument::Read(value), None) => Some(value),
            (Argument::Read(_), Some(_)) => None,
            (Argument::Inside(argument), scope) => mark::value(name, argument, scope),
        };
        value.ok_or_else(|| {
            let hint = "a field's own name that starts with `$` is written with `$$`";
            A::Error::custom(format_args!("`{name}` is no type's mark, or not with this value; {hint}"))
        })
    }
}

/// A field's name as it stands in an object.
enum Name {
    Own(String),
    Mark(Cow<'static, str>),
}

struct NameSeed;

impl<'de> DeserializeSeed<'de> for NameSeed {
    type Value = Name;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Name, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for NameSeed {
    type Value = Name;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a field's name")
    }

    fn visit_str<E: Error>(self, written: &str) -> Result<Name, E> {
        Ok(match written.strip_prefix('$') {
            None => Name::Own(written.to_owned()),
            Some(own) if own.starts_with('$') => Name::Own(own.to_owned()),
            Some(_) => Name::Mark(mark::known(written).map_or_else(|| Cow::Owned(written.to_owned()), Cow::Borrowed)),
        })
    }
}

/// What stands behind a mark: its value, where a text says it at once, or what it is to be made of.
enum Argument {
    Read(Bson),
    Inside(Bson),
}

/// Reads what stands behind the mark of a name. Most are texts, which need not be kept.
struct ArgumentSeed<'n> {
    name: &'n str,
    inside: Seed,
}

impl<'de> DeserializeSeed<'de> for ArgumentSeed<'_> {
    type Value = Argument;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Argument, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ArgumentSeed<'_> {
    type Value = Argument;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inside.expecting(to)
    }

    fn visit_unit<E: Error>(self) -> Result<Argument, E> {
        self.inside.visit_unit().map(Argument::Inside)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Argument, E> {
        self.inside.visit_bool(value).map(Argument::Inside)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Argument, E> {
        self.inside.visit_i64(number).map(Argument::Inside)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Argument, E> {
        self.inside.visit_u64(number).map(Argument::Inside)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Argument, E> {
        self.inside.visit_f64(number).map(Argument::Inside)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Argument, E> {
        match mark::of_text(self.name, text) {
            Some(value) => Ok(Argument::Read(value)),
            None => self.inside.visit_str(text).map(Argument::Inside),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, from: A) -> Result<Argument, A::Error> {
        self.inside.visit_seq(from).map(Argument::Inside)
    }

    fn visit_map<A: MapAccess<'de>>(self, from: A) -> Result<Argument, A::Error> {
        self.inside.visit_map(from).map(Argument::Inside)
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
        while let Some(name) = from.next_key_seed(NameSeed)? {
            let name = match name {
                Name::Own(name) => name,
                Name::Mark(name) if self.parts => name.into_owned(),
                Name::Mark(name) if document.is_empty() => return self.marked(&name, from),
                Name::Mark(name) => return Err(A::Error::custom(format_args!("`{name}` must be the first field"))),
            };
            let value = from.next_value_seed(inner)?;
            match document.entry(name) {
                Entry::Occupied(there) => {
                    let name = there.key();
                    return Err(A::Error::custom(format_args!("the field `{name}` stands in it twice")));
                }
                vacant => drop(vacant.or_insert(value)),
            }
        }
        Ok(Bson::Document(document))
    }
}
