//! The keys that a comparison asks for.

use bson::Bson;
use earnorm_core::predicate::{Comparison, order_key, order_key_bracket, order_key_prefix};

/// Some keys that stand together.
#[derive(Debug, PartialEq)]
pub(super) enum Range {
    /// One key.
    Point(Vec<u8>),
    /// All from one to another.
    Between {
        from: Vec<u8>,
        /// Without the first.
        above: bool,
        to: Vec<u8>,
        /// With the last.
        including: bool,
    },
}

impl Range {
    /// The keys of all values that compare so with `value`: an empty list where none does, nothing where the keys are
    /// not those of a few ranges.
    pub(super) fn of(op: Comparison, value: &Bson) -> Option<Vec<Self>> {
        use Comparison::{Eq, Gt, Gte, Lt, Lte};
        Some(match (value, op) {
            // Missing and undefined fields stand under null; as ids they stand under what they are.
            (Bson::Null | Bson::Undefined, Eq | Gte | Lte) => {
                vec![Self::point(&Bson::Null), Self::point(&Bson::Undefined)]
            }
            (Bson::Null | Bson::Undefined, Gt | Lt) => Vec::new(),
            // Every value is above the lowest key, and below the highest.
            (Bson::MinKey, Gt | Gte) | (Bson::MaxKey, Lt | Lte) => return None,
            (Bson::MinKey, Lt) | (Bson::MaxKey, Gt) => Vec::new(),
            (_, Gt | Lt) if nan(value) => Vec::new(),
            (_, Gte | Lte) if nan(value) => vec![Self::point(value)],
            (_, Eq) => vec![Self::point(value)],
            (_, Gt | Gte) => {
                let (_, to) = order_key_bracket(value);
                vec![Self::Between { from: order_key(value), above: op == Gt, to, including: false }]
            }
            (_, Lt | Lte) => {
                let (from, above) = lowest(value);
                vec![Self::Between { from, above, to: order_key(value), including: op == Lte }]
            }
        })
    }

    /// The keys of all texts that start so.
    pub(super) fn prefix(needle: &str) -> Self {
        let (from, to) = order_key_prefix(needle);
        Self::Between { from, above: false, to, including: false }
    }

    fn point(value: &Bson) -> Self {
        Self::Point(order_key(value))
    }

    /// One range that holds all of `ranges`.
    pub(super) fn around(ranges: Vec<Self>) -> Option<Self> {
        let (from, to): (Vec<_>, Vec<_>) = ranges
            .into_iter()
            .map(|range| match range {
                Self::Point(key) => (key.clone(), key),
                Self::Between { from, to, .. } => (from, to),
            })
            .unzip();
        let (from, to) = (from.into_iter().min()?, to.into_iter().max()?);
        Some(Self::Between { from, above: false, to, including: true })
    }

    /// How many parameters it takes.
    pub(super) fn params(&self) -> usize {
        match self {
            Self::Point(_) => 1,
            Self::Between { .. } => 2,
        }
    }
}

/// The lowest key of a bracket, and whether it is left out: NaN is below all numbers and less than none.
fn lowest(value: &Bson) -> (Vec<u8>, bool) {
    match value {
        Bson::Int32(_) | Bson::Int64(_) | Bson::Double(_) | Bson::Decimal128(_) => {
            (order_key(&Bson::Double(f64::NAN)), true)
        }
        value => (order_key_bracket(value).0, false),
    }
}

/// Whether a value is NaN of any number type: all of them have one key.
fn nan(value: &Bson) -> bool {
    matches!(value, Bson::Double(_) | Bson::Decimal128(_)) && order_key(value) == order_key(&Bson::Double(f64::NAN))
}
