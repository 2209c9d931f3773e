//! Documents that were there before the library: they have no version, and a commit may expect that.

use bson::{Bson, doc};
use earnorm_core::predicate::Predicate;
use earnorm_core::store::PutRule;
use earnorm_core::stream::ExpectedVersion::Exact;

use super::Subject;
use super::draft::{Draft, THINGS, thing, write};
use super::subject::conflict;

pub(super) async fn a_document_without_a_version_is_adopted_once(s: Subject) {
    s.lay_down([doc! { "_id": 1, "n": 1 }, doc! { "_id": 2, "n": 2, "_v": null }]).await;
    for id in [1, 2] {
        s.commits(write().patch(THINGS, id, 0, doc! { "m": 5 }, &[])).await;
        let again = conflict(s.commit(write().patch(THINGS, id, 0, doc! { "m": 6 }, &[])).await);
        assert_eq!((again.expected, again.actual), (Exact(0), 1));
        let found = s.document(id).await.unwrap();
        assert_eq!((found.get_i32("m").ok(), found.get_i64("_v").ok()), (Some(5), Some(1)));
    }
    s.commits(write().patch(THINGS, 1, 1, doc! { "m": 7 }, &[])).await;
}

pub(super) async fn a_document_with_a_version_is_never_taken_for_one_without(s: Subject) {
    s.put([thing(1, doc! { "n": 1 })]).await;
    s.lay_down([doc! { "_id": 2, "_v": 3_i32 }, doc! { "_id": 3, "_v": "x" }]).await;
    for id in 1..=3 {
        let before = s.document(id).await;
        conflict(s.commit(write().patch(THINGS, id, 0, doc! { "n": 2 }, &[])).await);
        conflict(s.commit(write().replace(THINGS, id, 0, doc! { "n": 2 })).await);
        conflict(s.commit(write().delete(THINGS, id, 0)).await);
        assert_eq!(s.document(id).await, before);
    }
}

pub(super) async fn what_is_not_there_is_not_adopted(s: Subject) {
    let refused = conflict(s.commit(write().patch(THINGS, 1, 0, doc! { "n": 2 }, &[])).await);
    assert_eq!((refused.expected, refused.actual), (Exact(0), 0));
    conflict(s.commit(write().replace(THINGS, 1, 0, doc! { "n": 2 })).await);
    conflict(s.commit(write().delete(THINGS, 1, 0)).await);
    assert_eq!(s.count(THINGS, &Predicate::always()).await.unwrap(), 0);
}

pub(super) async fn a_document_without_a_version_is_replaced_or_deleted(s: Subject) {
    s.lay_down([doc! { "_id": 1, "old": 1 }, doc! { "_id": 2, "old": 1 }]).await;
    s.commits(write().replace(THINGS, 1, 0, doc! { "n": 2 }).delete(THINGS, 2, 0)).await;
    assert_eq!(s.document(1).await, Some(thing(1, doc! { "n": 2 })));
    assert_eq!(s.document(2).await, None);
}

impl Subject {
    /// Puts documents into [`THINGS`] as another program would have: without versions and events.
    async fn lay_down(&self, documents: impl IntoIterator<Item = bson::Document>) {
        let documents: Vec<_> = documents.into_iter().collect();
        let ids: Vec<Bson> = documents.iter().map(|document| document["_id"].clone()).collect();
        let put = self.admin().put(THINGS, documents, PutRule::Absent).await.unwrap();
        assert_eq!(put, ids.len() as u64);
    }
}
