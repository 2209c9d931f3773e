//! How a query is answered, as the store tells it.

use bson::doc;
use earnorm_core::Error;
use earnorm_core::predicate::Predicate;
use earnorm_core::schema::IndexSpec;
use earnorm_core::store::{DocumentQuery, Explanation};

use super::Subject;
use super::draft::{THINGS, eq, size, thing};
use super::subject::sort;

pub(super) async fn an_index_that_serves_a_condition_is_named(s: Subject) {
    indexed(&s).await;
    let explained = explain(&s, eq("n", 7).and(size("list", 2))).await;
    assert!(explained.indexes.iter().any(|index| index.contains('n')), "{explained}");
    assert!(explained.pushed.iter().any(|part| part == "n = 7"), "{explained}");
    assert!(!explained.sorts && !explained.plan.is_empty(), "{explained}");
    assert_eq!(explained.store, s.capabilities().name);
    let explained = explain(&s, eq("_id", 7)).await;
    assert!(explained.indexes.iter().any(|index| index.starts_with("_id")), "{explained}");
}

pub(super) async fn what_no_index_serves_is_tested_after(s: Subject) {
    indexed(&s).await;
    let query = DocumentQuery { sort: sort(&["-text"]), ..DocumentQuery::new(THINGS, eq("text", "x")) };
    let explained = s.explain(&query).await.unwrap();
    assert_eq!((explained.indexes.as_slice(), explained.pushed.as_slice()), (&[][..], &[][..]), "{explained}");
    assert_eq!(explained.after, [r#"text = "x""#]);
    assert!(explained.sorts, "{explained}");
}

pub(super) async fn what_is_refused_is_refused_before_it_is_explained(s: Subject) {
    indexed(&s).await;
    let invalid = Predicate::Invalid { path: "n".into(), reason: "no".into() };
    let error = s.explain(&DocumentQuery::new(THINGS, eq("n", 1).and(invalid))).await.unwrap_err();
    assert!(matches!(error, Error::InvalidQuery { .. }), "{error}");
}

async fn indexed(s: &Subject) {
    let keys = vec![("n".to_owned(), false), ("_id".to_owned(), false)];
    s.prepare_indexes(vec![IndexSpec { keys, unique: false, present: Vec::new(), live_only: false }]).await;
    s.put((0..40).map(|n| thing(n, doc! { "n": n % 8, "list": [1, 2], "text": "x" }))).await;
}

async fn explain(s: &Subject, predicate: Predicate) -> Explanation {
    s.explain(&DocumentQuery::new(THINGS, predicate)).await.unwrap()
}
