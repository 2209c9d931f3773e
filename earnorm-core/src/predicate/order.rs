//! The one order of all BSON values: MongoDB's.

use std::cmp::Ordering;

use bson::spec::BinarySubtype;
use bson::{Binary, Bson, Document};

use super::number::{compare_numbers, is_nan};

/// Compares two values as MongoDB sorts them: by type bracket, then by value.
///
/// The brackets, from low to high: MinKey, undefined, null, numbers (NaN lowest, all number types by exact value),
/// text, documents, arrays, binary (length, subtype, bytes), ObjectId, boolean, date, timestamp, regular expression,
/// pointer, code, MaxKey.
#[must_use]
pub fn compare(left: &Bson, right: &Bson) -> Ordering {
    bracket(left).cmp(&bracket(right)).then_with(|| within(left, right))
}

/// The place of a value's type in the order of types. Numbers share one, and so do text and symbols.
pub(crate) fn bracket(value: &Bson) -> i8 {
    match value {
        Bson::MinKey => -1,
        Bson::Undefined => 0,
        Bson::Null => 5,
        Bson::Int32(_) | Bson::Int64(_) | Bson::Double(_) | Bson::Decimal128(_) => 10,
        Bson::String(_) | Bson::Symbol(_) => 15,
        Bson::Document(_) => 20,
        Bson::Array(_) => 25,
        Bson::Binary(_) => 30,
        Bson::ObjectId(_) => 35,
        Bson::Boolean(_) => 40,
        Bson::DateTime(_) => 45,
        Bson::Timestamp(_) => 47,
        Bson::RegularExpression(_) => 50,
        Bson::DbPointer(_) => 55,
        Bson::JavaScriptCode(_) => 60,
        Bson::JavaScriptCodeWithScope(_) => 65,
        Bson::MaxKey => 127,
    }
}

/// The order of two values of one bracket.
fn within(left: &Bson, right: &Bson) -> Ordering {
    match (left, right) {
        (Bson::String(a) | Bson::Symbol(a), Bson::String(b) | Bson::Symbol(b))
        | (Bson::JavaScriptCode(a), Bson::JavaScriptCode(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Bson::Document(a), Bson::Document(b)) => documents(a, b),
        (Bson::Array(a), Bson::Array(b)) => arrays(a, b),
        (Bson::Binary(a), Bson::Binary(b)) => binaries(a, b),
        (Bson::ObjectId(a), Bson::ObjectId(b)) => a.bytes().cmp(&b.bytes()),
        (Bson::Boolean(a), Bson::Boolean(b)) => a.cmp(b),
        (Bson::DateTime(a), Bson::DateTime(b)) => a.cmp(b),
        (Bson::Timestamp(a), Bson::Timestamp(b)) => (a.time, a.increment).cmp(&(b.time, b.increment)),
        (Bson::RegularExpression(a), Bson::RegularExpression(b)) => {
            let parts = |regex: &bson::Regex| (regex.pattern.as_str().to_owned(), regex.options.as_str().to_owned());
            parts(a).cmp(&parts(b))
        }
        (Bson::DbPointer(a), Bson::DbPointer(b)) => {
            // Its parts are private; the text of a deprecated type only has to be stable.
            format!("{a:?}").cmp(&format!("{b:?}"))
        }
        (Bson::JavaScriptCodeWithScope(a), Bson::JavaScriptCodeWithScope(b)) => {
            a.code.cmp(&b.code).then_with(|| documents(&a.scope, &b.scope))
        }
        _ => compare_numbers(left, right),
    }
}

/// Field by field: the value's bracket, the name, the value; the shorter document is lower.
fn documents(left: &Document, right: &Document) -> Ordering {
    let mut rest = right.iter();
    for (name, value) in left {
        let Some((other_name, other)) = rest.next() else { return Ordering::Greater };
        let order = bracket(value)
            .cmp(&bracket(other))
            .then_with(|| name.as_bytes().cmp(other_name.as_bytes()))
            .then_with(|| within(value, other));
        if order != Ordering::Equal {
            return order;
        }
    }
    if rest.next().is_some() { Ordering::Less } else { Ordering::Equal }
}

fn arrays(left: &[Bson], right: &[Bson]) -> Ordering {
    let differing = left.iter().zip(right).map(|(a, b)| compare(a, b)).find(|order| *order != Ordering::Equal);
    differing.unwrap_or_else(|| left.len().cmp(&right.len()))
}

fn binaries(left: &Binary, right: &Binary) -> Ordering {
    // The old generic subtype repeats its length inside, which counts.
    let length = |binary: &Binary| {
        let inner = if binary.subtype == BinarySubtype::BinaryOld { 4 } else { 0 };
        binary.bytes.len() + inner
    };
    length(left)
        .cmp(&length(right))
        .then_with(|| u8::from(left.subtype).cmp(&u8::from(right.subtype)))
        .then_with(|| left.bytes.cmp(&right.bytes))
}

/// Whether a value is NaN of any number type.
pub(crate) fn nan(value: &Bson) -> bool {
    is_nan(value)
}

/// A value as a key of ordered maps.
#[derive(Debug, Clone)]
pub struct OrderedBson(pub Bson);

impl PartialEq for OrderedBson {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for OrderedBson {}

impl PartialOrd for OrderedBson {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for OrderedBson {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(&self.0, &other.0)
    }
}
