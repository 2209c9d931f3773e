//! Values as bytes that stand in the order of values: keys of look-up tables in stores that compare bytes.
//!
//! A key is a byte for the type's bracket and then the value, in a form that tells where it ends. Numbers of all types
//! share one form: the largest double that is not above the number, and whether the number is that double; if it is not,
//! its decimal digits follow, which tell it from the others above the same double.

use bson::spec::BinarySubtype;
use bson::{Binary, Bson, Document};

use super::number::{Decimal, Finite, compare_numbers};
use super::order::bracket;

/// The end of a list: below every bracket.
const END: u8 = 0;
/// Stands after a zero byte of a text; a zero byte without it ends the text.
const ZERO: u8 = 0xff;

/// Bytes that compare with each other as [`super::compare`] does with the values: equal exactly where it says so.
#[must_use]
pub fn order_key(value: &Bson) -> Vec<u8> {
    let mut key = Vec::with_capacity(24);
    whole(value, &mut key);
    key
}

/// The keys of all values of the same type bracket as `value`: from the first bytes up to, not with, the second.
#[must_use]
pub fn order_key_bracket(value: &Bson) -> (Vec<u8>, Vec<u8>) {
    let tag = tag(value);
    (vec![tag], vec![tag + 1])
}

/// The keys of all texts that start with `prefix`: from the first bytes up to, not with, the second.
#[must_use]
pub fn order_key_prefix(prefix: &str) -> (Vec<u8>, Vec<u8>) {
    let mut from = vec![tag(&Bson::String(String::new()))];
    escaped(prefix.as_bytes(), &mut from);
    let mut to = from.clone();
    while let Some(last) = to.pop() {
        // The tag at the front is no 0xff, so this ends with something.
        if let Some(next) = last.checked_add(1) {
            to.push(next);
            break;
        }
    }
    (from, to)
}

/// The bracket as a byte above [`END`].
fn tag(value: &Bson) -> u8 {
    // From -1 to 127.
    bracket(value).unsigned_abs().wrapping_add(if bracket(value) < 0 { 0 } else { 2 })
}

fn whole(value: &Bson, key: &mut Vec<u8>) {
    key.push(tag(value));
    within(value, key);
}

/// What follows the bracket.
fn within(value: &Bson, key: &mut Vec<u8>) {
    match value {
        Bson::MinKey | Bson::Undefined | Bson::Null | Bson::MaxKey => {}
        Bson::Int32(number) => exact(f64::from(*number), key),
        Bson::Int64(_) | Bson::Double(_) | Bson::Decimal128(_) => number(value, key),
        Bson::String(text) | Bson::Symbol(text) | Bson::JavaScriptCode(text) => ended(text, key),
        Bson::Document(document) => fields(document, key),
        Bson::Array(items) => {
            items.iter().for_each(|item| whole(item, key));
            key.push(END);
        }
        Bson::Binary(bytes) => binary(bytes, key),
        Bson::ObjectId(id) => key.extend(id.bytes()),
        Bson::Boolean(value) => key.push(u8::from(*value)),
        Bson::DateTime(at) => key.extend((at.timestamp_millis().cast_unsigned() ^ (1 << 63)).to_be_bytes()),
        Bson::Timestamp(at) => {
            key.extend(at.time.to_be_bytes());
            key.extend(at.increment.to_be_bytes());
        }
        Bson::RegularExpression(regex) => {
            ended(regex.pattern.as_str(), key);
            ended(regex.options.as_str(), key);
        }
        // As the order does.
        Bson::DbPointer(pointer) => ended(&format!("{pointer:?}"), key),
        Bson::JavaScriptCodeWithScope(code) => {
            ended(&code.code, key);
            fields(&code.scope, key);
        }
    }
}

fn fields(document: &Document, key: &mut Vec<u8>) {
    for (name, value) in document {
        key.push(tag(value));
        ended(name, key);
        within(value, key);
    }
    key.push(END);
}

fn binary(binary: &Binary, key: &mut Vec<u8>) {
    let inner = if binary.subtype == BinarySubtype::BinaryOld { 4 } else { 0 };
    key.extend((binary.bytes.len() as u64 + inner).to_be_bytes());
    key.push(u8::from(binary.subtype));
    key.extend(&binary.bytes);
}

fn escaped(text: &[u8], key: &mut Vec<u8>) {
    for byte in text {
        key.push(*byte);
        if *byte == 0 {
            key.push(ZERO);
        }
    }
}

/// A text, and its end: below all that could follow in a longer one.
fn ended(text: &str, key: &mut Vec<u8>) {
    escaped(text.as_bytes(), key);
    key.extend([0, 0]);
}

/// The largest integer below which a double holds every integer.
const EXACT_MAX: u64 = 1 << f64::MANTISSA_DIGITS;

#[expect(clippy::cast_precision_loss, reason = "what is lost is looked at")]
fn number(value: &Bson, key: &mut Vec<u8>) {
    match value {
        Bson::Double(number) => exact(*number, key),
        Bson::Int64(number) if number.unsigned_abs() <= EXACT_MAX => exact(*number as f64, key),
        Bson::Int64(number) => between(value, *number as f64, Finite::integer(*number), key),
        Bson::Decimal128(decimal) => match Decimal::read(*decimal) {
            Decimal::Nan => exact(f64::NAN, key),
            Decimal::Infinite(true) => exact(f64::NEG_INFINITY, key),
            Decimal::Infinite(false) => exact(f64::INFINITY, key),
            Decimal::Finite(finite) => between(value, finite.nearest(), finite, key),
        },
        _ => {}
    }
}

/// A number that is a double.
fn exact(number: f64, key: &mut Vec<u8>) {
    double(number, key);
    key.push(0);
}

/// A number that may lie between two doubles, of which `near` is one.
fn between(value: &Bson, near: f64, digits: Finite, key: &mut Vec<u8>) {
    let order = compare_numbers(value, &Bson::Double(near));
    if order.is_eq() {
        return exact(near, key);
    }
    double(if order.is_lt() { near.next_down() } else { near }, key);
    key.push(1);
    // Together they say: the larger the number, the larger the bytes. Below zero it is the other way round.
    let mut bytes = [0; 18];
    let (magnitude, aligned) = digits.parts();
    let parts = magnitude.to_be_bytes().into_iter().chain(aligned.to_be_bytes());
    bytes.iter_mut().zip(parts).for_each(|(byte, part)| *byte = if digits.negative { !part } else { part });
    key.extend(bytes);
}

/// The bits of a double, turned so that they stand in its order, NaN lowest.
fn double(number: f64, key: &mut Vec<u8>) {
    let bits = if number == 0.0 { 0 } else { number.to_bits() };
    let bits = match bits {
        _ if number.is_nan() => 0,
        bits if bits >> 63 == 1 => !bits,
        bits => bits | (1 << 63),
    };
    key.extend(bits.to_be_bytes());
}
