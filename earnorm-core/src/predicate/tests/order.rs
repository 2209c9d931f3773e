//! The order of values: MongoDB's, and total.

use std::cmp::Ordering;

use bson::{Bson, bson, doc};
use proptest::prelude::*;

use super::{decimal, number, value};
use crate::predicate::{OrderedBson, compare, compare_documents, index_values, order_key};
use crate::store::SortKey;

/// A value of a type that is no more made, as the bytes of an old document hold it.
fn pointer(namespace: &str, id: u8) -> Bson {
    let mut bytes = vec![0, 0, 0, 0, 0x0c, b'p', 0];
    bytes.extend((namespace.len() as u32 + 1).to_le_bytes());
    bytes.extend([namespace.as_bytes(), &[0], &[id; 12], &[0]].concat());
    let length = bytes.len() as u32;
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    bson::deserialize_from_slice::<bson::Document>(&bytes).unwrap().remove("p").unwrap()
}

/// One or more values of each bracket, each above the one before it.
fn ascending() -> Vec<Bson> {
    let binary =
        |bytes: &[u8], subtype: u8| Bson::Binary(bson::Binary { subtype: subtype.into(), bytes: bytes.to_vec() });
    let regex = |pattern: &str, options: &str| {
        let [pattern, options] = [pattern, options].map(|text| text.try_into().unwrap());
        Bson::RegularExpression(bson::Regex { pattern, options })
    };
    vec![
        Bson::MinKey,
        Bson::Undefined,
        Bson::Null,
        Bson::Double(f64::NAN),
        decimal("-Infinity"),
        decimal("-1E+310"),
        Bson::Double(-1e300),
        Bson::Int64(i64::MIN),
        decimal("-1E+3"),
        Bson::Int32(-1),
        Bson::Double(-1e-310),
        decimal("-1E-6176"),
        Bson::Double(0.0),
        decimal("1E-6176"),
        Bson::Double(0.1),
        decimal("0.1000000000000000055511151231257828"),
        Bson::Double(9_007_199_254_740_992.0),
        Bson::Int64(9_007_199_254_740_993),
        Bson::Int64(i64::MAX),
        Bson::Double(9_223_372_036_854_775_808.0),
        Bson::Double(1e300),
        decimal("1E+310"),
        Bson::Double(f64::INFINITY),
        Bson::String(String::new()),
        Bson::String("B".into()),
        Bson::Symbol("a".into()),
        Bson::String("a\0".into()),
        Bson::String("é".into()),
        bson!({}),
        bson!({ "z": 1 }),
        bson!({ "a": "text" }),
        bson!({ "b": "text" }),
        bson!([]),
        bson!([null]),
        bson!([1]),
        bson!([1, 1]),
        binary(&[], 0),
        binary(&[9], 4),
        binary(&[1, 1], 0),
        binary(&[1, 2], 0),
        binary(&[0, 0], 4),
        Bson::ObjectId(bson::oid::ObjectId::from_bytes([1; 12])),
        Bson::Boolean(false),
        Bson::Boolean(true),
        Bson::DateTime(bson::DateTime::from_millis(-1)),
        Bson::DateTime(bson::DateTime::from_millis(1)),
        Bson::Timestamp(bson::Timestamp { time: 1, increment: 1 }),
        Bson::Timestamp(bson::Timestamp { time: 1, increment: 2 }),
        Bson::Timestamp(bson::Timestamp { time: 2, increment: 0 }),
        regex("a", "i"),
        regex("a", "m"),
        regex("b", ""),
        pointer("a", 1),
        pointer("a", 2),
        Bson::JavaScriptCode("a".into()),
        Bson::MaxKey,
    ]
}

#[test]
fn brackets_stand_in_mongodbs_order() {
    let ascending = ascending();
    for (place, left) in ascending.iter().enumerate() {
        for (other, right) in ascending.iter().enumerate() {
            assert_eq!(compare(left, right), place.cmp(&other), "{left:?} {right:?}");
            assert_eq!(order_key(left).cmp(&order_key(right)), place.cmp(&other), "keys of {left:?} {right:?}");
            let (left, right) = (OrderedBson(left.clone()), OrderedBson(right.clone()));
            assert_eq!(left.partial_cmp(&right), Some(place.cmp(&other)));
        }
    }
}

#[test]
fn numbers_of_all_types_are_equal_by_value() {
    let equal = [
        [Bson::Int32(1), Bson::Int64(1), Bson::Double(1.0), decimal("1.00")],
        [Bson::Int32(0), Bson::Double(-0.0), decimal("-0"), decimal("0E+6000")],
        [Bson::Double(f64::NAN), decimal("NaN"), Bson::Double(-f64::NAN), decimal("NaN")],
        [Bson::Double(f64::INFINITY), decimal("Infinity"), Bson::Double(f64::INFINITY), decimal("Infinity")],
        [Bson::Double(0.5), decimal("0.5"), decimal("5E-1"), decimal("0.50000")],
        [
            Bson::Int64(i64::MIN),
            Bson::Double(-9_223_372_036_854_775_808.0),
            decimal("-9223372036854775808"),
            decimal("-9.223372036854775808E+18"),
        ],
        [Bson::Int64(1000), decimal("1E+3"), Bson::Double(1e3), decimal("1000.0")],
    ];
    for group in &equal {
        for (left, right) in group.iter().flat_map(|left| group.iter().map(move |right| (left, right))) {
            assert_eq!(compare(left, right), Ordering::Equal, "{left:?} {right:?}");
        }
    }
}

#[test]
fn a_decimal_whose_digits_cannot_be_counts_as_zero() {
    let exponent_of_zero = 6176;
    // More than 34 digits; the first number that has 35; and the encoding for more digits, which holds few.
    for bits in [
        ((1_u128 << 113) - 1) | (exponent_of_zero << 113),
        10_u128.pow(34) | (exponent_of_zero << 113),
        5 | (exponent_of_zero << 111) | (0b11 << 125),
    ] {
        let beyond = Bson::Decimal128(bson::Decimal128::from_bytes(bits.to_le_bytes()));
        assert_eq!(compare(&beyond, &Bson::Int32(0)), Ordering::Equal, "{bits:x}");
        assert_eq!(compare(&beyond, &Bson::Double(5.0)), Ordering::Less, "{bits:x}");
    }
    let most = Bson::Decimal128(bson::Decimal128::from_bytes(((10_u128.pow(34) - 1) | (6176 << 113)).to_le_bytes()));
    assert_eq!(compare(&most, &decimal("9999999999999999999999999999999999")), Ordering::Equal);
}

#[test]
fn an_index_holds_a_value_for_each_element_and_one_at_least() {
    let values = |document: bson::Document, path: &str| {
        let mut values = Vec::new();
        index_values(&document, path, &mut |value| values.push(value.clone()));
        values
    };
    assert_eq!(values(doc! {}, "a"), [Bson::Null]);
    assert_eq!(values(doc! { "a": 1 }, "a.b"), [Bson::Null]);
    assert_eq!(values(doc! { "a": [] }, "a"), [Bson::Undefined]);
    assert_eq!(values(doc! { "a": [] }, "a.b"), [Bson::Null]);
    assert_eq!(values(doc! { "a": [1, [2]] }, "a"), [bson!(1), bson!([2])]);
    assert_eq!(values(doc! { "a": [{ "b": 1 }, 2, { "b": [] }] }, "a.b"), [bson!(1), Bson::Null, Bson::Undefined]);
    // An element that is named by its place counts as it is, unless it is an empty list.
    assert_eq!(values(doc! { "a": [[], 1] }, "a.0"), [Bson::Undefined]);
    assert_eq!(values(doc! { "a": [[1, 2], 1] }, "a.0"), [bson!([1, 2])]);
    assert_eq!(values(doc! { "a": [[{ "b": 1 }, { "b": 2 }]] }, "a.0.b"), [bson!(1), bson!(2)]);
    assert_eq!(values(doc! { "a": [{ "b": 1 }, { "b": 2 }] }, "a.1.b"), [bson!(2)]);
}

#[test]
fn documents_are_sorted_by_keys_and_then_by_id() {
    let documents = [
        doc! { "_id": 1, "a": [5, 1] },
        doc! { "_id": 2, "a": [] },
        doc! { "_id": 3 },
        doc! { "_id": 4, "a": 2 },
        doc! { "_id": 5, "a": { "b": [7, 3] } },
        doc! { "_id": 6, "a": [{ "b": 4 }, 1] },
    ];
    let sorted = |path: &str, descending| {
        let keys = [SortKey { path: path.to_owned(), descending }];
        let mut sorted = documents.to_vec();
        sorted.sort_by(|a, b| compare_documents(a, b, &keys));
        sorted.iter().map(|document| document.get_i32("_id").unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(sorted("a", false), [2, 3, 1, 6, 4, 5]);
    assert_eq!(sorted("a", true), [5, 6, 1, 4, 3, 2]);
    assert_eq!(sorted("a.b", false), [1, 2, 3, 4, 6, 5]);
    assert_eq!(sorted("a.b", true), [5, 6, 1, 2, 3, 4]);
    assert_eq!(sorted("a.0", false), [2, 3, 4, 5, 1, 6]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_order_of_values_is_total(a in value(), b in value(), c in value()) {
        total(&a, &b, &c)?;
    }

    #[test]
    fn the_order_of_numbers_is_total(a in number(), b in number(), c in number()) {
        total(&a, &b, &c)?;
    }
}

fn total(a: &Bson, b: &Bson, c: &Bson) -> Result<(), TestCaseError> {
    prop_assert_eq!(compare(a, a), Ordering::Equal);
    prop_assert_eq!(compare(a, b), compare(b, a).reverse());
    if compare(a, b).is_le() && compare(b, c).is_le() {
        prop_assert!(compare(a, c).is_le(), "{:?} {:?} {:?}", a, b, c);
    }
    if compare(a, b).is_eq() {
        prop_assert_eq!(compare(a, c), compare(b, c));
    }
    Ok(())
}
