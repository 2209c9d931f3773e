//! The untyped filter tree that every store evaluates with the same meaning.
//!
//! The meaning is MongoDB's: a comparison looks into arrays, compares only values of one type bracket (all numbers
//! are one), and `Eq` null also matches a missing field. Users meet the typed [`crate::query::Filter`].

mod eval;
mod key;
pub(crate) mod number;
mod order;
pub(crate) mod path;
mod sort;
#[cfg(test)]
mod tests;
mod text;

use bson::{Bson, Document};

pub use eval::Matcher;
pub use key::{order_key, order_key_bracket, order_key_prefix};
pub use order::{OrderedBson, compare};
pub use sort::{SortValues, compare_documents, index_values};

use crate::regex::PortableRegex;

/// A condition on a document.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Predicate {
    /// All of them hold; an empty list always holds.
    All(Vec<Predicate>),
    /// One of them holds; an empty list never holds.
    Any(Vec<Predicate>),
    /// It does not hold.
    Not(Box<Predicate>),
    /// The value at `path`, or an element of the array there, compares so with `value`.
    Compare {
        /// Dotted path.
        path: String,
        /// How.
        op: Comparison,
        /// With what. Never an operator, whatever it looks like.
        value: Bson,
    },
    /// The value at `path`, or an element of the array there, equals one of `values`.
    In {
        /// Dotted path.
        path: String,
        /// The candidates.
        values: Vec<Bson>,
    },
    /// The field is there, null included, or is not.
    Exists {
        /// Dotted path.
        path: String,
        /// Which of the two.
        present: bool,
    },
    /// The text at `path`, or an element of the array there, holds `needle`, case and bytes as they are.
    Text {
        /// Dotted path.
        path: String,
        /// Where in the text.
        op: TextMatch,
        /// The text looked for; never a pattern.
        needle: String,
    },
    /// The text at `path`, or an element of the array there, matches.
    Regex {
        /// Dotted path.
        path: String,
        /// The pattern.
        regex: PortableRegex,
    },
    /// The array at `path` has exactly so many elements.
    Size {
        /// Dotted path.
        path: String,
        /// How many.
        len: u32,
    },
    /// The array at `path` holds all of `values`; an empty list never holds.
    HasAll {
        /// Dotted path.
        path: String,
        /// What it must hold.
        values: Vec<Bson>,
    },
    /// One element of the array at `path` is a document for which `predicate` holds.
    Element {
        /// Dotted path.
        path: String,
        /// With paths from the element.
        predicate: Box<Predicate>,
    },
    /// A filter that could not be built; it surfaces as [`crate::Error::InvalidQuery`] when it is used.
    Invalid {
        /// Dotted path.
        path: String,
        /// Why.
        reason: String,
    },
    /// A filter in the database's own language: MongoDB only.
    Raw(Document),
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// Equal; null equals missing.
    Eq,
    /// Greater, within one type bracket.
    Gt,
    /// Greater or equal.
    Gte,
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
}

/// Where a text stands in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextMatch {
    /// At its start.
    Prefix,
    /// Anywhere.
    Contains,
    /// At its end.
    Suffix,
}

impl Predicate {
    /// Holds for every document.
    #[must_use]
    pub fn always() -> Self {
        Self::All(Vec::new())
    }

    /// The value at `path` equals `value`.
    pub fn eq(path: impl Into<String>, value: impl Into<Bson>) -> Self {
        Self::Compare { path: path.into(), op: Comparison::Eq, value: value.into() }
    }

    /// The parts of which all must hold: itself, unless it is [`Predicate::All`].
    #[must_use]
    pub fn parts(&self) -> Vec<&Self> {
        match self {
            Self::All(parts) => parts.iter().flat_map(Self::parts).collect(),
            part => vec![part],
        }
    }

    /// Both hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::All(mut all), Self::All(more)) => {
                all.extend(more);
                Self::All(all)
            }
            (Self::All(mut all), one) => {
                all.push(one);
                Self::All(all)
            }
            (one, Self::All(mut all)) => {
                all.insert(0, one);
                Self::All(all)
            }
            (one, other) => Self::All(vec![one, other]),
        }
    }

    /// One of both holds.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Any(mut any), Self::Any(more)) => {
                any.extend(more);
                Self::Any(any)
            }
            (Self::Any(mut any), one) => {
                any.push(one);
                Self::Any(any)
            }
            (one, other) => Self::Any(vec![one, other]),
        }
    }
}

impl std::ops::Not for Predicate {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }
}
