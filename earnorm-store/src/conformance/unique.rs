//! Values that must be unique.

use bson::{Bson, doc};
use earnorm_core::schema::{IndexSpec, StoredKind};

use super::Subject;
use super::draft::{Draft, OTHERS, THINGS, thing, write};
use super::subject::violation;

pub(super) async fn two_documents_may_not_share_a_unique_value(s: Subject) {
    s.prepare_indexes(vec![unique(&["email"])]).await;
    s.put([thing(1, doc! { "email": "a" }), thing(2, doc! { "email": "b" })]).await;
    let refused = violation(s.commit(write().insert(THINGS, thing(3, doc! { "email": "a" }))).await);
    assert_eq!((refused.collection.as_str(), refused.fields), (THINGS, vec!["email".to_owned()]));
    assert!(refused.id.contains('3'), "it names the document that was refused: {}", refused.id);
    assert_eq!(s.document(3).await, None);
    s.commits(write().insert(OTHERS, thing(1, doc! { "email": "a" }))).await;
}

pub(super) async fn a_violation_is_not_retryable(s: Subject) {
    s.prepare_indexes(vec![unique(&["email"])]).await;
    s.put([thing(1, doc! { "email": "a" })]).await;
    let error = s.commit(write().insert(THINGS, thing(2, doc! { "email": "a" }))).await.unwrap_err();
    assert!(!error.is_retryable() && !error.is_conflict(), "{error}");
    assert_eq!(error.was_applied(), earnorm_core::error::Applied::No);
}

pub(super) async fn one_commit_may_not_use_a_unique_value_twice(s: Subject) {
    s.prepare_indexes(vec![unique(&["email"])]).await;
    let sent = write().insert(THINGS, thing(1, doc! { "email": "a" })).insert(THINGS, thing(2, doc! { "email": "a" }));
    violation(s.commit(sent).await);
    assert_eq!((s.document(1).await, s.document(2).await), (None, None));
}

pub(super) async fn replacements_and_patches_may_not_take_a_unique_value(s: Subject) {
    s.prepare_indexes(vec![unique(&["email"])]).await;
    s.put([thing(1, doc! { "email": "a" }), thing(2, doc! { "email": "b" })]).await;
    violation(s.commit(write().replace(THINGS, 2, 1, doc! { "email": "a" })).await);
    violation(s.commit(write().patch(THINGS, 2, 1, doc! { "email": "a" }, &[])).await);
    s.commits(write().replace(THINGS, 2, 1, doc! { "email": "b", "own": true })).await;
    s.commits(write().patch(THINGS, 2, 2, doc! { "email": "c" }, &[])).await;
    s.put([thing(3, doc! { "email": "b" })]).await;
}

pub(super) async fn a_value_is_free_once_its_document_is_deleted(s: Subject) {
    s.prepare_indexes(vec![unique(&["email"])]).await;
    s.put([thing(1, doc! { "email": "a" })]).await;
    s.commits(write().delete(THINGS, 1, 1).insert(THINGS, thing(2, doc! { "email": "a" }))).await;
    let early = write().insert(THINGS, thing(3, doc! { "email": "a" })).delete(THINGS, 2, 1);
    violation(s.commit(early).await);
    assert!(s.document(2).await.is_some(), "uniqueness is checked after each document");
}

pub(super) async fn two_documents_cannot_swap_values_in_one_commit(s: Subject) {
    s.prepare_indexes(vec![unique(&["email"])]).await;
    s.put([thing(1, doc! { "email": "a" }), thing(2, doc! { "email": "b" })]).await;
    let swap = write().patch(THINGS, 1, 1, doc! { "email": "b" }, &[]).patch(THINGS, 2, 1, doc! { "email": "a" }, &[]);
    violation(s.commit(swap).await);
    let turn = write()
        .patch(THINGS, 1, 1, doc! { "email": "c" }, &[])
        .patch(THINGS, 2, 1, doc! { "email": "a" }, &[])
        .patch(THINGS, 1, 2, doc! { "email": "b" }, &[]);
    s.commits(turn).await;
    assert_eq!(s.document(2).await.unwrap().get_str("email").ok(), Some("a"));
}

pub(super) async fn null_and_missing_are_free_where_presence_is_asked(s: Subject) {
    let mut index = unique(&["email"]);
    index.present = vec![("email".to_owned(), StoredKind::String.floor().unwrap())];
    s.prepare_indexes(vec![index]).await;
    s.put([thing(1, doc! { "email": null }), thing(2, doc! { "email": null })]).await;
    s.put([thing(3, doc! {}), thing(4, doc! {}), thing(5, doc! { "email": "" })]).await;
    violation(s.commit(write().insert(THINGS, thing(6, doc! { "email": "" }))).await);
    violation(s.commit(write().patch(THINGS, 1, 1, doc! { "email": "" }, &[])).await);
}

pub(super) async fn presence_is_known_for_every_kind_of_value(s: Subject) {
    let id = bson::Uuid::from_bytes([7; 16]);
    let object = bson::oid::ObjectId::from_bytes([1; 12]);
    let date = bson::DateTime::from_millis(-1);
    let kinds: [(&str, StoredKind, Bson); 7] = [
        ("int", StoredKind::Int64, (-5_i64).into()),
        ("double", StoredKind::Double, f64::MIN.into()),
        ("bool", StoredKind::Bool, false.into()),
        ("date", StoredKind::Date, date.into()),
        ("uuid", StoredKind::Uuid, id.into()),
        ("object", StoredKind::ObjectId, object.into()),
        ("text", StoredKind::String, "x".into()),
    ];
    let index = |path: &str, kind: StoredKind| IndexSpec {
        present: vec![(path.to_owned(), kind.floor().unwrap())],
        ..unique(&[path])
    };
    s.prepare_indexes(kinds.iter().map(|(path, kind, _)| index(path, *kind)).collect()).await;
    s.put([thing(1, doc! {}), thing(2, doc! {})]).await;
    for (number, (path, _, value)) in (10..).step_by(2).zip(kinds) {
        s.put([thing(number, doc! { path: value.clone() })]).await;
        let refused = violation(s.commit(write().insert(THINGS, thing(number + 1, doc! { path: value }))).await);
        assert_eq!(refused.fields, [path]);
    }
}

pub(super) async fn a_compound_rule_is_broken_by_all_its_parts(s: Subject) {
    s.prepare_indexes(vec![unique(&["tenant", "in.code"])]).await;
    s.put([
        thing(1, doc! { "tenant": "a", "in": { "code": 1 } }),
        thing(2, doc! { "tenant": "a", "in": { "code": 2 } }),
    ])
    .await;
    s.put([thing(3, doc! { "tenant": "b", "in": { "code": 1 } })]).await;
    let refused = violation(s.commit(write().patch(THINGS, 2, 1, doc! { "in.code": 1 }, &[])).await);
    assert_eq!(refused.fields, ["tenant", "in.code"]);
}

pub(super) async fn only_live_documents_are_held_to_a_live_rule(s: Subject) {
    s.prepare_indexes(vec![IndexSpec { live_only: true, ..unique(&["email"]) }]).await;
    s.put([thing(1, doc! { "email": "a", "_live": false }), thing(2, doc! { "email": "a", "_live": false })]).await;
    s.put([thing(3, doc! { "email": "a", "_live": true })]).await;
    violation(s.commit(write().insert(THINGS, thing(4, doc! { "email": "a", "_live": true }))).await);
    violation(s.commit(write().patch(THINGS, 1, 1, doc! { "_live": true }, &[])).await);
    s.commits(write().patch(THINGS, 3, 1, doc! { "_live": false }, &[])).await;
    s.commits(write().patch(THINGS, 1, 1, doc! { "_live": true }, &[])).await;
}

pub(super) async fn unique_values_are_equal_by_value_not_by_look(s: Subject) {
    s.prepare_indexes(vec![unique(&["code"])]).await;
    s.put([thing(1, doc! { "code": 1_i32 }), thing(2, doc! { "code": "a" })]).await;
    violation(s.commit(write().insert(THINGS, thing(3, doc! { "code": 1_i64 }))).await);
    violation(s.commit(write().insert(THINGS, thing(3, doc! { "code": 1.0 }))).await);
    s.put([thing(3, doc! { "code": "A" }), thing(4, doc! { "code": "1" }), thing(5, doc! { "code": "a " })]).await;
}

fn unique(paths: &[&str]) -> IndexSpec {
    let keys = paths.iter().map(|path| ((*path).to_owned(), false)).collect();
    IndexSpec { keys, unique: true, present: Vec::new(), live_only: false }
}
