//! The order of numbers by exact value, over all four BSON number types.

use std::cmp::Ordering;

use bigdecimal::BigDecimal;
use bigdecimal::num_bigint::BigInt;
use bson::{Bson, Decimal128};

/// The number of digits that a Decimal128 holds.
pub(crate) const DIGITS: u32 = 34;
const BIAS: i64 = 6176;

/// A Decimal128, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decimal {
    Nan,
    /// Negative or positive.
    Infinite(bool),
    Finite(Finite),
}

/// `±coefficient · 10^exponent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Finite {
    pub(crate) negative: bool,
    pub(crate) coefficient: u128,
    pub(crate) exponent: i64,
}

impl Decimal {
    /// Reads the 16 bytes (BID encoding, least byte first).
    pub(crate) fn read(number: Decimal128) -> Self {
        let bits = u128::from_le_bytes(number.bytes());
        let negative = bits >> 127 == 1;
        let exponent_at = |shift: u32| i64::try_from((bits >> shift) & 0x3fff).unwrap_or(0) - BIAS;
        match (bits >> 122) & 0x1f {
            0x1f => Self::Nan,
            0x1e => Self::Infinite(negative),
            // The encoding for coefficients that cannot be: they count as zero.
            combination if combination >= 0x18 => {
                Self::Finite(Finite { negative, coefficient: 0, exponent: exponent_at(111) })
            }
            _ => {
                let coefficient = bits & ((1 << 113) - 1);
                let coefficient = if coefficient < 10_u128.pow(DIGITS) { coefficient } else { 0 };
                Self::Finite(Finite { negative, coefficient, exponent: exponent_at(113) })
            }
        }
    }
}

impl Finite {
    pub(crate) fn integer(number: i64) -> Self {
        Self { negative: number < 0, coefficient: u128::from(number.unsigned_abs()), exponent: 0 }
    }

    /// The power of ten above the first digit.
    fn magnitude(self) -> i64 {
        i64::from(digits(self.coefficient)) + self.exponent
    }

    fn sign(self) -> i8 {
        match (self.coefficient, self.negative) {
            (0, _) => 0,
            (_, true) => -1,
            (_, false) => 1,
        }
    }

    fn compare(self, other: Self) -> Ordering {
        let sign = self.sign();
        if sign != other.sign() || sign == 0 {
            return sign.cmp(&other.sign());
        }
        let order = self.magnitude().cmp(&other.magnitude()).then_with(|| self.aligned().cmp(&other.aligned()));
        if sign < 0 { order.reverse() } else { order }
    }

    /// The coefficient with as many digits as fit: comparable between numbers of one magnitude.
    fn aligned(self) -> u128 {
        self.coefficient * 10_u128.pow(DIGITS.saturating_sub(digits(self.coefficient)))
    }

    /// What orders numbers of one sign: the power of ten above the first digit, moved above zero, and the digits.
    pub(crate) fn parts(self) -> (u16, u128) {
        // Exponents have 14 bits and lie around zero.
        (u16::try_from(self.magnitude() + 0x4000).unwrap_or(0), self.aligned())
    }

    /// A double next to it; the largest ones where it is beyond all.
    pub(crate) fn nearest(self) -> f64 {
        let sign = if self.negative { "-" } else { "" };
        let near = format!("{sign}{}e{}", self.coefficient, self.exponent).parse::<f64>().unwrap_or(0.0);
        near.clamp(f64::MIN, f64::MAX)
    }

    pub(crate) fn big(self) -> BigDecimal {
        let digits = BigInt::from(self.coefficient);
        BigDecimal::new(if self.negative { -digits } else { digits }, -self.exponent)
    }
}

fn digits(number: u128) -> u32 {
    number.checked_ilog10().map_or(1, |log| log + 1)
}

pub(crate) fn is_nan(value: &Bson) -> bool {
    match value {
        Bson::Double(number) => number.is_nan(),
        Bson::Decimal128(number) => Decimal::read(*number) == Decimal::Nan,
        _ => false,
    }
}

/// Compares two numbers; NaN is below all others. Anything else is equal, which callers rule out by bracket.
pub(crate) fn compare_numbers(left: &Bson, right: &Bson) -> Ordering {
    match (left, right) {
        (Bson::Int32(a), Bson::Int32(b)) => a.cmp(b),
        (Bson::Int64(a), Bson::Int64(b)) => a.cmp(b),
        (Bson::Int32(a), Bson::Int64(b)) => i64::from(*a).cmp(b),
        (Bson::Int64(a), Bson::Int32(b)) => a.cmp(&i64::from(*b)),
        (Bson::Double(a), Bson::Double(b)) => doubles(*a, *b),
        (Bson::Int32(a), Bson::Double(b)) => integer_to_double(i64::from(*a), *b),
        (Bson::Int64(a), Bson::Double(b)) => integer_to_double(*a, *b),
        (Bson::Double(a), Bson::Int32(b)) => integer_to_double(i64::from(*b), *a).reverse(),
        (Bson::Double(a), Bson::Int64(b)) => integer_to_double(*b, *a).reverse(),
        (Bson::Decimal128(a), other) => decimal_to(Decimal::read(*a), other),
        (other, Bson::Decimal128(b)) => decimal_to(Decimal::read(*b), other).reverse(),
        _ => Ordering::Equal,
    }
}

fn doubles(left: f64, right: f64) -> Ordering {
    left.partial_cmp(&right).unwrap_or_else(|| right.is_nan().cmp(&left.is_nan()))
}

/// 2^63, the first double above all int64.
const BEYOND: f64 = 9_223_372_036_854_775_808.0;

#[expect(clippy::cast_possible_truncation, reason = "the whole part is checked to be within int64")]
fn integer_to_double(left: i64, right: f64) -> Ordering {
    if right.is_nan() || right < -BEYOND {
        Ordering::Greater
    } else if right >= BEYOND {
        Ordering::Less
    } else {
        left.cmp(&(right.trunc() as i64)).then_with(|| doubles(0.0, right.fract()))
    }
}

fn decimal_to(left: Decimal, right: &Bson) -> Ordering {
    let right = match right {
        Bson::Int32(number) => Decimal::Finite(Finite::integer(i64::from(*number))),
        Bson::Int64(number) => Decimal::Finite(Finite::integer(*number)),
        Bson::Decimal128(number) => Decimal::read(*number),
        Bson::Double(number) => return decimal_to_double(left, *number),
        _ => return Ordering::Equal,
    };
    match (left, right) {
        (Decimal::Finite(a), Decimal::Finite(b)) => a.compare(b),
        (a, b) => class(a).cmp(&class(b)),
    }
}

/// NaN, negative infinity, the finite, positive infinity.
fn class(number: Decimal) -> i8 {
    match number {
        Decimal::Nan => -2,
        Decimal::Infinite(true) => -1,
        Decimal::Finite(_) => 0,
        Decimal::Infinite(false) => 1,
    }
}

fn decimal_to_double(left: Decimal, right: f64) -> Ordering {
    let right_class = match right {
        number if number.is_nan() => Decimal::Nan,
        number if number.is_infinite() => Decimal::Infinite(number < 0.0),
        _ => Decimal::Finite(Finite::integer(0)),
    };
    let (Decimal::Finite(left), Decimal::Finite(_)) = (left, right_class) else {
        return class(left).cmp(&class(right_class));
    };
    let sign = if right == 0.0 { 0 } else { if right < 0.0 { -1 } else { 1 } };
    if left.sign() != sign || sign == 0 {
        return left.sign().cmp(&sign);
    }
    // Doubles lie between 10^-324 and 10^309; what is far outside needs no exact numbers of thousands of digits.
    let order = match left.magnitude() {
        above if above > 310 => Ordering::Greater,
        below if below < -330 => Ordering::Less,
        _ => return BigDecimal::try_from(right).map_or(Ordering::Equal, |right| left.big().cmp(&right)),
    };
    if sign < 0 { order.reverse() } else { order }
}
