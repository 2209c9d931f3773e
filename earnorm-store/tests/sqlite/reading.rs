//! Documents as streams: one snapshot, whatever is written meanwhile, and little in memory.

use bson::{Bson, Document, doc};
use earnorm_core::predicate::{Comparison, Predicate};
use earnorm_core::schema::{CollectionSpec, IndexSpec};
use earnorm_core::store::{DocumentQuery, LogQuery, PutRule, SortKey, Store};
use earnorm_store::SqliteStore;
use futures::{StreamExt, TryStreamExt};

use crate::support::{Scratch, commit, found};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_one_snapshot_and_needs_no_reader() {
    let scratch = Scratch::new();
    let store = scratch.open("a.db?readers=1").await;
    let index = IndexSpec { keys: vec![("n".to_owned(), false)], unique: false, present: vec![], live_only: false };
    store.admin().prepare(&[CollectionSpec { name: "things".to_owned(), indexes: vec![index] }]).await.unwrap();
    let documents = (0..3_000).map(|n| doc! { "_id": n, "n": n % 10 }).collect();
    store.admin().put("things", documents, PutRule::Always).await.unwrap();
    let above = Predicate::Compare { path: "n".to_owned(), op: Comparison::Gte, value: 5.into() };
    for (predicate, count) in [(Predicate::always(), 3_000), (above, 1_500)] {
        let mut streams = Vec::new();
        for _ in 0..5 {
            let mut stream = store.find(DocumentQuery::new("things", predicate.clone())).await.unwrap();
            assert!(stream.next().await.unwrap().is_ok());
            streams.push(stream);
        }
        let changed = (0..3_000).map(|n| doc! { "_id": n, "n": n % 10, "new": true }).collect();
        store.admin().put("things", changed, PutRule::Always).await.unwrap();
        store.admin().remove("things", &Predicate::eq("_id", 2_999)).await.unwrap();
        drop(streams.pop());
        for stream in streams {
            let rest: Vec<_> = stream.try_collect().await.unwrap();
            assert_eq!(rest.len(), count - 1);
            assert!(rest.iter().all(|document| !document.contains_key("new")));
        }
        let put = (0..3_000).map(|n| doc! { "_id": n, "n": n % 10 }).collect();
        store.admin().put("things", put, PutRule::Always).await.unwrap();
    }
}

#[tokio::test]
async fn skip_and_limit_hold_over_chunks() {
    let scratch = Scratch::new();
    let store = scratch.open("a.db").await;
    let documents =
        (0..1_000).map(|n| doc! { "_id": n, "text": "x".repeat(if n < 20 { 400_000 } else { 1 }) }).collect();
    store.admin().put("things", documents, PutRule::Always).await.unwrap();
    for (skip, limit) in [(0, 0), (0, 1), (7, 300), (600, 256), (990, 50), (5_000, 5)] {
        let query = DocumentQuery { skip, limit: Some(limit), ..DocumentQuery::new("things", Predicate::always()) };
        let ids: Vec<_> = found(&store, query).await.iter().map(|document| document.get_i32("_id").unwrap()).collect();
        let expected: Vec<i32> = (0..1_000).skip(skip as usize).take(limit as usize).collect();
        assert_eq!(ids, expected);
    }
}

#[tokio::test]
async fn the_order_of_ids_holds_over_chunks_and_is_not_sorted_for() {
    let scratch = Scratch::new();
    let store = scratch.open("a.db").await;
    let documents =
        (0..900).rev().map(|n| doc! { "_id": n, "text": "x".repeat(if n < 9 { 400_000 } else { 1 }) }).collect();
    store.admin().put("things", documents, PutRule::Always).await.unwrap();
    for descending in [false, true] {
        for (skip, limit) in [(0, None), (0, Some(256)), (3, Some(600)), (700, None), (900, None)] {
            let sort = vec![SortKey { path: "_id".to_owned(), descending }];
            let query = DocumentQuery { skip, limit, sort, ..DocumentQuery::new("things", Predicate::always()) };
            let explained = store.explain(&query).await.unwrap();
            assert!(!explained.sorts, "{explained}");
            assert_eq!(explained.indexes, if limit.is_some() { &["_id"][..] } else { &[] }, "the rest is not read");
            let ids: Vec<_> = found(&store, query).await.iter().map(|found| found.get_i32("_id").unwrap()).collect();
            let all: Vec<i32> = if descending { (0..900).rev().collect() } else { (0..900).collect() };
            let limit = limit.unwrap_or(u64::MAX);
            let expected = all.into_iter().skip(skip as usize).take(usize::try_from(limit).unwrap());
            assert_eq!(ids, expected.collect::<Vec<_>>());
        }
    }
    let limited = DocumentQuery { limit: Some(3), ..DocumentQuery::new("things", Predicate::always()) };
    assert_eq!(store.explain(&limited).await.unwrap().indexes, [""; 0], "no order is asked for");
}

#[tokio::test]
async fn a_text_that_is_no_document_fails_where_it_is_looked_at_and_nowhere_else() {
    let scratch = Scratch::new();
    let store = scratch.open("a.db").await;
    store.commit(commit("a", vec![doc! { "n": 1 }, doc! { "n": 2 }], vec![])).await.unwrap();
    let broken = scratch.look("a.db").execute("UPDATE events SET data = '{\"n\":{\"$oid\":7}}' WHERE position = 1", ());
    assert_eq!(broken, Ok(1));
    let mut events = store.read_log(LogQuery::default()).await.unwrap().events;
    let mut second = events.pop().unwrap();
    assert_eq!((second.data().unwrap(), &second.data), (&doc! { "n": 2 }, &doc! { "n": 2 }.into()));
    second.data_mut().unwrap().insert("n", 3);
    assert_eq!(second.data, doc! { "n": 3 });
    let mut first = events.pop().unwrap();
    assert_eq!((first.event_type.as_str(), first.version), ("thing.noted", 1));
    for error in [first.data().unwrap_err(), first.data_mut().unwrap_err()] {
        let text = error.to_string();
        assert!(text.contains("thing.noted of thing-a version 1 at position 1 is corrupt"), "{text}");
    }
    assert_eq!(first.data.to_string(), r#"{"n":{"$oid":7}}"#, "what stands there can be seen");
}

/// A store whose things have an index over each of these paths.
async fn indexed(scratch: &Scratch, paths: &[&str], things: Vec<Document>) -> SqliteStore {
    let store = scratch.open("a.db").await;
    let index = |path: &&str| IndexSpec {
        keys: vec![((*path).to_owned(), false)],
        unique: false,
        present: vec![],
        live_only: false,
    };
    let indexes = paths.iter().map(index).collect();
    store.admin().prepare(&[CollectionSpec { name: "things".to_owned(), indexes }]).await.unwrap();
    store.admin().put("things", things, PutRule::Always).await.unwrap();
    store
}

#[tokio::test]
async fn a_place_in_an_element_is_not_one_in_the_array_around_it() {
    let scratch = Scratch::new();
    let things = vec![doc! { "_id": 1, "items": [[5, 6], [7]] }, doc! { "_id": 2, "items": [8, [5]] }];
    let store = indexed(&scratch, &["items.0", "items.n"], things).await;
    for (value, ids) in [(7, vec![1]), (5, vec![1, 2]), (6, vec![]), (8, vec![])] {
        let first = Box::new(Predicate::eq("0", value));
        let predicate = Predicate::Element { path: "items".to_owned(), predicate: first };
        let found = found(&store, DocumentQuery::new("things", predicate)).await;
        let mut found: Vec<_> = found.iter().map(|thing| thing.get_i32("_id").unwrap()).collect();
        found.sort_unstable();
        assert_eq!(found, ids, "{value}");
    }
}

#[tokio::test]
async fn more_values_than_a_statement_takes_are_asked_for() {
    let scratch = Scratch::new();
    let things = (0..20).map(|n| doc! { "_id": n, "n": n }).collect();
    let store = indexed(&scratch, &["n"], things).await;
    let some =
        |from: i32| Predicate::In { path: "n".to_owned(), values: (from..from + 9_999).map(Bson::Int32).collect() };
    let query = DocumentQuery::new("things", Predicate::All((0..5).map(some).collect()));
    assert_eq!(found(&store, query).await.len(), 16, "4 to 19");
}
