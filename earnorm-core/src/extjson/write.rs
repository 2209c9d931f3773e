//! From BSON to extended JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bson::spec::BinarySubtype;
use bson::{Binary, Bson, DateTime, Decimal128, Document};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use super::mark::{self, escape};

/// 10000-01-01T00:00:00Z: years above have more digits than RFC 3339 knows.
const YEARS_END_MILLIS: i64 = 253_402_300_800_000;

/// A document, field by field.
pub(super) struct Fields<'a>(pub(super) &'a Document);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            map.serialize_entry(escape(name).as_ref(), &Value(value))?;
        }
        map.end()
    }
}

/// Any value.
pub(super) struct Value<'a>(pub(super) &'a Bson);

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Bson::Null => to.serialize_unit(),
            Bson::Boolean(value) => to.serialize_bool(*value),
            Bson::String(text) => to.serialize_str(text),
            Bson::Int32(number) => to.serialize_i32(*number),
            Bson::Int64(number) if i32::try_from(*number).is_err() => to.serialize_i64(*number),
            Bson::Double(number) if number.is_finite() => to.serialize_f64(*number),
            Bson::Document(document) => Fields(document).serialize(to),
            Bson::Array(items) => {
                let mut list = to.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| list.serialize_element(&Value(item)))?;
                list.end()
            }
            other => marked(other, to),
        }
    }
}

/// The values that JSON has no word for.
fn marked<S: Serializer>(value: &Bson, to: S) -> Result<S::Ok, S::Error> {
    match value {
        Bson::Int64(number) => one(to, mark::INT64, &number.to_string()),
        Bson::Double(number) => double(*number, to),
        Bson::Decimal128(number) => decimal(*number, to),
        Bson::DateTime(at) => date(*at, to),
        Bson::ObjectId(id) => one(to, mark::OBJECT_ID, &id.to_hex()),
        Bson::Binary(bytes) => binary(bytes, to),
        Bson::Symbol(text) => one(to, mark::SYMBOL, text),
        Bson::JavaScriptCode(code) => one(to, mark::CODE, code),
        Bson::JavaScriptCodeWithScope(code) => {
            let mut map = to.serialize_map(Some(2))?;
            map.serialize_entry(mark::CODE, &code.code)?;
            map.serialize_entry(mark::SCOPE, &Fields(&code.scope))?;
            map.end()
        }
        Bson::Timestamp(at) => one(to, mark::TIMESTAMP, &Pair(("t", &at.time), ("i", &at.increment))),
        Bson::RegularExpression(regex) => {
            let parts = Pair(("pattern", regex.pattern.as_str()), ("options", regex.options.as_str()));
            one(to, mark::REGEX, &parts)
        }
        Bson::MinKey => one(to, mark::MIN_KEY, &1),
        Bson::MaxKey => one(to, mark::MAX_KEY, &1),
        Bson::Undefined => one(to, mark::UNDEFINED, &true),
        // Its parts are private: what BSON's own codec says is all there is to know. The others are written above.
        other => other.clone().into_canonical_extjson().serialize(to),
    }
}

/// An object of one field.
fn one<S: Serializer, T: Serialize + ?Sized>(to: S, name: &'static str, value: &T) -> Result<S::Ok, S::Error> {
    let mut map = to.serialize_map(Some(1))?;
    map.serialize_entry(name, value)?;
    map.end()
}

/// An object of two fields.
struct Pair<'a, T: ?Sized>((&'static str, &'a T), (&'static str, &'a T));

impl<T: Serialize + ?Sized> Serialize for Pair<'_, T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(2))?;
        map.serialize_entry(self.0.0, self.0.1)?;
        map.serialize_entry(self.1.0, self.1.1)?;
        map.end()
    }
}

fn double<S: Serializer>(number: f64, to: S) -> Result<S::Ok, S::Error> {
    let text = match number {
        f64::INFINITY => "Infinity",
        f64::NEG_INFINITY => "-Infinity",
        number if number.to_bits() == f64::NAN.to_bits() => "NaN",
        number => return one(to, mark::RAW_DOUBLE, &format!("{:016x}", number.to_bits())),
    };
    one(to, mark::DOUBLE, text)
}

fn decimal<S: Serializer>(number: Decimal128, to: S) -> Result<S::Ok, S::Error> {
    let text = number.to_string();
    if mark::decimal(&text) == Some(number) {
        return one(to, mark::DECIMAL, &text);
    }
    one(to, mark::RAW_DECIMAL, &format!("{:032x}", u128::from_be_bytes(number.bytes())))
}

fn date<S: Serializer>(at: DateTime, to: S) -> Result<S::Ok, S::Error> {
    let millis = at.timestamp_millis();
    if (0..YEARS_END_MILLIS).contains(&millis)
        && let Ok(text) = at.try_to_rfc3339_string()
    {
        return one(to, mark::DATE, &text);
    }
    one(to, mark::DATE, &Value(&Bson::Int64(millis)))
}

fn binary<S: Serializer>(binary: &Binary, to: S) -> Result<S::Ok, S::Error> {
    if binary.subtype == BinarySubtype::Uuid
        && let Ok(id) = uuid::Uuid::from_slice(&binary.bytes)
    {
        return one(to, mark::UUID, &id.to_string());
    }
    let subtype = format!("{:02x}", u8::from(binary.subtype));
    let base64 = STANDARD.encode(&binary.bytes);
    one(to, mark::BINARY, &Pair(("base64", base64.as_str()), ("subType", subtype.as_str())))
}
