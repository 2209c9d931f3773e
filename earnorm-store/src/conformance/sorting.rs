//! The order of what is found.

use bson::oid::ObjectId;
use bson::{Bson, DateTime, bson, doc};

use super::Subject;
use super::draft::thing;
use super::filter_compare::decimal;

pub(super) async fn kinds_have_an_order_and_null_is_first(s: Subject) {
    let values: [Bson; 10] = [
        Bson::Null,
        f64::NAN.into(),
        (-1).into(),
        "".into(),
        doc! { "a": 1 }.into(),
        bson::Uuid::from_bytes([1; 16]).into(),
        ObjectId::from_bytes([1; 12]).into(),
        false.into(),
        true.into(),
        DateTime::from_millis(i64::MIN / 1_000_000).into(),
    ];
    s.put(backwards(values).map(|(id, value)| thing(id, doc! { "v": value }))).await;
    assert_eq!(s.sorted(&["v"]).await, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    assert_eq!(s.sorted(&["-v"]).await, [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
}

pub(super) async fn missing_is_sorted_as_null(s: Subject) {
    s.put([thing(1, doc! {}), thing(2, doc! { "v": 0 }), thing(3, doc! { "v": null }), thing(4, doc! { "v": -1 })])
        .await;
    assert_eq!(s.sorted(&["v", "_id"]).await, [1, 3, 4, 2]);
    assert_eq!(s.sorted(&["v", "-_id"]).await, [3, 1, 4, 2]);
    assert_eq!(s.sorted(&["-v", "_id"]).await, [2, 4, 1, 3]);
}

pub(super) async fn numbers_are_sorted_by_value(s: Subject) {
    let numbers: [Bson; 8] = [
        f64::NEG_INFINITY.into(),
        (-2_i64).into(),
        decimal("-1.5"),
        0_i32.into(),
        0.5.into(),
        decimal("0.75"),
        9_007_199_254_740_993_i64.into(),
        f64::INFINITY.into(),
    ];
    s.put(backwards(numbers).map(|(id, value)| thing(id, doc! { "v": value }))).await;
    assert_eq!(s.sorted(&["v"]).await, [1, 2, 3, 4, 5, 6, 7, 8]);
}

pub(super) async fn ties_are_broken_by_the_next_key(s: Subject) {
    s.put((0..12_i32).map(|id| thing(id, doc! { "a": id % 2, "b": id % 3 }))).await;
    assert_eq!(s.sorted(&["a", "b", "_id"]).await, [0, 6, 4, 10, 2, 8, 3, 9, 1, 7, 5, 11]);
    assert_eq!(s.sorted(&["-a", "b", "-_id"]).await, [9, 3, 7, 1, 11, 5, 6, 0, 10, 4, 8, 2]);
}

pub(super) async fn nested_paths_are_sorted(s: Subject) {
    s.put([thing(1, doc! { "a": { "b": 3 } }), thing(2, doc! { "a": { "b": 1 } }), thing(3, doc! { "a": { "b": 2 } })])
        .await;
    s.put([thing(4, doc! { "a": 7 }), thing(5, doc! {})]).await;
    assert_eq!(s.sorted(&["a.b", "_id"]).await, [4, 5, 2, 3, 1]);
}

pub(super) async fn an_array_is_sorted_by_its_lowest_or_highest_element(s: Subject) {
    s.put([thing(1, doc! { "v": [5, 1] }), thing(2, doc! { "v": [2, 3] }), thing(3, doc! { "v": 4 })]).await;
    assert_eq!(s.sorted(&["v"]).await, [1, 2, 3]);
    assert_eq!(s.sorted(&["-v"]).await, [1, 3, 2]);
    s.put([thing(4, doc! { "v": bson!([]) }), thing(5, doc! { "v": null })]).await;
    assert_eq!(s.sorted(&["v"]).await, [4, 5, 1, 2, 3], "an empty array is below null");
}

pub(super) async fn text_is_sorted_by_bytes(s: Subject) {
    let words = ["Zebra", "apple", "zebra", "Äpfel", "äpfel"];
    s.put(backwards(words).map(|(id, word)| thing(id, doc! { "v": word }))).await;
    assert_eq!(s.sorted(&["v"]).await, [1, 2, 3, 4, 5]);
}

/// The values with their ids from 1, last first.
fn backwards<T>(values: impl IntoIterator<Item = T>) -> impl Iterator<Item = (i32, T)> {
    let mut values: Vec<_> = (1..).zip(values).collect();
    values.reverse();
    values.into_iter()
}
