//! Tests of measures and distinct values.

use bson::{Bson, Document, bson, doc};

use super::{aggregate, distinct};
use crate::Error;
use crate::predicate::Predicate;
use crate::store::{Aggregation, Measure};

fn decimal(text: &str) -> Bson {
    Bson::Decimal128(text.parse().unwrap())
}

fn asked(group_by: Option<&str>, measures: Vec<Measure>) -> Aggregation {
    let group_by = group_by.map(str::to_owned);
    Aggregation { collection: String::new(), predicate: Predicate::always(), group_by, measures }
}

/// Sum, average, lowest and highest of the field `n`.
fn measured(values: Vec<Bson>) -> Vec<Bson> {
    let documents: Vec<_> = values.into_iter().map(|value| doc! { "n": value }).collect();
    let n = || "n".to_owned();
    let measures = vec![Measure::Sum(n()), Measure::Avg(n()), Measure::Min(n()), Measure::Max(n())];
    aggregate(&asked(None, measures), &documents).unwrap().remove(0).values
}

#[test]
fn nothing_has_measures_too() {
    assert_eq!(measured(Vec::new()), [Bson::Int64(0), Bson::Null, Bson::Null, Bson::Null]);
    assert_eq!(
        measured(vec![Bson::Null, "a".into(), bson!([5])]),
        [Bson::Int64(0), Bson::Null, "a".into(), bson!([5])]
    );
    assert!(aggregate(&asked(Some("k"), vec![Measure::Count]), &[] as &[Document]).unwrap().is_empty());
}

#[test]
fn the_widest_type_makes_the_type_of_a_sum() {
    let int32 = |n| Bson::Int32(n);
    assert_eq!(measured(vec![int32(i32::MAX), int32(1)])[0], Bson::Int64(2_147_483_648));
    assert_eq!(measured(vec![int32(1), Bson::Int64(2)])[..2], [Bson::Int64(3), Bson::Double(1.5)]);
    assert_eq!(measured(vec![int32(1), Bson::Double(0.5)])[..2], [Bson::Double(1.5), Bson::Double(0.75)]);
    assert_eq!(measured(vec![int32(2), decimal("1.10")])[..2], [decimal("3.10"), decimal("1.55")]);
    assert_eq!(
        measured(vec![decimal("1"), decimal("1"), decimal("2")])[1],
        decimal("1.333333333333333333333333333333333")
    );
    assert_eq!(measured(vec![Bson::Double(0.5), decimal("0.1")])[0], decimal("0.6"));
    assert_eq!(measured(vec![decimal("NaN"), decimal("1")])[0], decimal("NaN"));
    let infinite = vec![Bson::Double(f64::NEG_INFINITY), decimal("0.1"), Bson::Double(1.0)];
    assert_eq!(measured(infinite)[0], decimal("-Infinity"));
    assert_eq!(measured(vec![decimal("Infinity"), int32(1)])[..2], [decimal("Infinity"), decimal("Infinity")]);
}

/// As IEEE 754 has it for 34 digits, computed with Python's `decimal`.
#[test]
fn decimals_are_added_and_divided_at_the_ends_of_their_range() {
    let text = |value: &Bson| value.to_string();
    let zeros = "000000000000000000000000000000000";
    for (a, b, sum, average) in [
        ("1E+6000", "1", format!("1.{zeros}E+6000"), format!("5.{}E+5999", &zeros[1..])),
        ("1", "1E+6000", format!("1.{zeros}E+6000"), format!("5.{}E+5999", &zeros[1..])),
        ("-1E+6000", "1", format!("-1.{zeros}E+6000"), format!("-5.{}E+5999", &zeros[1..])),
        (
            "9.999999999999999999999999999999999E+6000",
            "1",
            "9.999999999999999999999999999999999E+6000".into(),
            format!("5.{zeros}E+6000"),
        ),
        ("1", "-1E-6000", format!("1.{zeros}"), format!("0.5{}", &zeros[1..])),
        ("0E+6111", "1", "1".into(), "0.5".into()),
        ("0E-5", "1", "1.00000".into(), "0.50000".into()),
        ("9.999E+6144", "9.999E+6144", "Infinity".into(), "Infinity".into()),
        ("-9.999E+6144", "-9.999E+6144", "-Infinity".into(), "-Infinity".into()),
        (
            "9.999999999999999999999999999999999E+6144",
            "1E+6110",
            "9.999999999999999999999999999999999E+6144".into(),
            format!("5.{zeros}E+6144"),
        ),
        ("9.999999999999999999999999999999999E+6144", "5E+6110", "Infinity".into(), "Infinity".into()),
        ("1E-6176", "0", "1E-6176".into(), "0E-6176".into()),
        ("3E-6176", "0", "3E-6176".into(), "2E-6176".into()),
        ("5E-6176", "0", "5E-6176".into(), "2E-6176".into()),
        ("3E+6144", "0", format!("3.{zeros}E+6144"), format!("1.5{}E+6144", &zeros[1..])),
        ("1E+3", "2E+3", "3000".into(), "1500".into()),
        ("1.10", "2.90", "4.00".into(), "2.00".into()),
        (
            "12345678901234567890123456789012.34",
            "0.01",
            "12345678901234567890123456789012.35".into(),
            "6172839450617283945061728394506.175".into(),
        ),
        ("1E+33", "0.5", format!("1{zeros}"), format!("5{}", &zeros[1..])),
        ("1E+33", "1.5", "1000000000000000000000000000000002".into(), "500000000000000000000000000000001".into()),
        ("Infinity", "-Infinity", "NaN".into(), "NaN".into()),
        ("-Infinity", "Infinity", "NaN".into(), "NaN".into()),
        ("-Infinity", "-Infinity", "-Infinity".into(), "-Infinity".into()),
        ("-Infinity", "NaN", "NaN".into(), "NaN".into()),
    ] {
        let found = measured(vec![decimal(a), decimal(b)]);
        assert_eq!([text(&found[0]), text(&found[1])], [sum, average], "{a} and {b}");
    }
}

#[test]
fn doubles_among_decimals_count_by_their_exact_value() {
    let sum = |values: Vec<Bson>| measured(values).remove(0);
    assert_eq!(sum(vec![Bson::Double(1000.0), decimal("1E+3")]), decimal("2000"));
    assert_eq!(sum(vec![Bson::Double(0.1), decimal("0")]), decimal("0.1000000000000000055511151231257827"));
    assert_eq!(sum(vec![Bson::Double(1e300), decimal("0.1")]), decimal("1.000000000000000052504760255204420E+300"));
    assert_eq!(sum(vec![Bson::Double(f64::NEG_INFINITY), decimal("Infinity")]), decimal("NaN"));
    assert_eq!(sum(vec![Bson::Double(f64::NAN), decimal("1")]), decimal("NaN"));
    assert_eq!(sum(vec![Bson::Double(f64::INFINITY), decimal("1")]), decimal("Infinity"));
}

#[test]
fn sums_of_doubles_are_compensated() {
    let tenths = vec![Bson::Double(0.1); 10];
    assert_eq!(measured(tenths)[0], Bson::Double(1.0));
    let cancelled = [1e16, 1.0, 1.0, -1e16].map(Bson::Double).to_vec();
    assert_eq!(measured(cancelled)[0], Bson::Double(2.0));
    let small_first = [1.0, 1e16, 1.0, -1e16].map(Bson::Double).to_vec();
    assert_eq!(measured(small_first)[0], Bson::Double(2.0), "as MongoDB has it");
    // An integer that is no double counts with its last digit.
    let integers = vec![Bson::Int64((1 << 62) + 1), Bson::Int64(-(1 << 62)), Bson::Double(0.5)];
    assert_eq!(measured(integers)[0], Bson::Double(1.5));
    assert_eq!(measured(vec![Bson::Double(f64::INFINITY), 1.into()])[0], Bson::Double(f64::INFINITY));
}

#[test]
fn an_integer_sum_that_overflows_is_an_error() {
    let documents = [doc! { "n": i64::MAX }, doc! { "n": 1 }, doc! { "n": -1 }];
    let sum = asked(None, vec![Measure::Sum("n".into())]);
    assert!(matches!(aggregate(&sum, &documents[..2]), Err(Error::InvalidQuery { .. })));
    // Only the end counts, not the way.
    assert_eq!(aggregate(&sum, &documents).unwrap()[0].values, [Bson::Int64(i64::MAX)]);
}

#[test]
fn groups_are_equal_by_value_and_sorted() {
    let documents =
        [doc! { "k": "a" }, doc! { "k": 1.0 }, doc! { "k": 1 }, doc! {}, doc! { "k": null }, doc! { "k": [1] }];
    let rows = aggregate(&asked(Some("k"), vec![Measure::Count]), &documents).unwrap();
    let rows: Vec<_> = rows.into_iter().map(|row| (row.key, row.values[0].as_i64().unwrap())).collect();
    assert_eq!(rows, [(Bson::Null, 2), (Bson::Double(1.0), 2), ("a".into(), 1), (bson!([1]), 1)]);
}

#[test]
fn a_measure_through_an_array_is_that_of_the_array_of_what_stands_there() {
    let documents =
        [doc! { "n": [{ "x": 2 }, 7, { "x": [3] }, { "y": 1 }] }, doc! { "n": [] }, doc! { "n": { "x": 5 } }];
    let measures = vec![Measure::Sum("n.x".into()), Measure::Min("n.x".into()), Measure::Max("n.x".into())];
    let row = aggregate(&asked(None, measures), &documents).unwrap().remove(0);
    assert_eq!(row.values, [Bson::Int64(5), 5.into(), bson!([2, [3]])]);
}

#[test]
fn distinct_values_come_out_of_arrays() {
    let documents = [
        doc! { "a": [1, 2, [3]] },
        doc! { "a": 2.0 },
        doc! { "a": null },
        doc! {},
        doc! { "a": [{ "b": 5 }, { "b": [6, 5] }] },
    ];
    assert_eq!(
        distinct("a", &documents),
        [Bson::Null, 1.into(), 2.into(), bson!({ "b": 5 }), bson!({ "b": [6, 5] }), bson!([3])]
    );
    assert_eq!(distinct("a.b", &documents), [Bson::Int32(5), Bson::Int32(6)]);
    assert_eq!(distinct("a.1", &documents), [Bson::Int32(2), bson!({ "b": [6, 5] })]);
    let nested = [doc! { "a": [[1, 2], { "b": [3, { "c": 4 }] }, [{ "b": 5 }, 6]] }];
    assert_eq!(distinct("a.0", &nested), [Bson::Int32(1), Bson::Int32(2)]);
    assert_eq!(distinct("a.1.b", &nested), [Bson::Int32(3), bson!({ "c": 4 })]);
    assert_eq!(distinct("a.2.b", &nested), [Bson::Int32(5)]);
    assert_eq!(distinct("a.2.1", &nested), [Bson::Int32(6)]);
    assert!(distinct("a.7", &nested).is_empty() && distinct("a.0.b", &nested).is_empty());
}
