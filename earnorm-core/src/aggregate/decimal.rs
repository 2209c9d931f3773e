//! Arithmetic of Decimal128: 34 digits, ties to the even digit.

use std::num::NonZeroU64;

use bigdecimal::num_bigint::BigInt;
use bigdecimal::{BigDecimal, RoundingMode, Signed, Zero};
use bson::{Bson, Decimal128};

use crate::predicate::number::{DIGITS, Decimal};

/// The greatest and the least power of ten that a coefficient can stand before.
const EXPONENT_MAX: i64 = 6111;
const EXPONENT_MIN: i64 = -6176;

/// A decimal number in the making.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Number {
    Nan,
    Infinite { negative: bool },
    Finite(BigDecimal),
}

impl Number {
    pub(super) fn zero() -> Self {
        Self::Finite(BigDecimal::zero())
    }

    pub(super) fn of_decimal(number: Decimal128) -> Self {
        match Decimal::read(number) {
            Decimal::Nan => Self::Nan,
            Decimal::Infinite(negative) => Self::Infinite { negative },
            Decimal::Finite(finite) => Self::Finite(finite.big()),
        }
    }

    /// The exact value of a double, rounded to 34 digits.
    pub(super) fn of_double(number: f64) -> Self {
        if number.is_infinite() {
            return Self::Infinite { negative: number < 0.0 };
        }
        let Ok(exact) = BigDecimal::try_from(number) else { return Self::Nan };
        Self::Finite(round(exact.normalized()))
    }

    pub(super) fn add(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Finite(a), Self::Finite(b)) => Self::Finite(add(a, b)),
            (Self::Nan, _) | (_, Self::Nan) => Self::Nan,
            (Self::Infinite { negative: a }, Self::Infinite { negative: b }) if a != b => Self::Nan,
            (Self::Infinite { negative }, _) | (_, Self::Infinite { negative }) => {
                Self::Infinite { negative: *negative }
            }
        }
    }

    /// Divides by a count above zero.
    pub(super) fn divide(&self, count: u64) -> Self {
        let Self::Finite(number) = self else { return self.clone() };
        let scale = number.as_bigint_and_exponent().1;
        // The quotient is either exact or differs from a tie by more than the digits that are left out.
        let quotient = round(number / BigDecimal::from(count)).normalized();
        let exact = quotient.as_bigint_and_exponent().1;
        // It is not above the number, and so has no more digits at its scale.
        Self::Finite(if exact < scale { quotient.with_scale(scale) } else { quotient })
    }

    pub(super) fn stored(&self) -> Bson {
        let text = match self {
            Self::Nan => "NaN".to_owned(),
            Self::Infinite { negative: true } => "-Infinity".to_owned(),
            Self::Infinite { negative: false } => "Infinity".to_owned(),
            Self::Finite(number) => return finite(number),
        };
        text.parse().map_or(Bson::Null, Bson::Decimal128)
    }
}

/// Numbers so far apart that the smaller one cannot reach the digits of the greater are not lined up.
fn add(a: &BigDecimal, b: &BigDecimal) -> BigDecimal {
    let reach = |number: &BigDecimal| {
        let (coefficient, scale) = number.as_bigint_and_exponent();
        i64::try_from(coefficient.bits()).unwrap_or(i64::MAX) * 30_103 / 100_000 - scale
    };
    if !a.is_zero() && !b.is_zero() && (reach(a) - reach(b)).abs() > 200 {
        // The sum is not exact, so it is written with all 34 digits.
        let greater = if reach(a) > reach(b) { a } else { b };
        return round(greater.with_scale(greater.as_bigint_and_exponent().1 + i64::from(DIGITS)));
    }
    round(a + b)
}

/// Cut to 34 digits, ties to even.
fn round(number: BigDecimal) -> BigDecimal {
    if number.digits() <= u64::from(DIGITS) {
        return number;
    }
    let Some(digits) = NonZeroU64::new(u64::from(DIGITS)) else { return number };
    number.with_precision_round(digits, RoundingMode::HalfEven)
}

fn finite(number: &BigDecimal) -> Bson {
    let mut number = number.clone();
    if -number.as_bigint_and_exponent().1 < EXPONENT_MIN {
        number = number.with_scale_round(-EXPONENT_MIN, RoundingMode::HalfEven);
    }
    // Only a number that was rounded to all 34 digits lies above.
    if -number.as_bigint_and_exponent().1 > EXPONENT_MAX {
        return Number::Infinite { negative: number.is_negative() }.stored();
    }
    let (coefficient, scale): (BigInt, i64) = number.into_bigint_and_scale();
    format!("{coefficient}E{}", -scale).parse().map_or(Bson::Null, Bson::Decimal128)
}
