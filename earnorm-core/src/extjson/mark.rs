//! The names that tell a type, and what stands behind them.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bson::oid::ObjectId;
use bson::spec::BinarySubtype;
use bson::{Binary, Bson, DateTime, Decimal128, Document, JavaScriptCodeWithScope, Regex, Timestamp};

use super::moment::moment;

pub(super) const INT32: &str = "$numberInt";
pub(super) const INT64: &str = "$numberLong";
pub(super) const DOUBLE: &str = "$numberDouble";
pub(super) const RAW_DOUBLE: &str = "$rawDouble";
pub(super) const DECIMAL: &str = "$numberDecimal";
pub(super) const RAW_DECIMAL: &str = "$rawDecimal";
pub(super) const DATE: &str = "$date";
pub(super) const OBJECT_ID: &str = "$oid";
pub(super) const BINARY: &str = "$binary";
pub(super) const UUID: &str = "$uuid";
pub(super) const SYMBOL: &str = "$symbol";
pub(super) const CODE: &str = "$code";
pub(super) const SCOPE: &str = "$scope";
pub(super) const TIMESTAMP: &str = "$timestamp";
pub(super) const REGEX: &str = "$regularExpression";
pub(super) const POINTER: &str = "$dbPointer";
pub(super) const MIN_KEY: &str = "$minKey";
pub(super) const MAX_KEY: &str = "$maxKey";
pub(super) const UNDEFINED: &str = "$undefined";

/// A field's name as it is written.
pub(super) fn escape(name: &str) -> Cow<'_, str> {
    if name.starts_with('$') { Cow::Owned(format!("${name}")) } else { Cow::Borrowed(name) }
}

/// The name of a mark, if it is one of these that stand in nearly every document: they need no copy.
pub(super) fn known(written: &str) -> Option<&'static str> {
    [UUID, DATE, INT64, DECIMAL, OBJECT_ID, BINARY, DOUBLE].into_iter().find(|name| *name == written)
}

/// The value of a mark with all the fields of its object, where [`of_text`] has none; `None` if they do not belong
/// together.
pub(super) fn value(name: &str, argument: Bson, scope: Option<Bson>) -> Option<Bson> {
    match (name, argument, scope) {
        (CODE, Bson::String(code), Some(Bson::Document(scope))) => {
            Some(Bson::JavaScriptCodeWithScope(JavaScriptCodeWithScope { code, scope }))
        }
        (SYMBOL, Bson::String(text), None) => Some(Bson::Symbol(text)),
        (CODE, Bson::String(code), None) => Some(Bson::JavaScriptCode(code)),
        (DATE, Bson::Int64(millis), None) => Some(Bson::DateTime(DateTime::from_millis(millis))),
        (DATE, Bson::Int32(millis), None) => Some(Bson::DateTime(DateTime::from_millis(millis.into()))),
        (MIN_KEY, Bson::Int32(1), None) => Some(Bson::MinKey),
        (MAX_KEY, Bson::Int32(1), None) => Some(Bson::MaxKey),
        (UNDEFINED, Bson::Boolean(true), None) => Some(Bson::Undefined),
        (_, Bson::Document(parts), None) if parts.len() == 2 => of_parts(name, &parts),
        _ => None,
    }
}

/// The value of a mark that a text says alone.
pub(super) fn of_text(name: &str, text: &str) -> Option<Bson> {
    match name {
        INT32 => text.parse().ok().map(Bson::Int32),
        INT64 => text.parse().ok().map(Bson::Int64),
        DOUBLE => text.parse().ok().map(Bson::Double),
        RAW_DOUBLE => u64::from_str_radix(text, 16).ok().map(|bits| Bson::Double(f64::from_bits(bits))),
        DECIMAL => decimal(text).map(Bson::Decimal128),
        RAW_DECIMAL => {
            let bits = u128::from_str_radix(text, 16).ok()?;
            Some(Bson::Decimal128(Decimal128::from_bytes(bits.to_be_bytes())))
        }
        DATE => match moment(text) {
            Some(moment) => Some(DateTime::from_millis(moment.timestamp_millis())),
            None => DateTime::parse_rfc3339_str(text).ok(),
        }
        .map(Bson::DateTime),
        OBJECT_ID => ObjectId::parse_str(text).ok().map(Bson::ObjectId),
        UUID => {
            let bytes = uuid::Uuid::try_parse(text).ok()?.as_bytes().to_vec();
            Some(Bson::Binary(Binary { subtype: BinarySubtype::Uuid, bytes }))
        }
        _ => None,
    }
}

/// Reads a Decimal128, if its text is one of a number: BSON's own reader does not expect others.
pub(super) fn decimal(text: &str) -> Option<Decimal128> {
    let number = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'));
    let digits = text.bytes().any(|byte| byte.is_ascii_digit());
    let word = matches!(text, "NaN" | "Infinity" | "-Infinity");
    if word || (number && digits) { text.parse().ok() } else { None }
}

fn of_parts(name: &str, parts: &Document) -> Option<Bson> {
    let text = |part: &str| parts.get_str(part).ok();
    match name {
        BINARY => {
            let bytes = STANDARD.decode(text("base64")?).ok()?;
            let subtype = u8::from_str_radix(text("subType")?, 16).ok()?;
            Some(Bson::Binary(Binary { subtype: subtype.into(), bytes }))
        }
        REGEX => {
            let pattern = text("pattern")?.to_owned().try_into().ok()?;
            let options = text("options")?.to_owned().try_into().ok()?;
            Some(Bson::RegularExpression(Regex { pattern, options }))
        }
        TIMESTAMP => Some(Bson::Timestamp(Timestamp { time: unsigned(parts, "t")?, increment: unsigned(parts, "i")? })),
        POINTER => {
            let id = parts.get_object_id("$id").ok()?.to_hex();
            let pointer = serde_json::json!({ POINTER: { "$ref": text("$ref")?, "$id": { OBJECT_ID: id } } });
            Bson::try_from(pointer).ok()
        }
        _ => None,
    }
}

fn unsigned(parts: &Document, name: &str) -> Option<u32> {
    match parts.get(name)? {
        Bson::Int32(number) => u32::try_from(*number).ok(),
        Bson::Int64(number) => u32::try_from(*number).ok(),
        _ => None,
    }
}
