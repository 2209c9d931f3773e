//! Whole documents, put without events, and their removal.

use bson::{Bson, Document, doc};
use earnorm_core::Error;
use earnorm_core::predicate::{Comparison, Predicate};
use earnorm_core::schema::IndexSpec;
use earnorm_core::store::PutRule::{self, Absent, Always, Newer, SameVersion};

use super::Subject;
use super::draft::{Draft, OTHERS, THINGS, compare, eq, thing, write};
use super::subject::{conflict, same};

pub(super) async fn what_is_put_is_read_and_leaves_no_event(s: Subject) {
    let document = thing(1, doc! { "z": 1, "a": { "y": [1, "x"], "b": null }, "m": "text" });
    assert_eq!(put(&s, document.clone(), Always).await, 1);
    same(&s.document(1).await.unwrap(), &document);
    assert_eq!(put(&s, doc! { "_id": 1, "_v": 1_i64, "n": 2 }, Always).await, 1);
    same(&s.document(1).await.unwrap(), &doc! { "_id": 1, "_v": 1_i64, "n": 2 });
    assert_eq!(s.high_water().await.unwrap(), earnorm_core::position::Position::START);
    s.commits(write().patch(THINGS, 1, 1, doc! { "n": 3 }, &[])).await;
}

pub(super) async fn absent_never_overwrites(s: Subject) {
    assert_eq!(put(&s, thing(1, doc! { "n": 1 }), Absent).await, 1);
    let some = vec![thing(2, doc! { "n": 2 }), thing(1, doc! { "n": 2 }), thing(3, doc! { "n": 2 })];
    assert_eq!(s.admin().put(THINGS, some, Absent).await.unwrap(), 2, "the others are written");
    assert_eq!(s.document(1).await, Some(thing(1, doc! { "n": 1 })));
    s.expect(eq("n", 2), &[2, 3]).await;
}

pub(super) async fn newer_overwrites_only_lower_versions(s: Subject) {
    let version = |v: Bson, n: i32| doc! { "_id": 1, "_v": v, "n": n };
    assert_eq!(put(&s, version(5_i64.into(), 0), Newer).await, 1, "nothing was there");
    for (v, n, written) in [(5_i64.into(), 1, 0), (4_i64.into(), 2, 0), (6_i64.into(), 3, 1), (7_i32.into(), 4, 1)] {
        assert_eq!(put(&s, version(v, n), Newer).await, written, "of {n}");
    }
    assert_eq!(put(&s, doc! { "_id": 1, "n": 9 }, Newer).await, 0, "what has no version is not newer");
    assert_eq!(s.document(1).await, Some(version(7_i32.into(), 4)));
    assert_eq!(put(&s, version(8_i64.into(), 5), Newer).await, 1, "versions compare by value");
    let old = vec![doc! { "_id": 2 }, doc! { "_id": 3, "_v": null }];
    assert_eq!(s.admin().put(THINGS, old, Always).await.unwrap(), 2);
    let new = vec![thing(2, doc! { "n": 1 }), thing(3, doc! { "n": 1 })];
    assert_eq!(s.admin().put(THINGS, new, Newer).await.unwrap(), 2, "any version is newer than none");
    s.expect(eq("n", 1), &[2, 3]).await;
}

pub(super) async fn same_version_overwrites_only_its_own(s: Subject) {
    assert_eq!(put(&s, thing(1, doc! {}), SameVersion).await, 0, "nothing was there");
    assert_eq!(s.document(1).await, None);
    s.put([thing(1, doc! { "n": 1 })]).await;
    for (v, written) in [(2_i64.into(), 0), (Bson::from(0_i64), 0), (1_i64.into(), 1), (1_i32.into(), 1)] {
        let document = doc! { "_id": 1, "_v": v.clone(), "n": 2 };
        assert_eq!(put(&s, document, SameVersion).await, written, "of version {v}");
    }
    assert_eq!(s.document(1).await, Some(doc! { "_id": 1, "_v": 1, "n": 2 }));
}

pub(super) async fn a_put_keeps_unique_indexes(s: Subject) {
    let index =
        IndexSpec { keys: vec![("email".to_owned(), false)], unique: true, present: Vec::new(), live_only: false };
    s.prepare_indexes(vec![index]).await;
    s.put([thing(1, doc! { "email": "a" }), thing(2, doc! { "email": "b" })]).await;
    for rule in [Always, Absent, Newer] {
        let refused = s.admin().put(THINGS, vec![thing(3, doc! { "email": "a" })], rule).await;
        violation(refused, "3");
    }
    let taken = doc! { "_id": 2, "_v": 2_i64, "email": "a" };
    violation(s.admin().put(THINGS, vec![taken.clone()], Newer).await, "2");
    violation(s.admin().put(THINGS, vec![taken], Always).await, "2");
    violation(s.admin().put(THINGS, vec![thing(2, doc! { "email": "a" })], SameVersion).await, "2");
    assert_eq!(s.document(2).await, Some(thing(2, doc! { "email": "b" })));
    s.expect(Predicate::always(), &[1, 2]).await;
}

pub(super) async fn many_documents_are_put(s: Subject) {
    let text = "x".repeat(10_000);
    let documents: Vec<_> = (0..2_500).map(|id| thing(id, doc! { "text": text.clone() })).collect();
    assert_eq!(s.admin().put(THINGS, documents.clone(), Absent).await.unwrap(), 2_500);
    assert_eq!(s.count(THINGS, &Predicate::always()).await.unwrap(), 2_500);
    assert_eq!(s.admin().put(THINGS, documents, Absent).await.unwrap(), 0);
    assert_eq!(s.admin().put(THINGS, Vec::new(), Always).await.unwrap(), 0);
}

pub(super) async fn of_many_writers_of_newer_the_highest_version_stays(s: Subject) {
    for round in 0..6 {
        let writers = (1..=8_i64).map(|version| {
            let s = s.clone();
            tokio::spawn(async move {
                let documents: Vec<_> = (0..20).map(|n| doc! { "_id": round * 20 + n, "_v": version }).collect();
                s.admin().put(THINGS, documents, Newer).await.unwrap()
            })
        });
        futures::future::join_all(writers).await.into_iter().for_each(|writer| assert!(writer.unwrap() <= 20));
    }
    assert_eq!(s.count(THINGS, &eq("_v", 8_i64)).await.unwrap(), 120);
    assert_eq!(s.count(THINGS, &Predicate::always()).await.unwrap(), 120);
}

pub(super) async fn a_put_and_a_commit_respect_each_other(s: Subject) {
    s.put([thing(1, doc! { "n": 1 })]).await;
    assert_eq!(put(&s, doc! { "_id": 1, "_v": 3_i64, "n": 3 }, Newer).await, 1);
    let stale = conflict(s.commit(write().patch(THINGS, 1, 1, doc! { "n": 2 }, &[])).await);
    assert_eq!(stale.actual, 3);
    s.commits(write().patch(THINGS, 1, 3, doc! { "n": 4 }, &[])).await;
    assert_eq!(put(&s, doc! { "_id": 1, "_v": 3_i64, "n": 5 }, SameVersion).await, 0);
    assert_eq!(s.document(1).await.unwrap().get_i32("n").ok(), Some(4));
}

pub(super) async fn what_cannot_be_read_again_is_not_put(s: Subject) {
    let deep = (0..80).fold(doc! {}, |inner, _| doc! { "a": inner });
    let refused = s.admin().put(THINGS, vec![thing(1, doc! { "a": deep })], Always).await;
    assert!(matches!(refused, Err(Error::TooDeep { .. })), "{refused:?}");
    let refused = s.admin().put(THINGS, vec![doc! { "n": 1 }], Always).await;
    assert!(matches!(refused, Err(Error::InvalidCommit { .. })), "without an id: {refused:?}");
    let refused = s.admin().put(THINGS, vec![thing(1, doc! { "$set": 1 })], Always).await;
    assert!(matches!(refused, Err(Error::InvalidField { .. })), "{refused:?}");
    assert_eq!(s.count(THINGS, &Predicate::always()).await.unwrap(), 0);
}

pub(super) async fn what_matches_is_removed(s: Subject) {
    s.put((0..20).map(|id| thing(id, doc! { "n": id }))).await;
    assert_eq!(s.admin().remove(THINGS, &compare("n", Comparison::Gte, 3)).await.unwrap(), 17);
    s.expect(Predicate::always(), &[0, 1, 2]).await;
    assert_eq!(s.admin().remove(THINGS, &eq("n", 7)).await.unwrap(), 0);
    assert_eq!(s.admin().remove(OTHERS, &Predicate::always()).await.unwrap(), 0);
    assert_eq!(s.admin().remove(THINGS, &Predicate::always()).await.unwrap(), 3);
    let invalid = Predicate::Invalid { path: "n".to_owned(), reason: "no reason".to_owned() };
    assert!(matches!(s.admin().remove(THINGS, &invalid).await, Err(Error::InvalidQuery { .. })));
}

async fn put(s: &Subject, document: Document, rule: PutRule) -> u64 {
    s.admin().put(THINGS, vec![document], rule).await.unwrap()
}

fn violation(result: Result<u64, Error>, id: &str) {
    match result {
        Err(Error::Unique(violation)) => {
            assert_eq!((violation.collection.as_str(), violation.id.as_str()), (THINGS, id));
            assert_eq!(violation.fields, ["email"]);
        }
        other => panic!("expected a unique violation, not {other:?}"),
    }
}
