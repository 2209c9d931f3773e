//! Null and missing.

use bson::{Bson, doc};
use earnorm_core::predicate::Comparison::{Gt, Gte, Lt, Lte};

use super::Subject;
use super::draft::{compare, eq, exists, is_in, thing};

pub(super) async fn null_equals_missing(s: Subject) {
    gaps(&s).await;
    s.expect(eq("v", Bson::Null), &[2, 3]).await;
    s.expect(!eq("v", Bson::Null), &[1, 4, 5]).await;
    s.expect(is_in("v", [Bson::Null, 1.into()]), &[1, 2, 3]).await;
    s.expect(eq("v", 0), &[]).await;
    s.expect(eq("v", false), &[]).await;
}

pub(super) async fn exists_tells_null_from_missing(s: Subject) {
    gaps(&s).await;
    s.expect(exists("v", true), &[1, 2, 4, 5]).await;
    s.expect(exists("v", false), &[3]).await;
    s.expect(!exists("v", true), &[3]).await;
    s.expect(exists("v", true).and(eq("v", Bson::Null)), &[2]).await;
}

pub(super) async fn null_and_missing_are_not_equal_to_any_value(s: Subject) {
    gaps(&s).await;
    s.expect(!eq("v", 1), &[2, 3, 4, 5]).await;
    s.expect(!is_in("v", [1.into(), "".into()]), &[2, 3, 5]).await;
}

pub(super) async fn null_and_missing_are_below_and_above_nothing(s: Subject) {
    gaps(&s).await;
    s.expect(compare("v", Lt, 100), &[1]).await;
    s.expect(compare("v", Lte, 100), &[1]).await;
    s.expect(compare("v", Gt, -100), &[1]).await;
    s.expect(compare("v", Gte, -100), &[1]).await;
    s.expect(!compare("v", Lt, 100), &[2, 3, 4, 5]).await;
}

pub(super) async fn null_on_a_nested_path_matches_what_is_not_there(s: Subject) {
    let documents =
        [doc! { "a": { "b": 1 } }, doc! { "a": { "b": null } }, doc! { "a": {} }, doc! {}, doc! { "a": null }];
    s.put((1..).zip(documents).map(|(id, fields)| thing(id, fields))).await;
    s.expect(eq("a.b", Bson::Null), &[2, 3, 4, 5]).await;
    s.expect(exists("a.b", true), &[1, 2]).await;
    s.expect(exists("a.b", false), &[3, 4, 5]).await;
    s.expect(eq("a", Bson::Null), &[4, 5]).await;
    s.expect(exists("a.b.c", false), &[1, 2, 3, 4, 5]).await;
}

pub(super) async fn null_in_an_array_counts(s: Subject) {
    s.put([thing(1, doc! { "v": [1, null] }), thing(2, doc! { "v": [1] }), thing(3, doc! { "v": [] })]).await;
    s.expect(eq("v", Bson::Null), &[1]).await;
    s.expect(!eq("v", Bson::Null), &[2, 3]).await;
}

/// A number, null, nothing, empty text and an empty array at `v`.
async fn gaps(s: &Subject) {
    let fields = [doc! { "v": 1 }, doc! { "v": null }, doc! {}, doc! { "v": "" }, doc! { "v": [] }];
    s.put((1..).zip(fields).map(|(id, fields)| thing(id, fields))).await;
}
