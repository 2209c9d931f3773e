//! `Personal<T>`: a value, or the fact that it was erased.

use std::fmt;

use bson::Bson;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{DecodeError, EncodeError};
use crate::schema::StoredKind;
use crate::shape::Shape;
use crate::validation::{HasLength, Maybe, MaybeText, Nested};
use crate::value::{Operand, Ordered, Summable, Text, Value};

/// A value about a person, or the fact that it was erased; for fields marked `#[model(personal)]` which always have a
/// value until then. Use `Option` where it may be missing anyway: the two cannot be told apart there.
///
/// It is stored as the value or as null, in JSON too. `Debug` never shows the value, so that it does not reach logs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Personal<T> {
    /// It is gone for good.
    Erased,
    /// The value.
    Known(T),
}

impl<T> Personal<T> {
    /// The value, if it is not erased.
    #[must_use]
    pub fn known(self) -> Option<T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Erased => None,
        }
    }

    /// A reference to the value, if it is not erased.
    pub const fn as_ref(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Erased => None,
        }
    }

    /// A mutable reference to the value, if it is not erased.
    pub const fn as_mut(&mut self) -> Option<&mut T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Erased => None,
        }
    }

    /// What the value refers to, if it is not erased: `&str` of a `String`.
    pub fn as_deref(&self) -> Option<&T::Target>
    where
        T: std::ops::Deref,
    {
        self.as_ref().map(std::ops::Deref::deref)
    }

    /// Whether it was erased.
    #[must_use]
    pub const fn is_erased(&self) -> bool {
        matches!(self, Self::Erased)
    }

    /// Another value made of this one.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Personal<U> {
        match self {
            Self::Known(value) => Personal::Known(change(value)),
            Self::Erased => Personal::Erased,
        }
    }
}

impl<T> From<T> for Personal<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}

impl From<&str> for Personal<String> {
    fn from(text: &str) -> Self {
        Self::Known(text.to_owned())
    }
}

impl<T: PartialEq> PartialEq<T> for Personal<T> {
    fn eq(&self, other: &T) -> bool {
        self.as_ref() == Some(other)
    }
}

impl PartialEq<&str> for Personal<String> {
    fn eq(&self, other: &&str) -> bool {
        self.as_deref() == Some(*other)
    }
}

impl<T> fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_erased() { "Erased" } else { "Known(…)" })
    }
}

impl<T: Serialize> Serialize for Personal<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_ref().serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Personal<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Erased, Self::Known))
    }
}

impl<T: Value> Value for Personal<T> {
    const KIND: StoredKind = T::KIND;
    const OPTIONAL: bool = {
        assert!(!T::OPTIONAL, "`Personal<Option<T>>` cannot tell None from erased: write `Option<T>`");
        true
    };

    fn shape() -> Shape {
        Shape::Wrapped("Personal", T::shape)
    }

    fn encode(&self) -> Result<Bson, EncodeError> {
        self.as_ref().map_or(Ok(Bson::Null), Value::encode)
    }

    fn decode(stored: &Bson) -> Result<Self, DecodeError> {
        match stored {
            Bson::Null => Ok(Self::Erased),
            other => T::decode(other).map(Self::Known),
        }
    }

    fn absent() -> Result<Self, DecodeError> {
        T::absent().map(Self::Known)
    }
}

impl<T: Ordered> Ordered for Personal<T> {
    type Scalar = T::Scalar;
}

impl<T: Text> Text for Personal<T> {}

impl<T: Summable> Summable for Personal<T> {
    type Sum = T::Sum;
    type Mean = T::Mean;
}

impl<T: Value> Operand<Personal<T>> for T {
    fn operand(&self) -> Result<Bson, EncodeError> {
        self.encode()
    }
}

impl Operand<Personal<String>> for &str {
    fn operand(&self) -> Result<Bson, EncodeError> {
        Ok(Bson::String((*self).to_owned()))
    }
}

impl<T: HasLength> HasLength for Personal<T> {
    fn length(&self) -> Option<usize> {
        self.as_ref().and_then(HasLength::length)
    }
}

impl MaybeText for Personal<String> {
    fn text(&self) -> Option<&str> {
        self.as_deref()
    }
}

impl<T> Maybe<T> for Personal<T> {
    fn value(&self) -> Option<&T> {
        self.as_ref()
    }
}

impl<T: Nested> Nested for Personal<T> {
    fn check(&self, path: &str, errors: &mut crate::validation::ValidationErrors) {
        if let Some(value) = self.as_ref() {
            value.check(path, errors);
        }
    }
}

/// Types that personal fields may have: those in which null says that there is no value.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be erased",
    label = "a personal field must be able to say that its value is gone",
    note = "write `Personal<{Self}>`, or `Option<{Self}>` where the value may be missing anyway"
)]
pub trait Erasable {}

impl<T> Erasable for Option<T> {}
impl<T> Erasable for Personal<T> {}

/// Types that can name the subject of personal data: `Uuid`, `ObjectId`, `String`, `i64`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot name the subject of personal data",
    label = "not a type of ids",
    note = "use `Uuid`, `ObjectId`, `String` or `i64`: the type of the id of the person's own instance"
)]
pub trait SubjectId {}

impl SubjectId for uuid::Uuid {}
impl SubjectId for bson::oid::ObjectId {}
impl SubjectId for String {}
impl SubjectId for i64 {}

/// The path of a personal field, of a type that can be erased; for generated code.
#[doc(hidden)]
#[must_use]
pub const fn personal_path<T: Erasable>(path: &'static str) -> &'static str {
    path
}

/// The path of a subject field, of a type that can name one; for generated code.
#[doc(hidden)]
#[must_use]
pub const fn subject_path<T: SubjectId>(path: &'static str) -> &'static str {
    path
}

#[cfg(test)]
mod tests;
