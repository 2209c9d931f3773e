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

#[test]
fn sums_of_doubles_are_compensated() {
    let tenths = vec![Bson::Double(0.1); 10];
    assert_eq!(measured(tenths)[0], Bson::Double(1.0));
    let cancelled = [1e16, 1.0, 1.0, -1e16].map(Bson::Double).to_vec();
    assert_eq!(measured(cancelled)[0], Bson::Double(2.0));
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
}
