//! Preparing collections and indexes.

use bson::doc;
use earnorm_core::Error;
use earnorm_core::schema::{CollectionSpec, IndexSpec};

use super::Subject;
use super::draft::{Draft, OTHERS, THINGS, thing, write};
use super::subject::violation;

pub(super) async fn preparing_twice_changes_nothing(s: Subject) {
    let spec = [spec(THINGS, vec![index("email", true), index("age", false)]), spec(OTHERS, vec![index("age", true)])];
    assert_eq!(s.admin().prepare(&spec).await.unwrap(), []);
    s.put([thing(1, doc! { "email": "a", "age": 1 })]).await;
    assert_eq!(s.admin().prepare(&spec).await.unwrap(), []);
    assert!(s.document(1).await.is_some());
    violation(s.commit(write().insert(THINGS, thing(2, doc! { "email": "a" }))).await);
}

pub(super) async fn an_index_that_differs_is_reported_and_kept(s: Subject) {
    s.prepare_indexes(vec![index("email", true)]).await;
    s.put([thing(1, doc! { "email": "a" })]).await;
    let drift = s.admin().prepare(&[spec(THINGS, vec![index("email", false)])]).await.unwrap();
    assert_eq!(drift.len(), 1, "one index differs: {drift:?}");
    assert_eq!(drift[0].collection, THINGS);
    assert!(!drift[0].index.is_empty() && !drift[0].difference.is_empty(), "{}", drift[0]);
    violation(s.commit(write().insert(THINGS, thing(2, doc! { "email": "a" }))).await);
}

pub(super) async fn an_index_that_differs_in_what_it_covers_is_reported(s: Subject) {
    s.prepare_indexes(vec![index("email", true)]).await;
    let live = IndexSpec { live_only: true, ..index("email", true) };
    let present = IndexSpec { present: vec![("email".to_owned(), "".into())], ..index("email", true) };
    for other in [live, present] {
        let drift = s.admin().prepare(&[spec(THINGS, vec![other])]).await.unwrap();
        assert_eq!(drift.len(), 1, "one index differs: {drift:?}");
    }
    s.put([thing(1, doc! { "email": null, "_live": false })]).await;
    violation(s.commit(write().insert(THINGS, thing(2, doc! { "email": null, "_live": false }))).await);
}

pub(super) async fn an_index_that_is_asked_for_no_more_stays(s: Subject) {
    s.prepare_indexes(vec![index("email", true)]).await;
    s.admin().prepare(&[spec(THINGS, vec![index("age", false)])]).await.unwrap();
    s.admin().prepare(&[spec(THINGS, vec![])]).await.unwrap();
    s.put([thing(1, doc! { "email": "a" })]).await;
    violation(s.commit(write().insert(THINGS, thing(2, doc! { "email": "a" }))).await);
}

pub(super) async fn an_index_may_come_after_the_documents(s: Subject) {
    s.put([thing(1, doc! { "email": "a" }), thing(2, doc! { "email": "b" })]).await;
    s.prepare_indexes(vec![index("email", true)]).await;
    violation(s.commit(write().insert(THINGS, thing(3, doc! { "email": "b" }))).await);
}

pub(super) async fn a_unique_index_over_documents_that_break_it_is_refused(s: Subject) {
    let two = |first: &str, second: &str| {
        let keys = [first, second].map(|path| (path.to_owned(), false)).to_vec();
        IndexSpec { keys, unique: true, present: Vec::new(), live_only: false }
    };
    s.put([thing(1, doc! { "a": 1, "b": 1, "c": null }), thing(2, doc! { "a": 1, "b": 2 })]).await;
    for (index, fields) in [(index("a", true), vec!["a"]), (two("a", "c"), vec!["a", "c"])] {
        let refused = s.admin().prepare(&[spec(THINGS, vec![index])]).await;
        let Err(Error::Unique(violation)) = refused else { panic!("expected a unique violation, not {refused:?}") };
        assert_eq!(violation.collection, THINGS);
        assert_eq!(violation.fields, fields);
        assert!(["1", "2"].contains(&violation.id.as_str()), "{}", violation.id);
    }
    // Nothing is in the way of what follows.
    s.prepare_indexes(vec![index("b", true), two("a", "b")]).await;
    s.put([thing(3, doc! { "a": 1, "b": 3 })]).await;
    violation(s.commit(write().insert(THINGS, thing(4, doc! { "b": 3 }))).await);
}

pub(super) async fn one_prepare_at_a_time_or_several_make_the_same(s: Subject) {
    let spec = || [spec(THINGS, vec![index("email", true)]), spec("fresh", vec![index("code", true)])];
    let several = (0..4).map(|_| {
        let (s, spec) = (s.clone(), spec());
        tokio::spawn(async move { s.admin().prepare(&spec).await.unwrap() })
    });
    for drift in futures::future::join_all(several).await {
        assert_eq!(drift.unwrap(), []);
    }
    s.commits(write().insert("fresh", thing(1, doc! { "code": 1 }))).await;
    violation(s.commit(write().insert("fresh", thing(2, doc! { "code": 1 }))).await);
}

fn spec(name: &str, indexes: Vec<IndexSpec>) -> CollectionSpec {
    CollectionSpec { name: name.to_owned(), indexes }
}

fn index(path: &str, unique: bool) -> IndexSpec {
    IndexSpec { keys: vec![(path.to_owned(), false)], unique, present: Vec::new(), live_only: false }
}
