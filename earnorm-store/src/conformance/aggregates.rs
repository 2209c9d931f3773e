//! Distinct values, and measures over groups.

use bson::{Bson, DateTime, bson, doc};
use earnorm_core::Error;
use earnorm_core::predicate::Comparison::Gt;
use earnorm_core::predicate::Predicate;
use earnorm_core::store::{AggregateRow, Aggregation, Measure};

use super::Subject;
use super::draft::{THINGS, compare, eq, thing};
use super::filter_compare::decimal;

pub(super) async fn measures_over_everything_are_one_row(s: Subject) {
    numbers(&s, [3.into(), 1.into(), 2_i64.into()]).await;
    let rows = measure(&s, Predicate::always(), None, all()).await.unwrap();
    let values = vec![3_i64.into(), 6_i64.into(), 2.0.into(), 1.into(), 3.into()];
    assert_eq!(rows, [AggregateRow { key: Bson::Null, values }]);
}

pub(super) async fn measures_over_nothing_are_one_row_too(s: Subject) {
    numbers(&s, [3.into()]).await;
    let rows = measure(&s, eq("_id", 99), None, all()).await.unwrap();
    let values = vec![0_i64.into(), 0_i64.into(), Bson::Null, Bson::Null, Bson::Null];
    assert_eq!(rows, [AggregateRow { key: Bson::Null, values }]);
    assert_eq!(measure(&s, eq("_id", 99), Some("v"), all()).await.unwrap(), [], "but no group has no row");
}

pub(super) async fn groups_come_in_the_order_of_their_key(s: Subject) {
    let groups = [bson!("b"), bson!(2), bson!("a"), bson!(1), bson!(true), bson!("a"), bson!(null)];
    s.put((1..).zip(groups).map(|(id, group)| thing(id, doc! { "g": group, "v": id }))).await;
    s.put([thing(8, doc! { "v": 8 })]).await;
    let rows =
        measure(&s, Predicate::always(), Some("g"), vec![Measure::Sum("v".to_owned()), Measure::Count]).await.unwrap();
    let row = |key: Bson, sum: i64, count: i64| AggregateRow { key, values: vec![sum.into(), count.into()] };
    let expected = [
        row(Bson::Null, 15, 2),
        row(1.into(), 4, 1),
        row(2.into(), 2, 1),
        row("a".into(), 9, 2),
        row("b".into(), 1, 1),
        row(true.into(), 5, 1),
    ];
    assert_eq!(rows, expected, "null and missing are one group");
}

pub(super) async fn only_what_matches_is_measured(s: Subject) {
    numbers(&s, [1.into(), 2.into(), 3.into(), 4.into()]).await;
    let rows = measure(&s, compare("v", Gt, 2), None, all()).await.unwrap();
    assert_eq!(rows[0].values, [2_i64.into(), 7_i64.into(), 3.5.into(), 3.into(), 4.into()]);
}

pub(super) async fn what_is_no_number_is_passed_over(s: Subject) {
    numbers(&s, [1.into(), "5".into(), Bson::Null, true.into(), DateTime::from_millis(9).into(), 2.into()]).await;
    s.put([thing(20, doc! {})]).await;
    let rows = measure(&s, Predicate::always(), None, all()).await.unwrap();
    let highest = DateTime::from_millis(9).into();
    assert_eq!(rows[0].values, [7_i64.into(), 3_i64.into(), 1.5.into(), 1.into(), highest]);
}

pub(super) async fn values_that_are_no_numbers_have_no_sum(s: Subject) {
    numbers(&s, ["x".into(), Bson::Null]).await;
    let rows = measure(&s, Predicate::always(), None, all()).await.unwrap();
    assert_eq!(rows[0].values, [2_i64.into(), 0_i64.into(), Bson::Null, "x".into(), "x".into()]);
}

pub(super) async fn a_sum_has_the_widest_kind_of_its_numbers(s: Subject) {
    numbers(&s, [1.into(), 2_i64.into(), 0.5.into()]).await;
    assert_eq!(sum_and_mean(&s).await, (3.5.into(), (3.5 / 3.0).into()));
    s.put([thing(20, doc! { "v": decimal("0.1") })]).await;
    let (sum, mean) = sum_and_mean(&s).await;
    assert_decimal(&sum, "3.6");
    assert_decimal(&mean, "0.9");
}

pub(super) async fn decimals_are_summed_exactly(s: Subject) {
    numbers(&s, [decimal("0.1"), decimal("0.2"), decimal("1E+20"), decimal("-1E+20")]).await;
    let (sum, _) = sum_and_mean(&s).await;
    assert_decimal(&sum, "0.3");
}

pub(super) async fn doubles_are_summed_without_losing_the_small_ones(s: Subject) {
    numbers(&s, [0.1; 10].map(Bson::from)).await;
    assert_eq!(sum_and_mean(&s).await, (1.0.into(), 0.1.into()));
    s.put((20..30).map(|id| thing(id, doc! { "w": 1.0 }))).await;
    s.put([thing(19, doc! { "w": 1e16 })]).await;
    let rows = measure(&s, Predicate::always(), None, vec![Measure::Sum("w".to_owned())]).await.unwrap();
    assert_eq!(rows[0].values, [Bson::from(1e16 + 10.0)]);
}

pub(super) async fn integers_that_overflow_are_an_error(s: Subject) {
    numbers(&s, [i64::MAX.into(), 1.into()]).await;
    let error = measure(&s, Predicate::always(), None, vec![Measure::Sum("v".to_owned())]).await.unwrap_err();
    assert!(matches!(&error, Error::InvalidQuery { path, .. } if path == "v"), "{error}");
    s.put([thing(20, doc! { "v": i32::MAX, "w": i32::MAX }), thing(21, doc! { "w": i32::MAX })]).await;
    let rows = measure(&s, Predicate::always(), None, vec![Measure::Sum("w".to_owned())]).await.unwrap();
    assert_eq!(rows[0].values, [Bson::from(2 * i64::from(i32::MAX))], "int32 widens");
}

pub(super) async fn lowest_and_highest_follow_the_order_of_kinds(s: Subject) {
    numbers(&s, ["b".into(), 5.into(), Bson::Null, decimal("-1.5"), "a".into()]).await;
    let lowest_and_highest = vec![Measure::Min("v".to_owned()), Measure::Max("v".to_owned())];
    let rows = measure(&s, Predicate::always(), None, lowest_and_highest).await.unwrap();
    assert_eq!(rows[0].values, [decimal("-1.5"), "b".into()]);
}

pub(super) async fn nested_paths_are_grouped_and_measured(s: Subject) {
    s.put((0..6_i32).map(|id| thing(id, doc! { "a": { "g": id % 2, "n": id } }))).await;
    let rows = measure(&s, Predicate::always(), Some("a.g"), vec![Measure::Sum("a.n".to_owned())]).await.unwrap();
    let sums: Vec<_> = rows.iter().map(|row| (row.key.clone(), row.values[0].clone())).collect();
    assert_eq!(sums, [(0.into(), 6_i64.into()), (1.into(), 9_i64.into())]);
}

pub(super) async fn distinct_values_come_in_order_and_once(s: Subject) {
    let values = [bson!("b"), bson!(2), bson!("a"), bson!(null), bson!(2), bson!(true), bson!("b"), bson!(-1)];
    numbers(&s, values).await;
    s.put([thing(20, doc! {}), thing(21, doc! { "v": 2_i64 })]).await;
    let found = s.distinct(THINGS, &Predicate::always(), "v").await.unwrap();
    assert_eq!(found.len(), 6, "numbers are one by value, and missing is none: {found:?}");
    assert_eq!((&found[0], &found[1]), (&Bson::Null, &Bson::from(-1)));
    assert!(found[2] == 2.into() || found[2] == 2_i64.into());
    assert_eq!(found[3..], ["a".into(), "b".into(), true.into()]);
    assert_eq!(s.distinct(THINGS, &eq("v", true), "v").await.unwrap(), [Bson::from(true)]);
    assert_eq!(s.distinct(THINGS, &eq("_id", 99), "v").await.unwrap(), []);
    assert_eq!(s.distinct(THINGS, &eq("_id", 20), "v").await.unwrap(), [], "missing is not null here");
}

pub(super) async fn distinct_looks_into_arrays_and_nested_documents(s: Subject) {
    s.put([
        thing(1, doc! { "a": { "b": [3, 1] } }),
        thing(2, doc! { "a": { "b": 2 } }),
        thing(3, doc! { "a": { "b": [1] } }),
    ])
    .await;
    assert_eq!(s.distinct(THINGS, &Predicate::always(), "a.b").await.unwrap(), [1.into(), 2.into(), 3.into()]);
}

/// Asserts that a decimal equals the one in the text, trailing zeros aside.
fn assert_decimal(found: &Bson, expected: &str) {
    let Bson::Decimal128(found) = found else { panic!("{found} is no decimal") };
    assert_eq!(found.to_string().trim_end_matches('0'), expected);
}

fn all() -> Vec<Measure> {
    let v = || "v".to_owned();
    vec![Measure::Count, Measure::Sum(v()), Measure::Avg(v()), Measure::Min(v()), Measure::Max(v())]
}

/// Documents with these values at `v`, with ids from 1.
async fn numbers(s: &Subject, values: impl IntoIterator<Item = Bson>) {
    s.put((1..).zip(values).map(|(id, value)| thing(id, doc! { "v": value }))).await;
}

async fn measure(
    s: &Subject,
    predicate: Predicate,
    group_by: Option<&str>,
    measures: Vec<Measure>,
) -> Result<Vec<AggregateRow>, Error> {
    let group_by = group_by.map(ToOwned::to_owned);
    s.aggregate(Aggregation { collection: THINGS.to_owned(), predicate, group_by, measures }).await
}

async fn sum_and_mean(s: &Subject) -> (Bson, Bson) {
    let measures = vec![Measure::Sum("v".to_owned()), Measure::Avg("v".to_owned())];
    let mut rows = measure(s, Predicate::always(), None, measures).await.unwrap();
    let mut values = rows.remove(0).values;
    (values.remove(0), values.remove(0))
}
