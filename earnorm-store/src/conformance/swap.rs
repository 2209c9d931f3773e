//! Shadow collections that take the place of live ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bson::doc;
use earnorm_core::predicate::Predicate;
use earnorm_core::schema::{CollectionSpec, IndexSpec};
use earnorm_core::store::{DocumentQuery, PutRule};
use futures::TryStreamExt;

use super::Subject;
use super::draft::{Draft, THINGS, thing, write};
use super::subject::violation;

const SHADOW: &str = "things_shadow";

pub(super) async fn a_shadow_takes_the_place_with_documents_and_indexes(s: Subject) {
    s.put([thing(1, doc! { "email": "a" }), thing(2, doc! { "email": "a" })]).await;
    build(&s, 3..5).await;
    s.admin().swap(SHADOW, THINGS).await.unwrap();
    s.expect(Predicate::always(), &[3, 4]).await;
    assert_eq!(s.count(SHADOW, &Predicate::always()).await.unwrap(), 0, "the shadow is gone");
    // Its indexes came along.
    let broken = violation(s.commit(write().insert(THINGS, thing(9, doc! { "email": "3" }))).await);
    assert_eq!((broken.collection.as_str(), broken.fields), (THINGS, vec!["email".to_owned()]));
    s.commits(write().insert(THINGS, thing(9, doc! { "email": "9" }))).await;
    assert_eq!(s.admin().prepare(&[spec(THINGS)]).await.unwrap(), [], "they are as specified");
}

pub(super) async fn the_live_collection_need_not_be_there(s: Subject) {
    build(&s, 0..3).await;
    s.admin().swap(SHADOW, "fresh").await.unwrap();
    assert_eq!(s.count("fresh", &Predicate::always()).await.unwrap(), 3);
}

pub(super) async fn a_shadow_that_is_not_there_is_an_error(s: Subject) {
    s.put([thing(1, doc! {})]).await;
    let refused = s.admin().swap(SHADOW, THINGS).await;
    assert!(matches!(refused, Err(earnorm_core::Error::Store(_))), "{refused:?}");
    let refused = s.admin().swap(THINGS, THINGS).await.unwrap_err().to_string();
    assert!(refused.contains(THINGS) && refused.contains("it is the same collection"), "{refused}");
    s.expect(Predicate::always(), &[1]).await;
}

pub(super) async fn readers_see_the_old_or_the_new_never_none(s: Subject) {
    s.put((0..10).map(|id| thing(id, doc! { "round": 0 }))).await;
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (s, done) = (s.clone(), done.clone());
            tokio::spawn(async move {
                let mut reads = 0;
                while !done.load(Ordering::SeqCst) {
                    let query = DocumentQuery::new(THINGS, Predicate::always());
                    // A reading that the swap cut off says so; it never answers with a part.
                    let Ok(found) = s.find(query).await else { continue };
                    let Ok(found) = found.try_collect::<Vec<_>>().await else { continue };
                    assert_eq!(found.len(), 10, "all of the old or all of the new");
                    let rounds: std::collections::BTreeSet<_> =
                        found.iter().map(|one| one.get_i32("round").unwrap()).collect();
                    assert_eq!(rounds.len(), 1, "no mixture: {rounds:?}");
                    assert!(s.get(THINGS, &3.into()).await.unwrap().is_some());
                    reads += 1;
                }
                reads
            })
        })
        .collect();
    for round in 1..=8 {
        s.admin().prepare(&[CollectionSpec { name: SHADOW.to_owned(), indexes: Vec::new() }]).await.unwrap();
        let documents = (0..10).map(|id| thing(id, doc! { "round": round })).collect();
        s.admin().put(SHADOW, documents, PutRule::Absent).await.unwrap();
        s.admin().swap(SHADOW, THINGS).await.unwrap();
    }
    done.store(true, Ordering::SeqCst);
    for reader in readers {
        let _reads: usize = reader.await.unwrap();
    }
    assert_eq!(s.document(0).await, Some(thing(0, doc! { "round": 8 })));
}

pub(super) async fn a_collection_is_dropped_with_its_indexes(s: Subject) {
    build(&s, 0..3).await;
    assert_eq!(s.count(SHADOW, &Predicate::always()).await.unwrap(), 3);
    s.admin().drop_collection(SHADOW).await.unwrap();
    assert_eq!(s.count(SHADOW, &Predicate::always()).await.unwrap(), 0);
    s.admin().drop_collection(SHADOW).await.expect("one that is not there is dropped already");
    s.admin().prepare(&[CollectionSpec { name: SHADOW.to_owned(), indexes: Vec::new() }]).await.unwrap();
    let alike = vec![thing(1, doc! { "email": "a" }), thing(2, doc! { "email": "a" })];
    assert_eq!(s.admin().put(SHADOW, alike, PutRule::Absent).await.unwrap(), 2, "the unique index is gone too");
}

async fn build(s: &Subject, ids: std::ops::Range<i32>) {
    assert_eq!(s.admin().prepare(&[spec(SHADOW)]).await.unwrap(), []);
    let documents: Vec<_> = ids.map(|id| thing(id, doc! { "email": id.to_string() })).collect();
    let count = documents.len() as u64;
    assert_eq!(s.admin().put(SHADOW, documents, PutRule::Absent).await.unwrap(), count);
}

fn spec(name: &str) -> CollectionSpec {
    let index = |path: &str, unique| IndexSpec {
        keys: vec![(path.to_owned(), false)],
        unique,
        present: Vec::new(),
        live_only: false,
    };
    CollectionSpec { name: name.to_owned(), indexes: vec![index("email", true), index("age", false)] }
}
