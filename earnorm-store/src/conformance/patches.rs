//! Patches of state documents.

use bson::{Bson, doc};
use earnorm_core::stream::ExpectedVersion::Exact;

use super::Subject;
use super::draft::{Draft, THINGS, thing, write};
use super::subject::conflict;

pub(super) async fn a_patch_changes_what_it_names_and_nothing_else(s: Subject) {
    s.put([thing(1, doc! { "a": 1, "in": { "x": 1, "y": 2, "z": { "q": 1 } }, "gone": 1 })]).await;
    let set = doc! { "a": "now text", "in.x": null, "in.z.q": [1], "new": true };
    s.commits(write().patch(THINGS, 1, 1, set, &["gone", "in.y"])).await;
    let expected = doc! { "_id": 1, "_v": 2_i64, "a": "now text", "in": { "x": null, "z": { "q": [1] } }, "new": true };
    assert_eq!(s.document(1).await.unwrap(), expected);
}

pub(super) async fn a_patch_makes_the_documents_on_its_way(s: Subject) {
    s.put([thing(1, doc! {})]).await;
    s.commits(write().patch(THINGS, 1, 1, doc! { "a.b.c": 1 }, &[])).await;
    assert_eq!(s.document(1).await.unwrap().get("a"), Some(&Bson::from(doc! { "b": { "c": 1 } })));
}

pub(super) async fn a_patch_may_replace_a_document_by_a_value_and_back(s: Subject) {
    s.put([thing(1, doc! { "a": { "b": 1 } })]).await;
    s.commits(write().patch(THINGS, 1, 1, doc! { "a": 5 }, &[])).await;
    assert_eq!(s.document(1).await.unwrap().get_i32("a").ok(), Some(5));
    s.commits(write().patch(THINGS, 1, 2, doc! { "a": { "c": 2 } }, &[])).await;
    assert_eq!(s.document(1).await.unwrap().get("a"), Some(&Bson::from(doc! { "c": 2 })));
}

pub(super) async fn to_unset_what_is_missing_is_nothing(s: Subject) {
    s.put([thing(1, doc! { "a": 1 })]).await;
    s.commits(write().patch(THINGS, 1, 1, doc! {}, &["b", "c.d"])).await;
    assert_eq!(s.document(1).await.unwrap(), doc! { "_id": 1, "_v": 2_i64, "a": 1 });
}

pub(super) async fn a_stale_patch_conflicts(s: Subject) {
    s.put([thing(1, doc! { "n": 1 })]).await;
    s.commits(write().patch(THINGS, 1, 1, doc! { "n": 2 }, &[])).await;
    let refused = conflict(s.commit(write().patch(THINGS, 1, 1, doc! { "n": 3 }, &[])).await);
    assert_eq!((refused.expected, refused.actual), (Exact(1), 2));
    let refused = conflict(s.commit(write().patch(THINGS, 2, 1, doc! { "n": 3 }, &[])).await);
    assert_eq!((refused.expected, refused.actual), (Exact(1), 0));
    assert_eq!(s.document(1).await.unwrap().get_i32("n").ok(), Some(2));
    assert_eq!(s.document(2).await, None, "a patch never inserts");
}

pub(super) async fn a_patch_stores_text_with_dollars_as_it_is(s: Subject) {
    s.put([thing(1, doc! { "secret": 42 })]).await;
    s.commits(write().patch(THINGS, 1, 1, doc! { "a": "$secret", "b": "$$ROOT", "c": { "d": "$_id" } }, &[])).await;
    let found = s.document(1).await.unwrap();
    assert_eq!((found.get_str("a").unwrap(), found.get_str("b").unwrap()), ("$secret", "$$ROOT"));
    assert_eq!(found.get("c"), Some(&Bson::from(doc! { "d": "$_id" })));
}

pub(super) async fn patches_of_one_document_in_one_commit_follow_each_other(s: Subject) {
    s.put([thing(1, doc! { "n": 1 })]).await;
    let sent = write().patch(THINGS, 1, 1, doc! { "n": 2, "m": 1 }, &[]).patch(THINGS, 1, 2, doc! { "n": 3 }, &["m"]);
    s.commits(sent).await;
    assert_eq!(s.document(1).await.unwrap(), doc! { "_id": 1, "_v": 3_i64, "n": 3 });
}

pub(super) async fn a_patch_finds_elements_by_their_place(s: Subject) {
    s.put([thing(1, doc! { "a": [1, { "b": 1, "c": 2 }, [5, 6]], "d": [1, 2, 3] })]).await;
    let set = doc! { "a.0": "first", "a.1.b": 3, "a.2.1": 7, "a.4": "far", "a.5.x": true };
    s.commits(write().patch(THINGS, 1, 1, set, &["a.1.c", "d.1", "d.9"])).await;
    let found = s.document(1).await.unwrap();
    // Places between are null, and so is an element that was taken away: the others keep their places.
    let expected = doc! { "a": ["first", { "b": 3 }, [5, 7], null, "far", { "x": true }], "d": [1, null, 3] };
    assert_eq!((found.get("a"), found.get("d")), (expected.get("a"), expected.get("d")));
}

pub(super) async fn a_patch_that_finds_no_place_is_refused(s: Subject) {
    let before = thing(1, doc! { "a": [1, 2], "n": 1 });
    s.put([before.clone()]).await;
    for path in ["a.x", "a.-1", "a.+1", "a.0x1", "a.1.b", "n.b", "a.1600000"] {
        let error = s.commit(write().patch(THINGS, 1, 1, doc! { path: 1 }, &[])).await.expect_err(path);
        assert!(!error.is_retryable(), "{path}: {error:?}");
    }
    for path in ["a.x", "a.-1", "a.+1", "n.b"] {
        s.commits(write().patch(THINGS, 1, 1, doc! {}, &[path])).await;
        assert_eq!(s.document(1).await.unwrap().get("a"), before.get("a"), "{path}");
        s.commits(write().replace(THINGS, 1, 2, doc! { "a": [1, 2], "n": 1 })).await;
        s.commits(write().delete(THINGS, 1, 3)).await;
        s.put([before.clone()]).await;
    }
}
