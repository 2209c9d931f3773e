//! Shapes: what is stored of each model and event type, written to a lock file that a team commits and reads in diffs.
//!
//! A changed struct changes what a program can read. The lock file says what was agreed: [`Lock::of`] writes down what a
//! registry stores today, [`Lock::changes_since`] names what differs from the committed lock, field by field, and what to
//! do about each. `earnorm::assert_shapes_locked!` makes a test of it, and the command `earnorm schema check` the same.
//!
//! A change is *compatible* when today's program reads everything that the locked one stored: a new model, event, variant
//! of an enum, or field that may be missing; a wider type (`i32` to `i64`, `T` to `Option<T>`). Every other change needs a
//! higher version and an upcaster from the locked version up to it.
//!
//! What serde alone stores (`#[model(serde)]`) is locked by the text of its type: what that type consists of is out of
//! sight, as are implementations of [`crate::value::Value`] written by hand, which are locked by the kind they store.

mod changes;
mod error;
mod fields;
mod lock;
#[cfg(test)]
mod tests;
mod text;
mod wider;

use std::any::TypeId;

pub use changes::{Change, ChangeKind};
pub use error::LockError;
pub use lock::Lock;

use crate::schema::StoredKind;

/// What is stored of a type: see [`crate::value::Value::shape`].
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Shape {
    /// One value, by the name of its type.
    Scalar(&'static str),
    /// What may be null, under a wrapper's name.
    Wrapped(&'static str, fn() -> Shape),
    /// A type with a name, which may hold itself.
    Named(fn() -> TypeId, fn() -> Shape),
    /// A document with these fields.
    Struct(&'static [Field]),
    /// One of these variants.
    Enum(&'static [Variant]),
    /// What serde alone knows, by the text of the type.
    Serde(&'static str),
}

/// One stored field of a document.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name in the document.
    pub path: &'static str,
    /// What is stored.
    pub shape: fn() -> Shape,
    /// Whether a missing one has a value that the struct gives.
    pub default: bool,
}

/// One variant of a stored enum.
#[derive(Debug, Clone, Copy)]
pub struct Variant {
    /// Its stored name.
    pub name: &'static str,
    /// What it holds.
    pub content: Content,
}

/// What a variant holds.
#[derive(Debug, Clone, Copy)]
pub enum Content {
    /// Nothing.
    Unit,
    /// One value.
    One(fn() -> Shape),
    /// Several values, stored as a list.
    Many(&'static [fn() -> Shape]),
    /// A document.
    Document(&'static [Field]),
}

impl Shape {
    /// A value of which only the stored kind is known.
    #[must_use]
    pub const fn of_kind(kind: StoredKind) -> Self {
        Self::Scalar(match kind {
            StoredKind::String => "String",
            StoredKind::Int32 => "i32",
            StoredKind::Int64 => "i64",
            StoredKind::Double => "f64",
            StoredKind::Decimal => "Decimal",
            StoredKind::Bool => "bool",
            StoredKind::Date => "DateTime",
            StoredKind::Uuid => "Uuid",
            StoredKind::Binary => "Binary",
            StoredKind::ObjectId => "ObjectId",
            StoredKind::Document => "document",
            StoredKind::Array => "array",
            StoredKind::Any => "any",
        })
    }
}
