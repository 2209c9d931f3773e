//! One measure of one group, document by document.

use std::borrow::Cow;
use std::cmp::Ordering;

use bson::{Bson, Document};

use super::decimal::Number;
use super::summation::Summation;
use super::value_at;
use crate::error::{Error, Result};
use crate::predicate::compare;
use crate::store::Measure;

/// A measure in the making.
#[derive(Debug)]
pub(super) enum Accumulator<'a> {
    Count(i64),
    Sum(&'a str, Box<Numbers>),
    Avg(&'a str, Box<Numbers>),
    Extreme { path: &'a str, wanted: Ordering, best: Option<Bson> },
}

impl<'a> Accumulator<'a> {
    pub(super) fn new(measure: &'a Measure) -> Self {
        match measure {
            Measure::Count => Self::Count(0),
            Measure::Sum(path) => Self::Sum(path, Box::default()),
            Measure::Avg(path) => Self::Avg(path, Box::default()),
            Measure::Min(path) => Self::Extreme { path, wanted: Ordering::Less, best: None },
            Measure::Max(path) => Self::Extreme { path, wanted: Ordering::Greater, best: None },
        }
    }

    pub(super) fn add(&mut self, document: &Document) {
        match self {
            Self::Count(count) => *count += 1,
            Self::Sum(path, numbers) | Self::Avg(path, numbers) => {
                if let Some(value) = value_at(document, path) {
                    numbers.add(&value);
                }
            }
            Self::Extreme { path, wanted, best } => {
                let Some(value) = value_at(document, path) else { return };
                if matches!(*value, Bson::Null | Bson::Undefined) {
                    return;
                }
                if best.as_ref().is_none_or(|best| compare(&value, best) == *wanted) {
                    *best = Some(Cow::into_owned(value));
                }
            }
        }
    }

    pub(super) fn finish(self) -> Result<Bson> {
        Ok(match self {
            Self::Count(count) => Bson::Int64(count),
            Self::Sum(path, numbers) => numbers.sum(path)?,
            Self::Avg(_, numbers) => numbers.average(),
            Self::Extreme { best, .. } => best.unwrap_or(Bson::Null),
        })
    }
}

/// What sum and average need to know of the numbers seen.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    count: u64,
    integers: i128,
    /// Integers and doubles together.
    binary: Summation,
    doubles: bool,
    decimal: Option<Number>,
}

impl Numbers {
    fn add(&mut self, value: &Bson) {
        match value {
            Bson::Int32(number) => {
                self.integers += i128::from(*number);
                self.binary.add(f64::from(*number));
            }
            Bson::Int64(number) => {
                self.integers += i128::from(*number);
                self.binary.add_integer(*number);
            }
            Bson::Double(number) => {
                self.doubles = true;
                self.binary.add(*number);
            }
            Bson::Decimal128(number) => {
                let number = Number::of_decimal(*number);
                self.decimal = Some(match &self.decimal {
                    Some(sum) => sum.add(&number),
                    None => Number::zero().add(&number),
                });
            }
            _ => return,
        }
        self.count += 1;
    }

    /// All of it as a decimal, once one is among the numbers.
    fn as_decimal(&self) -> Option<Number> {
        let decimal = self.decimal.as_ref()?;
        let (sum, lacking) = self.binary.parts();
        Some(decimal.add(&Number::of_double(sum).add(&Number::of_double(lacking))))
    }

    fn sum(&self, path: &str) -> Result<Bson> {
        if let Some(sum) = self.as_decimal() {
            return Ok(sum.stored());
        }
        if self.doubles {
            return Ok(Bson::Double(self.binary.total()));
        }
        i64::try_from(self.integers).map(Bson::Int64).map_err(|_| Error::InvalidQuery {
            path: path.to_owned(),
            reason: format!("its sum {} is out of range for a 64-bit integer", self.integers),
        })
    }

    #[expect(clippy::cast_precision_loss, reason = "a count of documents in memory is far below 2^53")]
    fn average(&self) -> Bson {
        if self.count == 0 {
            return Bson::Null;
        }
        match self.as_decimal() {
            Some(sum) => sum.divide(self.count).stored(),
            None => Bson::Double(self.binary.total() / self.count as f64),
        }
    }
}
