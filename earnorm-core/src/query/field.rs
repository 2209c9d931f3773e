//! Typed fields: `User::AGE.gte(18)`.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use bson::Bson;

use crate::error::EncodeError;
use crate::personal::Personal;
use crate::predicate::{Comparison, Predicate, TextMatch};
use crate::query::Filter;
use crate::regex::PortableRegex;
use crate::store::SortKey;
use crate::value::{Operand, Ordered, Text, Value};

/// A field of type `T` in a model or embedded struct `M`. `#[model]` makes one constant a field.
pub struct Field<M, T> {
    path: Cow<'static, str>,
    of: PhantomData<fn() -> (M, T)>,
}

impl<M, T> Clone for Field<M, T> {
    fn clone(&self) -> Self {
        Self { path: self.path.clone(), of: PhantomData }
    }
}

impl<M, T> fmt::Debug for Field<M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Field").field(&self.path).finish()
    }
}

/// An order of results; made by [`Field::asc`] and [`Field::desc`].
pub struct Sort<M> {
    pub(crate) key: SortKey,
    of: PhantomData<fn() -> M>,
}

impl<M> Sort<M> {
    /// The untyped key.
    #[must_use]
    pub fn into_key(self) -> SortKey {
        self.key
    }
}

impl<M> Clone for Sort<M> {
    fn clone(&self) -> Self {
        Self { key: self.key.clone(), of: PhantomData }
    }
}

impl<M> fmt::Debug for Sort<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.key.fmt(f)
    }
}

impl<M, T> Field<M, T> {
    /// The field at a dotted path; for generated code.
    #[must_use]
    pub const fn new(path: &'static str) -> Self {
        Self { path: Cow::Borrowed(path), of: PhantomData }
    }

    /// Its dotted path in the document.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// A field of the embedded struct that stands here.
    #[must_use]
    pub fn then<U>(self, inner: Field<T, U>) -> Field<M, U> {
        Field { path: Cow::Owned(format!("{}.{}", self.path, inner.path)), of: PhantomData }
    }

    /// Whether the field is stored, null included, or is not.
    #[must_use]
    pub fn exists(self, present: bool) -> Filter<M> {
        Filter::new(Predicate::Exists { path: self.path.into_owned(), present })
    }

    fn filter(self, value: Result<Bson, EncodeError>, make: impl FnOnce(String, Bson) -> Predicate) -> Filter<M> {
        Filter::new(match value {
            Ok(value) => make(self.path.into_owned(), value),
            Err(error) => Predicate::Invalid { path: self.path.into_owned(), reason: error.reason },
        })
    }

    fn compare(self, op: Comparison, value: Result<Bson, EncodeError>) -> Filter<M> {
        self.filter(value, |path, value| Predicate::Compare { path, op, value })
    }

    fn among<O: Operand<U>, U>(
        self,
        values: impl IntoIterator<Item = O>,
        make: impl FnOnce(String, Vec<Bson>) -> Predicate,
    ) -> Filter<M> {
        let values = values.into_iter().map(|value| value.operand()).collect::<Result<Vec<_>, _>>();
        Filter::new(match values {
            Ok(values) => make(self.path.into_owned(), values),
            Err(error) => Predicate::Invalid { path: self.path.into_owned(), reason: error.reason },
        })
    }
}

impl<M, T: Value> Field<M, T> {
    /// Equal to `value`.
    #[must_use]
    pub fn eq(self, value: impl Operand<T>) -> Filter<M> {
        let value = value.operand();
        self.compare(Comparison::Eq, value)
    }

    /// Not equal to `value`; missing and null are not equal to any.
    #[must_use]
    pub fn ne(self, value: impl Operand<T>) -> Filter<M> {
        !self.eq(value)
    }

    /// Equal to one of `values`; never, when there are none.
    #[must_use]
    pub fn is_in<O: Operand<T>>(self, values: impl IntoIterator<Item = O>) -> Filter<M> {
        self.among(values, |path, values| Predicate::In { path, values })
    }

    /// Equal to none of `values`.
    #[must_use]
    pub fn not_in<O: Operand<T>>(self, values: impl IntoIterator<Item = O>) -> Filter<M> {
        !self.is_in(values)
    }
}

impl<M, T: Ordered> Field<M, T> {
    /// Greater than `value`.
    #[must_use]
    pub fn gt(self, value: impl Operand<T::Scalar>) -> Filter<M> {
        let value = value.operand();
        self.compare(Comparison::Gt, value)
    }

    /// Greater than or equal to `value`.
    #[must_use]
    pub fn gte(self, value: impl Operand<T::Scalar>) -> Filter<M> {
        let value = value.operand();
        self.compare(Comparison::Gte, value)
    }

    /// Less than `value`.
    #[must_use]
    pub fn lt(self, value: impl Operand<T::Scalar>) -> Filter<M> {
        let value = value.operand();
        self.compare(Comparison::Lt, value)
    }

    /// Less than or equal to `value`.
    #[must_use]
    pub fn lte(self, value: impl Operand<T::Scalar>) -> Filter<M> {
        let value = value.operand();
        self.compare(Comparison::Lte, value)
    }

    /// From `low` to `high`, both included.
    #[must_use]
    pub fn between(self, low: impl Operand<T::Scalar>, high: impl Operand<T::Scalar>) -> Filter<M> {
        self.clone().gte(low) & self.lte(high)
    }

    /// Lowest first; null and missing before all values.
    #[must_use]
    pub fn asc(self) -> Sort<M> {
        Sort { key: SortKey { path: self.path.into_owned(), descending: false }, of: PhantomData }
    }

    /// Highest first.
    #[must_use]
    pub fn desc(self) -> Sort<M> {
        Sort { key: SortKey { path: self.path.into_owned(), descending: true }, of: PhantomData }
    }
}

impl<M, T: Text> Field<M, T> {
    fn text(self, op: TextMatch, needle: impl Into<String>) -> Filter<M> {
        let (path, needle) = (self.path.into_owned(), needle.into());
        Filter::new(if needle.contains('\0') {
            Predicate::Invalid { path, reason: "a text to look for cannot contain NUL".to_owned() }
        } else {
            Predicate::Text { path, op, needle }
        })
    }

    /// Starts with `text`, taken literally. An index on the field serves it.
    #[must_use]
    pub fn starts_with(self, text: impl Into<String>) -> Filter<M> {
        self.text(TextMatch::Prefix, text)
    }

    /// Contains `text`, taken literally.
    #[must_use]
    pub fn contains(self, text: impl Into<String>) -> Filter<M> {
        self.text(TextMatch::Contains, text)
    }

    /// Ends with `text`, taken literally.
    #[must_use]
    pub fn ends_with(self, text: impl Into<String>) -> Filter<M> {
        self.text(TextMatch::Suffix, text)
    }

    /// Matches a regular expression somewhere: see [`PortableRegex`] for the subset. What is outside it surfaces as
    /// [`crate::Error::InvalidQuery`] when the query runs.
    #[must_use]
    pub fn matches(self, pattern: &str) -> Filter<M> {
        let path = self.path.into_owned();
        Filter::new(match PortableRegex::new(pattern) {
            Ok(regex) => Predicate::Regex { path, regex },
            Err(reason) => Predicate::Invalid { path, reason },
        })
    }
}

impl<M, T> Field<M, Option<T>> {
    /// Null or missing.
    #[must_use]
    pub fn is_none(self) -> Filter<M> {
        Filter::new(Predicate::eq(self.path.into_owned(), Bson::Null))
    }

    /// Neither null nor missing.
    #[must_use]
    pub fn is_some(self) -> Filter<M> {
        !self.is_none()
    }

    /// The same field without `Option`, to go on with [`Field::then`].
    #[must_use]
    pub fn some(self) -> Field<M, T> {
        Field { path: self.path, of: PhantomData }
    }
}

impl<M, T> Field<M, Personal<T>> {
    /// Null or missing: the value was erased.
    #[must_use]
    pub fn is_erased(self) -> Filter<M> {
        Filter::new(Predicate::eq(self.path.into_owned(), Bson::Null))
    }

    /// Neither null nor missing.
    #[must_use]
    pub fn is_known(self) -> Filter<M> {
        !self.is_erased()
    }

    /// The same field without `Personal`, to go on with [`Field::then`].
    #[must_use]
    pub fn known(self) -> Field<M, T> {
        Field { path: self.path, of: PhantomData }
    }
}

impl<M, T: Value> Field<M, Vec<T>> {
    /// Holds `value`.
    #[must_use]
    pub fn has(self, value: impl Operand<T>) -> Filter<M> {
        let value = value.operand();
        self.compare(Comparison::Eq, value)
    }

    /// Holds at least one of `values`; never, when there are none.
    #[must_use]
    pub fn has_any<O: Operand<T>>(self, values: impl IntoIterator<Item = O>) -> Filter<M> {
        self.among(values, |path, values| Predicate::In { path, values })
    }

    /// Holds all of `values`; never, when there are none.
    #[must_use]
    pub fn has_all<O: Operand<T>>(self, values: impl IntoIterator<Item = O>) -> Filter<M> {
        self.among(values, |path, values| Predicate::HasAll { path, values })
    }
}

impl<M, T> Field<M, Vec<T>> {
    /// Has exactly `len` elements.
    #[must_use]
    pub fn size(self, len: u32) -> Filter<M> {
        Filter::new(Predicate::Size { path: self.path.into_owned(), len })
    }

    /// One element is an embedded struct for which `filter` holds.
    #[must_use]
    pub fn any(self, filter: Filter<T>) -> Filter<M> {
        Filter::new(Predicate::Element { path: self.path.into_owned(), predicate: Box::new(filter.into_predicate()) })
    }
}
