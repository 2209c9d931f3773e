//! Tests of the evaluation of filters and of the order of values.

mod key;
mod laws;
mod meaning;
mod order;

use bson::{Binary, Bson, Decimal128};
use proptest::prelude::*;

fn decimal(text: &str) -> Bson {
    Bson::Decimal128(text.parse::<Decimal128>().unwrap())
}

fn number() -> impl Strategy<Value = Bson> {
    let decimals = ["NaN", "Infinity", "-Infinity", "-0", "0E+10", "0.1", "1E+3", "1.50", "9223372036854775807"];
    let more = ["0.1000000000000000055511151231257827", "9.999E+6144", "1E-6176", "-1E+300", "9007199254740993"];
    prop_oneof![
        (-3..4_i32).prop_map(Bson::Int32),
        (-3..4_i64).prop_map(Bson::Int64),
        prop::sample::select(vec![i64::MAX, i64::MAX - 1, i64::MIN, (1 << 53) + 1]).prop_map(Bson::Int64),
        (-3..4_i32).prop_map(|n| Bson::Double(f64::from(n))),
        prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.1, 1.5, 1e300, 1e-310, 9.3e18])
            .prop_map(Bson::Double),
        any::<f64>().prop_map(Bson::Double),
        prop::sample::select(decimals.to_vec()).prop_map(decimal),
        prop::sample::select(more.to_vec()).prop_map(decimal),
        (any::<u128>(), 0..2_u8).prop_map(|(bits, small)| {
            // Random bytes, half of them with an exponent near zero.
            let bits = if small == 1 { (bits & ((1 << 113) - 1)) | (6170 << 113) } else { bits };
            Bson::Decimal128(Decimal128::from_bytes(bits.to_le_bytes()))
        }),
    ]
}

fn leaf() -> impl Strategy<Value = Bson> {
    let subtypes = [bson::spec::BinarySubtype::Generic, bson::spec::BinarySubtype::Uuid];
    let bytes = prop::collection::vec(any::<u8>(), 0..3);
    prop_oneof![
        Just(Bson::Null),
        Just(Bson::Undefined),
        Just(Bson::MinKey),
        Just(Bson::MaxKey),
        number(),
        "[a-cé]{0,2}".prop_map(Bson::String),
        "[a-c]".prop_map(Bson::Symbol),
        any::<bool>().prop_map(Bson::Boolean),
        (-2..3_i64).prop_map(|millis| Bson::DateTime(bson::DateTime::from_millis(millis))),
        (prop::sample::select(subtypes.to_vec()), bytes)
            .prop_map(|(subtype, bytes)| Bson::Binary(Binary { subtype, bytes })),
    ]
}

fn value() -> impl Strategy<Value = Bson> {
    leaf().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Bson::Array),
            prop::collection::vec(("[ab01]", inner), 0..3)
                .prop_map(|fields| Bson::Document(fields.into_iter().collect())),
        ]
    })
}
