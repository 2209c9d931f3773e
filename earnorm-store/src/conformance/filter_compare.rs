//! Filters that compare one value with another.

use bson::oid::ObjectId;
use bson::{Bson, DateTime, Decimal128, doc};
use earnorm_core::Error;
use earnorm_core::predicate::Comparison::{self, Eq, Gt, Gte, Lt, Lte};
use earnorm_core::predicate::Predicate;
use earnorm_core::store::{Aggregation, DocumentQuery, Measure};

use super::Subject;
use super::draft::{THINGS, compare, eq, is_in, thing};

pub(super) async fn equal_is_by_value_and_never_across_kinds(s: Subject) {
    zoo(&s).await;
    s.expect(eq("v", "2"), &[5]).await;
    s.expect(eq("v", true), &[6]).await;
    s.expect(eq("v", DateTime::from_millis(2)), &[7]).await;
    s.expect(eq("v", ObjectId::from_bytes([2; 12])), &[8]).await;
    s.expect(eq("v", bson::Uuid::from_bytes([2; 16])), &[9]).await;
    s.expect(eq("v", doc! { "a": 1, "b": 2 }), &[12]).await;
    s.expect(eq("v", doc! { "b": 2, "a": 1 }), &[]).await;
    s.expect(eq("v", doc! { "a": 1 }), &[]).await;
    s.expect(eq("v", ""), &[]).await;
}

pub(super) async fn numbers_are_equal_by_value(s: Subject) {
    zoo(&s).await;
    for two in [Bson::from(2_i32), 2_i64.into(), 2.0.into(), decimal("2"), decimal("2.000")] {
        s.expect(eq("v", two), &[2]).await;
    }
    s.expect(eq("v", decimal("2.5")), &[3]).await;
    s.expect(eq("v", 3_i32), &[4]).await;
    s.expect(eq("v", 1.0), &[1]).await;
    s.expect(eq("v", 0.1), &[]).await;
    s.expect(is_in("v", [1_i64.into(), 2.5.into(), decimal("3.0")]), &[1, 3, 4]).await;
}

pub(super) async fn large_numbers_are_not_rounded(s: Subject) {
    let (even, odd) = (9_007_199_254_740_992_i64, 9_007_199_254_740_993_i64);
    s.put([thing(1, doc! { "v": even }), thing(2, doc! { "v": odd }), thing(3, doc! { "v": 9_007_199_254_740_992.0 })])
        .await;
    s.put([thing(4, doc! { "v": i64::MAX }), thing(5, doc! { "v": 9_223_372_036_854_775_807.0 })]).await;
    s.expect(eq("v", even), &[1, 3]).await;
    s.expect(eq("v", odd), &[2]).await;
    s.expect(eq("v", i64::MAX), &[4]).await;
    s.expect(compare("v", Gt, 9_007_199_254_740_992.0), &[2, 4, 5]).await;
    s.expect(compare("v", Gt, i64::MAX), &[5]).await;
}

pub(super) async fn order_compares_within_one_kind(s: Subject) {
    zoo(&s).await;
    s.expect(compare("v", Gt, 2), &[3, 4, 11]).await;
    s.expect(compare("v", Gte, 2), &[2, 3, 4, 11]).await;
    s.expect(compare("v", Lt, 2.5), &[1, 2]).await;
    s.expect(compare("v", Lte, decimal("2.5")), &[1, 2, 3]).await;
    s.expect(compare("v", Gte, ""), &[5]).await;
    s.expect(compare("v", Gt, "2"), &[]).await;
    s.expect(compare("v", Gte, false), &[6]).await;
    s.expect(compare("v", Lte, DateTime::from_millis(2)), &[7]).await;
    s.expect(compare("v", Gt, ObjectId::from_bytes([1; 12])), &[8]).await;
    s.expect(compare("v", Gte, bson::Uuid::from_bytes([2; 16])), &[9]).await;
}

pub(super) async fn nan_is_only_equal_to_itself(s: Subject) {
    zoo(&s).await;
    for op in [Eq, Gte, Lte] {
        s.expect(compare("v", op, f64::NAN), &[10]).await;
    }
    s.expect(compare("v", Gt, f64::NAN), &[]).await;
    s.expect(compare("v", Lt, f64::NAN), &[]).await;
    s.expect(compare("v", Lt, f64::INFINITY), &[1, 2, 3, 4]).await;
    s.expect(compare("v", Gte, f64::NEG_INFINITY), &[1, 2, 3, 4, 11]).await;
    s.expect(is_in("v", [f64::NAN.into()]), &[10]).await;
}

pub(super) async fn zero_has_no_sign(s: Subject) {
    s.put([
        thing(1, doc! { "v": 0.0 }),
        thing(2, doc! { "v": -0.0 }),
        thing(3, doc! { "v": 0_i32 }),
        thing(4, doc! { "v": decimal("-0.00") }),
    ])
    .await;
    s.expect(eq("v", 0), &[1, 2, 3, 4]).await;
    s.expect(eq("v", -0.0), &[1, 2, 3, 4]).await;
    s.expect(compare("v", Lt, 0.0), &[]).await;
}

pub(super) async fn text_is_ordered_by_its_bytes(s: Subject) {
    let words = ["", "A", "B", "a", "a\0", "aa", "ab", "ä", "\u{1F600}"];
    s.put((1..).zip(words).map(|(id, word)| thing(id, doc! { "v": word }))).await;
    s.expect(compare("v", Lt, "a"), &[1, 2, 3]).await;
    s.expect(compare("v", Gt, "a"), &[5, 6, 7, 8, 9]).await;
    s.expect(compare("v", Gt, "\u{ffff}"), &[9]).await;
    s.expect(eq("v", "a\0"), &[5]).await;
    assert_eq!(s.sorted(&["v"]).await, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
}

pub(super) async fn in_holds_for_each_of_its_values(s: Subject) {
    zoo(&s).await;
    s.expect(is_in("v", ["2".into(), true.into(), 7.into()]), &[5, 6]).await;
    s.expect(is_in("v", []), &[]).await;
    s.expect(is_in("v", [2.into(), 2_i64.into(), 2.into()]), &[2]).await;
    s.expect(is_in("v", [doc! { "a": 1, "b": 2 }.into()]), &[12]).await;
    s.expect(!is_in("v", []), &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]).await;
}

pub(super) async fn dates_have_milliseconds(s: Subject) {
    let dates = [-1, 0, 1, 1_700_000_000_123, 1_700_000_000_124];
    s.put((1..).zip(dates).map(|(id, date)| thing(id, doc! { "v": DateTime::from_millis(date) }))).await;
    s.expect(eq("v", DateTime::from_millis(1_700_000_000_123)), &[4]).await;
    s.expect(compare("v", Gt, DateTime::from_millis(1_700_000_000_123)), &[5]).await;
    s.expect(compare("v", Lt, DateTime::from_millis(0)), &[1]).await;
}

pub(super) async fn an_invalid_filter_is_an_error_wherever_it_stands(s: Subject) {
    s.put([thing(1, doc! { "v": 1 })]).await;
    let invalid = || Predicate::Invalid { path: "age".to_owned(), reason: "it is too large".to_owned() };
    let none = compare("v", Comparison::Gt, 5);
    for predicate in [invalid(), !invalid(), none.clone().and(invalid()), eq("v", 1).or(invalid())] {
        let found = s.find(DocumentQuery::new(THINGS, predicate.clone())).await.err();
        refused(found, &predicate);
        refused(s.count(THINGS, &predicate).await.err(), &predicate);
        refused(s.distinct(THINGS, &predicate, "v").await.err(), &predicate);
        let measures = vec![Measure::Count];
        let aggregation =
            Aggregation { collection: THINGS.to_owned(), predicate: predicate.clone(), group_by: None, measures };
        refused(s.aggregate(aggregation).await.err(), &predicate);
    }
}

fn refused(error: Option<Error>, predicate: &Predicate) {
    match error {
        Some(Error::InvalidQuery { path, reason }) => {
            assert_eq!((path.as_str(), reason.as_str()), ("age", "it is too large"));
        }
        other => panic!("{predicate:?} is an invalid query, not {other:?}"),
    }
}

/// One value of each kind at `v`.
async fn zoo(s: &Subject) {
    let values: [Bson; 12] = [
        1_i32.into(),
        2_i64.into(),
        2.5.into(),
        decimal("3"),
        "2".into(),
        true.into(),
        DateTime::from_millis(2).into(),
        ObjectId::from_bytes([2; 12]).into(),
        bson::Uuid::from_bytes([2; 16]).into(),
        f64::NAN.into(),
        f64::INFINITY.into(),
        doc! { "a": 1, "b": 2 }.into(),
    ];
    s.put((1..).zip(values).map(|(id, value)| thing(id, doc! { "v": value }))).await;
}

pub(super) fn decimal(text: &str) -> Bson {
    text.parse::<Decimal128>().unwrap().into()
}
