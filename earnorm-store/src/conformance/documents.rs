//! Inserts, replacements and deletes of state documents.

use bson::oid::ObjectId;
use bson::{Bson, doc};
use earnorm_core::Error;
use earnorm_core::commit::DocumentOp;
use earnorm_core::ports::{Ids, RandomIds};
use earnorm_core::predicate::Predicate;
use earnorm_core::stream::ExpectedVersion::{Exact, NoStream};
use uuid::Uuid;

use super::Subject;
use super::draft::{Draft, OTHERS, THINGS, thing, write};
use super::subject::{conflict, same};

pub(super) async fn what_is_inserted_is_read(s: Subject) {
    let document = thing(1, doc! { "z": 1, "a": { "y": [1, "x"], "b": null }, "m": "text" });
    s.put([document.clone()]).await;
    same(&s.document(1).await.unwrap(), &document);
}

pub(super) async fn what_is_not_there_is_none(s: Subject) {
    s.put([thing(1, doc! {})]).await;
    assert!(s.document(1).await.is_some());
    assert_eq!(s.document(2).await, None);
    assert_eq!(s.document_in(OTHERS, 1).await, None, "ids belong to their collection");
    assert_eq!(s.document_in("never_prepared", 1).await, None);
    assert_eq!(s.count("never_prepared", &Predicate::always()).await.unwrap(), 0);
}

pub(super) async fn ids_of_every_kind_find_their_document(s: Subject) {
    let uuid = Bson::from(bson::Uuid::from_bytes(*RandomIds.next().as_bytes()));
    let compound = Bson::from(doc! { "a": 1, "b": "x" });
    let ids = [1.into(), "1".into(), uuid, ObjectId::new().into(), compound, "$x".into(), "a.b".into(), 1.5.into()];
    s.put(ids.iter().map(|id| thing(id.clone(), doc! { "of": id.clone() }))).await;
    for id in ids {
        let found = s.document(id.clone()).await;
        assert_eq!(found, Some(thing(id.clone(), doc! { "of": id.clone() })), "by {id}");
        s.commits(write().replace(THINGS, id.clone(), 1, doc! { "again": true })).await;
        s.commits(write().delete(THINGS, id.clone(), 2)).await;
        assert_eq!(s.document(id).await, None);
    }
}

pub(super) async fn ids_are_equal_by_value(s: Subject) {
    s.put([thing(7_i32, doc! {})]).await;
    assert!(s.document(7_i64).await.is_some(), "an int64 finds the int32 of its value");
    conflict(s.commit(write().insert(THINGS, thing(7_i64, doc! {}))).await);
}

pub(super) async fn an_insert_on_a_taken_id_conflicts(s: Subject) {
    s.put([thing(1, doc! { "n": 1 })]).await;
    s.commits(write().replace(THINGS, 1, 1, doc! { "n": 2 })).await;
    let refused = conflict(s.commit(write().insert(THINGS, thing(1, doc! { "n": 3 }))).await);
    assert_eq!((refused.expected, refused.actual), (NoStream, 2));
    assert_eq!(s.document(1).await.unwrap().get_i32("n").ok(), Some(2));
    let uuid = Uuid::from_u128(7);
    let oid = ObjectId::from_bytes([1; 12]);
    let ids = [
        (Bson::Int32(1), "1".to_owned()),
        (Bson::from("one"), "one".to_owned()),
        (bson::Uuid::from_bytes(uuid.into_bytes()).into(), uuid.to_string()),
        (oid.into(), oid.to_hex()),
    ];
    for (id, name) in ids {
        let _there = s.commit(write().insert(THINGS, thing(id.clone(), doc! {}))).await;
        for refused in [write().insert(THINGS, thing(id.clone(), doc! {})), write().replace(THINGS, id, 9, doc! {})] {
            let refused = conflict(s.commit(refused).await);
            assert_eq!(refused.subject, format!("document {name} of {THINGS}"), "as people write its id");
        }
    }
}

pub(super) async fn a_replacement_leaves_nothing_of_the_old(s: Subject) {
    s.put([thing(1, doc! { "old": 1, "both": { "a": 1 } })]).await;
    s.commits(write().replace(THINGS, 1, 1, doc! { "both": { "b": 2 } })).await;
    same(&s.document(1).await.unwrap(), &doc! { "_id": 1, "_v": 2_i64, "both": { "b": 2 } });
}

pub(super) async fn a_stale_replacement_conflicts(s: Subject) {
    s.put([thing(1, doc! { "n": 1 })]).await;
    s.commits(write().replace(THINGS, 1, 1, doc! { "n": 2 })).await;
    let refused = conflict(s.commit(write().replace(THINGS, 1, 1, doc! { "n": 3 })).await);
    assert_eq!((refused.expected, refused.actual), (Exact(1), 2));
    let refused = conflict(s.commit(write().replace(THINGS, 2, 4, doc! {})).await);
    assert_eq!((refused.expected, refused.actual), (Exact(4), 0), "what is not there stands at 0");
    assert_eq!(s.document(1).await.unwrap().get_i32("n").ok(), Some(2));
    assert_eq!(s.document(2).await, None, "a replacement never inserts");
}

pub(super) async fn a_delete_removes_the_document(s: Subject) {
    s.put([thing(1, doc! {}), thing(2, doc! {})]).await;
    s.commits(write().delete(THINGS, 1, 1)).await;
    assert_eq!(s.document(1).await, None);
    s.expect(Predicate::always(), &[2]).await;
}

pub(super) async fn a_stale_delete_conflicts(s: Subject) {
    s.put([thing(1, doc! {})]).await;
    s.commits(write().replace(THINGS, 1, 1, doc! {})).await;
    let refused = conflict(s.commit(write().delete(THINGS, 1, 1)).await);
    assert_eq!((refused.expected, refused.actual), (Exact(1), 2));
    let refused = conflict(s.commit(write().delete(THINGS, 2, 1)).await);
    assert_eq!((refused.expected, refused.actual), (Exact(1), 0));
    assert!(s.document(1).await.is_some());
}

pub(super) async fn documents_are_written_in_their_order(s: Subject) {
    let sent = write()
        .insert(THINGS, thing(1, doc! { "n": 1 }))
        .patch(THINGS, 1, 1, doc! { "n": 2 }, &[])
        .insert(THINGS, thing(2, doc! {}))
        .delete(THINGS, 2, 1)
        .insert(THINGS, thing(2, doc! { "again": true }));
    s.commits(sent).await;
    assert_eq!(s.document(1).await, Some(doc! { "_id": 1, "_v": 2_i64, "n": 2 }));
    assert_eq!(s.document(2).await, Some(thing(2, doc! { "again": true })));
    let early = write().delete(THINGS, 3, 1).insert(THINGS, thing(3, doc! {}));
    assert_eq!(conflict(s.commit(early).await).actual, 0, "the delete comes before the insert");
}

pub(super) async fn one_commit_writes_several_collections(s: Subject) {
    s.commits(write().insert(THINGS, thing(1, doc! { "n": 1 })).insert(OTHERS, thing(1, doc! { "n": 2 }))).await;
    assert_eq!(s.document_in(THINGS, 1).await.unwrap().get_i32("n").ok(), Some(1));
    assert_eq!(s.document_in(OTHERS, 1).await.unwrap().get_i32("n").ok(), Some(2));
}

pub(super) async fn a_document_is_written_under_its_own_id(s: Subject) {
    s.put([thing(1, doc! { "n": 1 })]).await;
    let mut other = thing(2, doc! { "n": 2 });
    other.insert("_v", 2_i64);
    for (id, op) in
        [(1, DocumentOp::Replace { expected: 1, document: other.clone() }), (3, DocumentOp::Insert { document: other })]
    {
        let error = s.commit(write().document(THINGS, id, op)).await.expect_err("it has another id");
        assert!(matches!(error, Error::InvalidCommit { .. }) && !error.is_retryable(), "{error:?}");
    }
    s.expect(Predicate::always(), &[1]).await;
    assert_eq!(s.document(1).await, Some(thing(1, doc! { "n": 1 })));
    // One that tells no id is given it.
    s.commits(write().document(THINGS, 3, DocumentOp::Insert { document: doc! { "n": 3, "_v": 1_i64 } })).await;
    assert_eq!(s.document(3).await, Some(doc! { "_id": 3, "n": 3, "_v": 1_i64 }));
}
