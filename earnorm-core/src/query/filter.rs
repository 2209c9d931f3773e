//! The typed filter: conditions on one model, joined with `&`, `|` and `!`.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{BitAnd, BitOr, Not};

use bson::Document;

use crate::predicate::Predicate;

/// A condition on instances of `M`.
pub struct Filter<M> {
    predicate: Predicate,
    of: PhantomData<fn() -> M>,
}

impl<M> Filter<M> {
    pub(crate) fn new(predicate: Predicate) -> Self {
        Self { predicate, of: PhantomData }
    }

    /// Holds for every instance.
    #[must_use]
    pub fn always() -> Self {
        Self::new(Predicate::always())
    }

    /// A filter in MongoDB's own language. Other stores refuse it. Never build it from text that a user typed.
    #[must_use]
    pub fn raw_mongodb(filter: Document) -> Self {
        Self::new(Predicate::Raw(filter))
    }

    /// The untyped tree.
    #[must_use]
    pub fn into_predicate(self) -> Predicate {
        self.predicate
    }
}

impl<M> Clone for Filter<M> {
    fn clone(&self) -> Self {
        Self::new(self.predicate.clone())
    }
}

impl<M> fmt::Debug for Filter<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.predicate.fmt(f)
    }
}

impl<M> BitAnd for Filter<M> {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self::new(self.predicate.and(other.predicate))
    }
}

impl<M> BitOr for Filter<M> {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self::new(self.predicate.or(other.predicate))
    }
}

impl<M> Not for Filter<M> {
    type Output = Self;

    fn not(self) -> Self {
        Self::new(!self.predicate)
    }
}
