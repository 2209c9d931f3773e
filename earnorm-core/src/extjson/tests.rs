//! Tests of extended JSON.

use bson::oid::ObjectId;
use bson::{Binary, Bson, DateTime, Decimal128, JavaScriptCodeWithScope, Regex, Timestamp, bson, doc};
use proptest::prelude::*;

use super::{TEXT_DEPTH_MAX, decode, decode_value, encode, encode_value, from_json, to_json};
use crate::limits::MAX_DEPTH;

/// Two values of the same types and bits: NaN is equal to itself here, and zero has a sign.
fn same(a: &Bson, b: &Bson) -> bool {
    match (a, b) {
        (Bson::Double(a), Bson::Double(b)) => a.to_bits() == b.to_bits(),
        (Bson::Array(a), Bson::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Bson::Document(a), Bson::Document(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((m, a), (n, b))| m == n && same(a, b))
        }
        (Bson::JavaScriptCodeWithScope(a), Bson::JavaScriptCodeWithScope(b)) => {
            a.code == b.code && same(&Bson::Document(a.scope.clone()), &Bson::Document(b.scope.clone()))
        }
        (a, b) => a == b,
    }
}

fn back(value: &Bson) -> Result<(), TestCaseError> {
    let text = encode_value(value);
    let read = decode_value(&text).map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
    prop_assert!(same(&read, value), "{:?} became {} and {:?}", value, text, read);
    Ok(())
}

fn pointer() -> Bson {
    let pointer = serde_json::json!({ "$dbPointer": { "$ref": "a.b", "$id": { "$oid": "0102030405060708090a0b0c" } } });
    Bson::try_from(pointer).unwrap()
}

fn scalar() -> impl Strategy<Value = Bson> {
    let doubles = [f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.0, 1.0, 5e-324, f64::MAX, 1e16, 0.3];
    let decimals = ["NaN", "-Infinity", "-0", "0E+6111", "1.50", "1E+3", "9.999E+6144", "1E-6176", "0.0000001"];
    let millis = [i64::MIN, -1, 0, 1, 253_402_300_799_999, 253_402_300_800_000, i64::MAX];
    let integers = [i64::from(i32::MIN) - 1, i64::from(i32::MIN), 5, i64::from(i32::MAX), i64::from(i32::MAX) + 1];
    let first = prop_oneof![
        prop::sample::select(vec![Bson::Null, Bson::Undefined, Bson::MinKey, Bson::MaxKey, pointer()]),
        any::<bool>().prop_map(Bson::Boolean),
        any::<i32>().prop_map(Bson::Int32),
        prop_oneof![any::<i64>(), prop::sample::select(integers.to_vec())].prop_map(Bson::Int64),
        prop_oneof![any::<u64>().prop_map(f64::from_bits), -1e9..1e9, prop::sample::select(doubles.to_vec())]
            .prop_map(Bson::Double),
        any::<u128>().prop_map(|bits| Bson::Decimal128(Decimal128::from_bytes(bits.to_le_bytes()))),
        prop::sample::select(decimals.to_vec()).prop_map(|text| Bson::Decimal128(text.parse().unwrap())),
    ];
    let second = prop_oneof![
        any::<String>().prop_map(Bson::String),
        any::<String>().prop_map(Bson::Symbol),
        any::<String>().prop_map(Bson::JavaScriptCode),
        any::<[u8; 12]>().prop_map(|bytes| Bson::ObjectId(ObjectId::from_bytes(bytes))),
        prop_oneof![any::<i64>(), 0..253_402_300_800_000_i64, prop::sample::select(millis.to_vec())]
            .prop_map(|millis| Bson::DateTime(DateTime::from_millis(millis))),
        (any::<u32>(), any::<u32>()).prop_map(|(time, increment)| Bson::Timestamp(Timestamp { time, increment })),
        (any::<u8>(), prop::collection::vec(any::<u8>(), 0..40))
            .prop_map(|(subtype, bytes)| Bson::Binary(Binary { subtype: subtype.into(), bytes })),
        any::<[u8; 16]>().prop_map(|bytes| Bson::Binary(Binary { subtype: 4.into(), bytes: bytes.to_vec() })),
        ("[^\u{0}]{0,5}", "[a-z]{0,3}").prop_map(|(pattern, options)| {
            let [pattern, options] = [pattern, options].map(|text| text.try_into().unwrap());
            Bson::RegularExpression(Regex { pattern, options })
        }),
    ];
    prop_oneof![first, second]
}

fn name() -> impl Strategy<Value = String> {
    let marks =
        ["$oid", "$numberLong", "$numberInt", "$date", "$code", "$scope", "$ref", "$$", "$", "", "$$oid", "$set"];
    prop_oneof![any::<String>(), prop::sample::select(marks.to_vec()).prop_map(str::to_owned), "[a-c]"]
}

fn value() -> impl Strategy<Value = Bson> {
    scalar().prop_recursive(4, 24, 4, |inner| {
        let document = prop::collection::vec((name(), inner.clone()), 0..4)
            .prop_map(|fields| fields.into_iter().collect::<bson::Document>())
            .boxed();
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Bson::Array),
            document.clone().prop_map(Bson::Document),
            (any::<String>(), document)
                .prop_map(|(code, scope)| Bson::JavaScriptCodeWithScope(JavaScriptCodeWithScope { code, scope })),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_value_comes_back(value in value()) {
        back(&value)?;
    }

    #[test]
    fn every_scalar_comes_back(value in scalar()) {
        back(&value)?;
    }

    #[test]
    fn a_document_comes_back_from_json_in_memory(value in value()) {
        let document = doc! { "$v": value };
        let read = from_json(to_json(&document)).unwrap();
        prop_assert!(same(&Bson::Document(read), &Bson::Document(document)));
    }

    #[test]
    fn canonical_text_of_others_is_understood(value in value()) {
        // It does not say all: names that look like marks, odd NaN and the order of options are lost in it.
        let text = value.clone().into_canonical_extjson().to_string();
        if let Ok(read) = decode_value(&text) {
            prop_assert_eq!(encode_value(&read), encode_value(&decode_value(&encode_value(&read)).unwrap()));
        }
    }

    #[test]
    fn hostile_text_is_no_panic(text in any::<String>(), parts in prop::collection::vec(0..27_usize, 0..12)) {
        let words = [
            "{", "}", "[", "]", ":", ",", "\"$oid\"", "\"$date\"", "\"$binary\"", "\"$numberDecimal\"", "\"$numberLong\"",
            "\"$timestamp\"", "\"$dbPointer\"", "\"$ref\"", "\"$id\"", "\"$scope\"", "\"$code\"", "\"1é9\"", "\"\"", "null",
            "1e999", "-0", "18446744073709551615", "\"base64\"", "\"subType\"", "\"9999999999999999999999999999999999éé\"",
            "\"$rawDecimal\"",
        ];
        let _ = decode_value(&text);
        let _ = decode_value(&parts.into_iter().map(|part| words[part]).collect::<String>());
        let _ = decode_value(&format!("{{\"$numberDecimal\":{}}}", serde_json::Value::String(text.clone())));
        let _ = decode_value(&format!("{{\"$date\":{}}}", serde_json::Value::String(text)));
    }

    #[test]
    fn hostile_numbers_are_no_panic(text in "[0-9eE+.-]{0,60}") {
        let _ = decode_value(&format!("{{\"$numberDecimal\":\"{text}\"}}"));
        let _ = decode_value(&text);
    }
}

#[test]
fn texts_are_readable() {
    let id = ObjectId::from_bytes([1; 12]);
    let uuid = Binary { subtype: 4.into(), bytes: vec![0xab; 16] };
    let document = doc! {
        "text": "é", "int": 5, "long": 5_i64, "large": 5_000_000_000_i64, "whole": 1.0, "price": 12.34, "none": null,
        "at": DateTime::from_millis(1_500), "before": DateTime::from_millis(-1), "id": id, "uuid": uuid,
        "decimal": "1.50".parse::<Decimal128>().unwrap(), "like": { "$numberLong": "5" }, "list": [true, {}],
        "bytes": Binary { subtype: 0.into(), bytes: vec![1, 2] }, "stamp": Timestamp { time: 1, increment: 2 },
    };
    let expected = concat!(
        r#"{"text":"é","int":5,"long":{"$numberLong":"5"},"large":5000000000,"whole":1.0,"price":12.34,"none":null,"#,
        r#""at":{"$date":"1970-01-01T00:00:01.5Z"},"before":{"$date":{"$numberLong":"-1"}},"#,
        r#""id":{"$oid":"010101010101010101010101"},"uuid":{"$uuid":"abababab-abab-abab-abab-abababababab"},"#,
        r#""decimal":{"$numberDecimal":"1.50"},"like":{"$$numberLong":"5"},"list":[true,{}],"#,
        r#""bytes":{"$binary":{"base64":"AQI=","subType":"00"}},"stamp":{"$timestamp":{"t":1,"i":2}}}"#,
    );
    assert_eq!(encode(&document), expected);
    assert_eq!(decode(expected).unwrap(), document);
}

#[test]
fn doubles_that_json_has_no_number_for_are_named() {
    for (number, text) in [
        (f64::NAN, r#"{"$numberDouble":"NaN"}"#),
        (f64::INFINITY, r#"{"$numberDouble":"Infinity"}"#),
        (f64::NEG_INFINITY, r#"{"$numberDouble":"-Infinity"}"#),
        (-f64::NAN, r#"{"$rawDouble":"fff8000000000000"}"#),
    ] {
        assert_eq!(encode_value(&Bson::Double(number)), text);
        back(&Bson::Double(number)).unwrap();
    }
}

#[test]
fn canonical_text_is_understood() {
    let text = r#"{"a":{"$numberInt":"5"},"b":{"$numberDouble":"-0.0"},"c":{"$date":{"$numberLong":"7"}}}"#;
    let expected = doc! { "a": 5, "b": -0.0, "c": DateTime::from_millis(7) };
    assert_eq!(decode(text).unwrap(), expected);
    for millis in ["7", r#"{"$numberInt":"7"}"#] {
        let date = decode_value(&format!(r#"{{"$date":{millis}}}"#)).unwrap();
        assert_eq!(date, Bson::DateTime(DateTime::from_millis(7)));
    }
}

#[test]
fn what_is_wrong_is_said() {
    let cases = [
        ("", "EOF"),
        ("[]", "Array stands where a document is expected"),
        ("{} 1", "trailing"),
        (r#"{"a":1,"a":2}"#, "the field `a` stands in it twice"),
        (r#"{"a":1,"$oid":"x"}"#, "`$oid` must be the first field"),
        (r#"{"a":{"$oid":"x"}}"#, "`$oid` is no type's mark, or not with this value"),
        (r#"{"a":{"$new":1}}"#, "is written with `$$`"),
        (r#"{"a":{"$oid":"010101010101010101010101","b":1}}"#, "`b` does not belong to `$oid`"),
        (r#"{"a":{"$code":"x","$scope":5}}"#, "`$code` is no type's mark, or not with this value"),
        (r#"{"a":{"$symbol":"x","$scope":{}}}"#, "`$symbol` is no type's mark, or not with this value"),
        (r#"{"a":{"$numberDecimal":""}}"#, "`$numberDecimal` is no type's mark"),
        (r#"{"a":{"$numberDecimal":"-."}}"#, "`$numberDecimal` is no type's mark"),
        (r#"{"a":{"$timestamp":{"t":1,"i":2,"j":3}}}"#, "`$timestamp` is no type's mark"),
        (r#"{"a":{"$binary":{"base64":"AQI=","subType":"00","more":1}}}"#, "`$binary` is no type's mark"),
        (r#"{"a":9223372036854775808}"#, "too large for an Int64"),
    ];
    for (text, expected) in cases {
        let error = decode(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn depth_is_bounded_and_large_enough_for_all_documents() {
    let deep = |levels: usize| (1..levels).fold(Bson::Document(doc! {}), |inner, _| bson!({ "a": inner }));
    back(&deep(MAX_DEPTH)).unwrap();
    let scopes = (1..MAX_DEPTH).fold(Bson::Null, |inner, _| {
        Bson::JavaScriptCodeWithScope(JavaScriptCodeWithScope { code: String::new(), scope: doc! { "a": inner } })
    });
    back(&bson!({ "a": scopes })).unwrap();
    for open in ["[", "{\"a\":", "{\"$code\":", "{\"$date\":"] {
        let error = decode_value(&open.repeat(100_000)).unwrap_err().to_string();
        assert!(error.contains(&format!("deeper than {TEXT_DEPTH_MAX} levels")), "{error}");
    }
}
