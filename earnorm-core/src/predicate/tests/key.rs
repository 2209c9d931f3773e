//! Keys as bytes stand in the order of values.

use bson::spec::BinarySubtype;
use bson::{Binary, Bson, Decimal128, Regex, Timestamp, doc};
use proptest::prelude::*;

use super::{decimal, number, value};
use crate::predicate::{compare, order_key, order_key_bracket, order_key_prefix};

fn agree(a: &Bson, b: &Bson) -> Result<(), TestCaseError> {
    let (left, right) = (order_key(a), order_key(b));
    prop_assert_eq!(left.cmp(&right), compare(a, b), "{:?} {:?}\n{:x?}\n{:x?}", a, b, left, right);
    Ok(())
}

/// Numbers of all types around the places where doubles, int64 and Decimal128 part.
fn near_edges() -> impl Strategy<Value = Bson> {
    let edges = [0, 1 << 31, 1 << 53, 1 << 54, i64::MAX - 2, i64::MIN + 2, -(1 << 53)];
    let integers = (prop::sample::select(edges.to_vec()), -2..3_i64).prop_map(|(edge, step)| edge + step);
    let doubles =
        [0.0, 0.1, 0.5, 1.0, 9_007_199_254_740_992.0, 9.223_372_036_854_776e18, 1e300, f64::MIN_POSITIVE, 5e-324];
    let doubles =
        (prop::sample::select(doubles.to_vec()), 0..3_u8, any::<bool>()).prop_map(|(double, steps, negative)| {
            let double =
                (0..steps).fold(double, |double, step| if step == 0 { double.next_up() } else { double.next_down() });
            if negative { -double } else { double }
        });
    let decimals = ["0.1", "0.10000000000000000", "0.1000000000000000055511151231257827", "0.5", "1E-324", "4.9E-324"];
    let more = ["5E-324", "4.94065645841246544176568792868222E-324", "1E-6176", "9007199254740993", "1.5", "1E+308"];
    let most =
        ["9223372036854775807.5", "9223372036854775808", "1.7976931348623157E+308", "1.8E+308", "9E+6144", "0E-6000"];
    let decimals = [decimals, more, most].concat();
    let decimals = (prop::sample::select(decimals), any::<bool>())
        .prop_map(|(text, negative)| decimal(&if negative { format!("-{text}") } else { text.to_owned() }));
    prop_oneof![
        integers.clone().prop_map(Bson::Int64),
        integers.prop_map(|number| decimal(&number.to_string())),
        doubles.clone().prop_map(Bson::Double),
        // The digits of a double, cut to those that fit: a little beside it.
        doubles.prop_map(|double| decimal(&format!("{double:.33e}"))),
        decimals,
        (-1e9..1e9).prop_map(|double: f64| decimal(&format!("{double}"))),
        (-1e9..1e9).prop_map(Bson::Double),
        any::<i64>().prop_map(Bson::Int64),
        any::<i32>().prop_map(Bson::Int32),
        any::<u64>().prop_map(|bits| Bson::Double(f64::from_bits(bits))),
        any::<u128>().prop_map(|bits| Bson::Decimal128(Decimal128::from_bytes(bits.to_le_bytes()))),
    ]
}

fn rare() -> impl Strategy<Value = Bson> {
    let text = || prop::sample::select(vec!["", "a", "a\u{0}", "a\u{0}b", "a\u{1}", "ab", "b", "\u{10ffff}"]);
    prop_oneof![
        text().prop_map(|text| Bson::String(text.to_owned())),
        text().prop_map(|text| Bson::Symbol(text.to_owned())),
        text().prop_map(|text| Bson::JavaScriptCode(text.to_owned())),
        (any::<u32>(), any::<u32>()).prop_map(|(time, increment)| Bson::Timestamp(Timestamp { time, increment })),
        any::<i64>().prop_map(|millis| Bson::DateTime(bson::DateTime::from_millis(millis))),
        any::<[u8; 12]>().prop_map(|bytes| Bson::ObjectId(bytes.into())),
        ("[ab]{0,2}", "[im]{0,1}").prop_map(|(pattern, options)| {
            let [pattern, options] = [pattern, options].map(|text| text.try_into().unwrap());
            Bson::RegularExpression(Regex { pattern, options })
        }),
        (prop::sample::select(vec![0_u8, 2, 4, 128]), prop::collection::vec(0..3_u8, 0..6))
            .prop_map(|(subtype, bytes)| { Bson::Binary(Binary { subtype: BinarySubtype::from(subtype), bytes }) }),
        (text(), number()).prop_map(|(code, number)| {
            let code = code.to_owned();
            Bson::JavaScriptCodeWithScope(bson::JavaScriptCodeWithScope { code, scope: doc! { "a": number } })
        }),
    ]
}

/// Lists and documents of few and nearly equal parts.
fn nested() -> impl Strategy<Value = Bson> {
    let leaf = prop_oneof![rare(), near_edges(), value()];
    let names = prop::sample::select(vec!["", "a", "a\u{0}", "aa", "b"]);
    prop_oneof![
        prop::collection::vec(leaf.clone(), 0..3).prop_map(Bson::Array),
        prop::collection::vec((names, leaf), 0..3).prop_map(|fields| Bson::Document(
            fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
        )),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn of_all_values(a in value(), b in value()) {
        agree(&a, &b)?;
    }

    #[test]
    fn of_numbers(a in prop_oneof![number(), near_edges()], b in near_edges()) {
        agree(&a, &b)?;
    }

    #[test]
    fn of_rare_values(a in rare(), b in rare()) {
        agree(&a, &b)?;
    }

    #[test]
    fn of_nested_values(a in nested(), b in nested()) {
        agree(&a, &b)?;
    }

    #[test]
    fn a_bracket_holds_its_keys_and_no_others(a in prop_oneof![value(), rare()], b in prop_oneof![value(), rare()]) {
        let (from, to) = order_key_bracket(&a);
        let key = order_key(&b);
        let same = super::super::order::bracket(&a) == super::super::order::bracket(&b);
        prop_assert_eq!(from <= key && key < to, same);
    }

    #[test]
    fn a_prefix_holds_its_texts_and_no_others(text in "[a\u{0}\u{10ffff}]{0,4}", prefix in "[a\u{0}\u{10ffff}]{0,3}") {
        let (from, to) = order_key_prefix(&prefix);
        let key = order_key(&Bson::String(text.clone()));
        prop_assert_eq!(from <= key && key < to, text.starts_with(&prefix), "{:?} {:?}", text, prefix);
    }
}

#[test]
fn numbers_take_ten_bytes_whatever_their_type() {
    let same = [Bson::Int32(1), Bson::Int64(1), Bson::Double(1.0), decimal("1.00")].map(|one| order_key(&one));
    assert!(same.iter().all(|key| *key == same[0] && key.len() == 10), "{same:?}");
}
