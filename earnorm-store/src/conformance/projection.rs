//! Cutting what is found: skip, limit, projection.

use bson::{Document, doc};
use earnorm_core::predicate::Comparison::Gte;
use earnorm_core::predicate::Predicate;
use earnorm_core::store::DocumentQuery;
use futures::TryStreamExt;

use super::Subject;
use super::draft::{THINGS, compare, thing};
use super::subject::{own_fields, sort};

pub(super) async fn skip_and_limit_cut_after_the_order(s: Subject) {
    s.put((0..10_i32).map(|id| thing(id, doc! { "n": 9 - id }))).await;
    assert_eq!(cut(&s, 0, Some(3)).await, [9, 8, 7]);
    assert_eq!(cut(&s, 2, Some(3)).await, [7, 6, 5]);
    assert_eq!(cut(&s, 8, Some(5)).await, [1, 0]);
    assert_eq!(cut(&s, 7, None).await, [2, 1, 0]);
    assert!(cut(&s, 10, None).await.is_empty());
    assert!(cut(&s, 100, Some(1)).await.is_empty());
}

pub(super) async fn a_limit_of_zero_finds_nothing(s: Subject) {
    s.put((0..3_i32).map(|id| thing(id, doc! { "n": id }))).await;
    assert!(cut(&s, 0, Some(0)).await.is_empty());
    assert_eq!(cut(&s, 0, Some(u64::MAX)).await.len(), 3);
}

pub(super) async fn skip_and_limit_cut_what_matches(s: Subject) {
    s.put((0..10_i32).map(|id| thing(id, doc! { "n": id }))).await;
    let query = DocumentQuery { skip: 1, limit: Some(2), sort: sort(&["-_id"]), ..query(compare("n", Gte, 7)) };
    let found: Vec<i32> = s.documents(query).await.iter().map(|found| found.get_i32("_id").unwrap()).collect();
    assert_eq!(found, [8, 7]);
}

pub(super) async fn pages_in_a_total_order_cover_everything_once(s: Subject) {
    s.put((0..25_i32).map(|id| thing(id, doc! { "n": id % 4 }))).await;
    let mut seen = Vec::new();
    for page in 0..9 {
        let query =
            DocumentQuery { skip: page * 3, limit: Some(3), sort: sort(&["n", "_id"]), ..query(Predicate::always()) };
        seen.extend(s.documents(query).await.iter().map(|found| found.get_i32("_id").unwrap()));
    }
    assert_eq!(seen, s.sorted(&["n", "_id"]).await);
    assert_eq!(seen.len(), 25);
}

pub(super) async fn what_is_at_hand_is_what_is_found(s: Subject) {
    let nested = |id: i32| doc! { "n": id % 3, "of": [{ "a": id }, null, [true]], "text": "x".repeat(50) };
    s.put((0..25_i32).map(|id| thing(id, nested(id)))).await;
    let all = || DocumentQuery { sort: sort(&["_id"]), ..query(Predicate::always()) };
    let some = DocumentQuery { skip: 3, limit: Some(4), sort: sort(&["n", "-_id"]), ..query(compare("n", Gte, 1)) };
    let projected = DocumentQuery { projection: Some(vec!["of.a".to_owned()]), ..all() };
    for query in [all(), some, projected, DocumentQuery { limit: Some(0), ..all() }] {
        let at_hand: Vec<_> = s.find_stored(query.clone()).await.unwrap().try_collect().await.unwrap();
        let at_hand: Vec<_> = at_hand.into_iter().map(|one| own_fields(one.into_document(THINGS).unwrap())).collect();
        assert_eq!(at_hand, s.documents(query).await);
    }
    let invalid = DocumentQuery { sort: sort(&["$n"]), ..all() };
    assert_eq!(s.find_stored(invalid.clone()).await.is_err(), s.find(invalid).await.is_err());
}

pub(super) async fn a_projection_keeps_its_paths_and_the_id(s: Subject) {
    s.put([thing(1, doc! { "a": 1, "b": { "c": 2, "d": 3 }, "e": [{ "f": 4, "g": 5 }, { "g": 6 }], "h": null })]).await;
    assert_eq!(project(&s, &["a"]).await, doc! { "_id": 1, "a": 1 });
    assert_eq!(project(&s, &["b.c", "h"]).await, doc! { "_id": 1, "b": { "c": 2 }, "h": null });
    assert_eq!(project(&s, &["e.f"]).await, doc! { "_id": 1, "e": [{ "f": 4 }, {}] });
    assert_eq!(project(&s, &["_v", "missing", "b.missing"]).await, doc! { "_id": 1, "_v": 1_i64, "b": {} });
}

pub(super) async fn a_projection_of_nothing_is_the_id(s: Subject) {
    s.put([thing(1, doc! { "a": 1 })]).await;
    assert_eq!(project(&s, &[]).await, doc! { "_id": 1 });
    assert_eq!(project(&s, &["_id"]).await, doc! { "_id": 1 });
}

pub(super) async fn paths_of_a_projection_may_share_their_beginning(s: Subject) {
    s.put([thing(
        1,
        doc! { "a": { "b": 1, "c": { "d": 2, "e": 3, "f": 4 }, "g": 5 }, "h": [{ "i": 1, "j": 2, "k": 3 }] },
    )])
    .await;
    assert_eq!(project(&s, &["a.b", "a.g"]).await, doc! { "_id": 1, "a": { "b": 1, "g": 5 } });
    let deep = doc! { "_id": 1, "a": { "c": { "d": 2, "f": 4 }, "g": 5 } };
    assert_eq!(project(&s, &["a.c.f", "a.c.d", "a.g"]).await, deep);
    assert_eq!(project(&s, &["h.k", "h.i"]).await, doc! { "_id": 1, "h": [{ "i": 1, "k": 3 }] });
    // What is kept whole is kept whole, whatever else is asked of it.
    let whole = doc! { "_id": 1, "h": [{ "i": 1, "j": 2, "k": 3 }] };
    for paths in [["h", "h.i"], ["h.i", "h"]] {
        assert_eq!(project(&s, &paths).await, whole);
    }
}

pub(super) async fn an_order_may_use_what_the_projection_drops(s: Subject) {
    s.put((0..4_i32).map(|id| thing(id, doc! { "n": 9 - id, "a": id }))).await;
    let projection = Some(vec!["a".to_owned()]);
    let found = s.documents(DocumentQuery { projection, sort: sort(&["n"]), ..query(Predicate::always()) }).await;
    assert_eq!(found, (0..4).rev().map(|id| doc! { "_id": id, "a": id }).collect::<Vec<_>>());
}

fn query(predicate: Predicate) -> DocumentQuery {
    DocumentQuery::new(THINGS, predicate)
}

/// The ids in the order of `n`.
async fn cut(s: &Subject, skip: u64, limit: Option<u64>) -> Vec<i32> {
    let query = DocumentQuery { skip, limit, sort: sort(&["n"]), ..query(Predicate::always()) };
    s.documents(query).await.iter().map(|found| found.get_i32("_id").unwrap()).collect()
}

/// The one document, projected.
async fn project(s: &Subject, paths: &[&str]) -> Document {
    let projection = Some(paths.iter().map(ToString::to_string).collect());
    let mut found = s.documents(DocumentQuery { projection, ..query(Predicate::always()) }).await;
    assert_eq!(found.len(), 1);
    found.remove(0)
}
