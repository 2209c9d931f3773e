//! Whether a predicate holds for a document in memory, with MongoDB's meaning.

use std::cmp::Ordering;

use bson::{Bson, Document};

use super::order::{bracket, compare, nan};
use super::path;
use super::{Comparison, Predicate, TextMatch};
use crate::error::{Error, Result};

impl Predicate {
    /// Whether it holds for `document`, with the meaning that MongoDB gives the same condition.
    ///
    /// To test many documents, take a [`Predicate::matcher`] once.
    ///
    /// # Errors
    /// See [`Predicate::matcher`].
    pub fn matches(&self, document: &Document) -> Result<bool> {
        Ok(self.matcher()?.matches(document))
    }

    /// Checks the whole tree and gives what tests documents.
    ///
    /// # Errors
    /// [`Error::InvalidQuery`] if some part of it could not be built; [`Error::Unsupported`] if some part of it is in
    /// the database's own language.
    pub fn matcher(&self) -> Result<Matcher<'_>> {
        check(self)?;
        Ok(Matcher { predicate: self })
    }

    /// Calls `each` with everything that a comparison with `path` looks at in `document`, `None` for a missing field.
    pub fn each_value(path: &str, document: &Document, each: &mut dyn FnMut(Option<&Bson>)) {
        path::any(document, path, true, &mut |value| {
            each(value);
            false
        });
    }
}

/// A checked predicate, ready for documents.
#[derive(Debug, Clone, Copy)]
pub struct Matcher<'a> {
    predicate: &'a Predicate,
}

impl Matcher<'_> {
    /// Whether the predicate holds for `document`.
    #[must_use]
    pub fn matches(&self, document: &Document) -> bool {
        holds(self.predicate, document)
    }
}

fn check(predicate: &Predicate) -> Result<()> {
    match predicate {
        Predicate::All(parts) | Predicate::Any(parts) => parts.iter().try_for_each(check),
        Predicate::Not(inner) | Predicate::Element { predicate: inner, .. } => check(inner),
        Predicate::Invalid { path, reason } => Err(Error::InvalidQuery { path: path.clone(), reason: reason.clone() }),
        Predicate::Raw(_) => Err(Error::Unsupported {
            store: "memory",
            what: "evaluate a filter in MongoDB's own language; write it with the typed fields",
        }),
        _ => Ok(()),
    }
}

fn holds(predicate: &Predicate, document: &Document) -> bool {
    let values = |path: &str, look: &mut dyn FnMut(Option<&Bson>) -> bool| path::any(document, path, true, look);
    let arrays = |path: &str, look: &dyn Fn(&[Bson]) -> bool| {
        path::any(document, path, false, &mut |value| matches!(value, Some(Bson::Array(items)) if look(items)))
    };
    match predicate {
        Predicate::All(parts) => parts.iter().all(|part| holds(part, document)),
        Predicate::Any(parts) => parts.iter().any(|part| holds(part, document)),
        Predicate::Not(inner) => !holds(inner, document),
        Predicate::Compare { path, op, value } => values(path, &mut |found| compares(found, *op, value)),
        Predicate::In { path, values: candidates } => {
            values(path, &mut |found| candidates.iter().any(|candidate| compares(found, Comparison::Eq, candidate)))
        }
        Predicate::Exists { path, present } => values(path, &mut |found| found.is_some()) == *present,
        Predicate::Text { path, op, needle } => {
            values(path, &mut |found| text(found).is_some_and(|text| text_matches(text, *op, needle)))
        }
        Predicate::Regex { path, regex } => {
            values(path, &mut |found| text(found).is_some_and(|text| regex.is_match(text)))
        }
        Predicate::Size { path, len } => arrays(path, &|items| u32::try_from(items.len()).is_ok_and(|n| n == *len)),
        Predicate::HasAll { path, values: wanted } => {
            let has = |value: &Bson| values(path, &mut |found| compares(found, Comparison::Eq, value));
            !wanted.is_empty() && wanted.iter().all(has)
        }
        Predicate::Element { path, predicate } => {
            arrays(path, &|items| items.iter().any(|item| element_holds(item, predicate)))
        }
        // The check before has refused them.
        Predicate::Invalid { .. } | Predicate::Raw(_) => false,
    }
}

fn element_holds(item: &Bson, predicate: &Predicate) -> bool {
    match item {
        Bson::Document(inner) => holds(predicate, inner),
        // An array counts as a document whose names are the places.
        Bson::Array(items) => {
            let places = items.iter().enumerate().map(|(place, item)| (place.to_string(), item.clone())).collect();
            holds(predicate, &places)
        }
        _ => false,
    }
}

fn text(found: Option<&Bson>) -> Option<&str> {
    match found {
        Some(Bson::String(text) | Bson::Symbol(text)) => Some(text),
        _ => None,
    }
}

fn text_matches(text: &str, op: TextMatch, needle: &str) -> bool {
    match op {
        TextMatch::Prefix => text.starts_with(needle),
        TextMatch::Contains => text.contains(needle),
        TextMatch::Suffix => text.ends_with(needle),
    }
}

/// How one found value compares with the operand.
fn compares(found: Option<&Bson>, op: Comparison, operand: &Bson) -> bool {
    // A missing field stands with undefined, which counts as null.
    let found = found.unwrap_or(&Bson::Undefined);
    let (left, right) = (bracket(found), bracket(operand));
    if left != right {
        let nulls = matches!(found, Bson::Null | Bson::Undefined) && matches!(operand, Bson::Null | Bson::Undefined);
        return match op {
            Comparison::Eq => nulls,
            Comparison::Gt => *operand == Bson::MinKey,
            Comparison::Lt => *operand == Bson::MaxKey,
            Comparison::Gte => nulls || *operand == Bson::MinKey,
            Comparison::Lte => nulls || *operand == Bson::MaxKey,
        };
    }
    if nan(found) || nan(operand) {
        return nan(found) && nan(operand) && !matches!(op, Comparison::Gt | Comparison::Lt);
    }
    let order = compare(found, operand);
    match op {
        Comparison::Eq => order == Ordering::Equal,
        Comparison::Gt => order == Ordering::Greater,
        Comparison::Gte => order != Ordering::Less,
        Comparison::Lt => order == Ordering::Less,
        Comparison::Lte => order != Ordering::Greater,
    }
}
