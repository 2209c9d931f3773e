//! Reading: pages of the log, documents, and the look-ups that indexes give.

use bson::{Bson, doc};
use earnorm_core::Error;
use earnorm_core::pattern::EventPattern;
use earnorm_core::position::Position;
use earnorm_core::predicate::{Comparison, Predicate};
use earnorm_core::schema::{CollectionSpec, IndexSpec};
use earnorm_core::store::{Aggregation, DocumentQuery, LogQuery, Measure, SortKey, Store, StoreAdmin, StreamQuery};
use earnorm_core::stream::ExpectedVersion::Any;
use futures::TryStreamExt;
use proptest::prelude::*;

use super::*;

async fn log() -> MemoryStore {
    let store = MemoryStore::new();
    for (key, name, millis) in [("a", "created", 1), ("b", "created", 2), ("a", "renamed", 3), ("c", "created", 4)] {
        let mut event = event(name);
        event.recorded_at = moment(millis);
        event.metadata.actor = Some(format!("actor-{key}"));
        let appends = vec![append(key, Any, vec![event])];
        store.commit(Commit { appends, ..Commit::new(Uuid::now_v7()) }).await.unwrap();
    }
    store
}

async fn positions(store: &MemoryStore, query: LogQuery) -> (Vec<i64>, bool) {
    let page = store.read_log(query).await.unwrap();
    assert_eq!(page.high_water, Position::new(4));
    (page.events.iter().map(|event| event.position.get()).collect(), page.more)
}

#[tokio::test]
async fn the_log_is_read_in_pages_both_ways() {
    let store = log().await;
    let page = |after, upto, limit, backwards| LogQuery {
        after: Position::new(after),
        upto: Position::new(upto),
        limit,
        backwards,
        ..LogQuery::default()
    };
    assert_eq!(positions(&store, page(0, 99, 3, false)).await, (vec![1, 2, 3], true));
    assert_eq!(positions(&store, page(3, 99, 3, false)).await, (vec![4], false));
    assert_eq!(positions(&store, page(0, 99, 4, false)).await, (vec![1, 2, 3, 4], false));
    assert_eq!(positions(&store, page(1, 3, 9, true)).await, (vec![3, 2], false));
    assert_eq!(positions(&store, page(9, 3, 9, true)).await, (vec![], false));
    assert_eq!(positions(&store, page(0, 99, 1, true)).await, (vec![4], true));
}

#[tokio::test]
async fn the_log_is_read_by_stream_type_time_and_actor() {
    let store = log().await;
    let query = LogQuery { streams: vec![stream("c"), stream("a"), stream("a")], ..LogQuery::default() };
    assert_eq!(positions(&store, query.clone()).await.0, [1, 3, 4]);
    let query = LogQuery { types: vec![EventPattern::new("*.renamed").unwrap()], ..query };
    assert_eq!(positions(&store, query).await.0, [3]);
    let query = LogQuery { categories: vec!["order".into()], ..LogQuery::default() };
    assert_eq!(positions(&store, query).await.0, [0_i64; 0]);
    let query = LogQuery { since: Some(moment(2)), until: Some(moment(4)), ..LogQuery::default() };
    assert_eq!(positions(&store, query).await.0, [2, 3]);
    let query = LogQuery { actor: Some("actor-a".into()), backwards: true, ..LogQuery::default() };
    assert_eq!(positions(&store, query).await.0, [3, 1]);
}

#[tokio::test]
async fn a_page_of_some_streams_ends_where_it_is_told_to() {
    let store = log().await;
    let upto = |upto, streams| LogQuery { upto: Position::new(upto), streams, ..LogQuery::default() };
    for (end, of_one, of_two) in [(1, vec![1], vec![1]), (2, vec![1], vec![1, 2]), (3, vec![1, 3], vec![1, 2, 3])] {
        assert_eq!(positions(&store, upto(end, vec![stream("a")])).await.0, of_one);
        assert_eq!(positions(&store, upto(end, vec![stream("a"), stream("b")])).await.0, of_two);
    }
}

#[tokio::test]
async fn a_stream_is_read_in_parts() {
    let store = log().await;
    let last = store.read_stream(StreamQuery::last(stream("a"))).await.unwrap();
    assert_eq!((last.len(), last[0].version), (1, 2));
    let none = StreamQuery { from: 3, to: 2, ..StreamQuery::all(stream("a")) };
    assert!(store.read_stream(none).await.unwrap().is_empty());
    assert!(store.read_stream(StreamQuery::all(stream("nobody"))).await.unwrap().is_empty());
}

fn sorted(path: &str, descending: bool) -> DocumentQuery {
    let sort = vec![SortKey { path: path.to_owned(), descending }];
    DocumentQuery { sort, ..DocumentQuery::new("users", Predicate::always()) }
}

#[tokio::test]
async fn documents_are_sorted_cut_and_projected() {
    let store = holding((0..20).map(|n| doc! { "_id": n, "k": n % 3, "a": { "b": n, "c": 1 } }).collect()).await;
    let query = DocumentQuery { skip: 2, limit: Some(3), ..sorted("k", true) };
    let projection = Some(vec!["a.b".to_owned(), "k".to_owned()]);
    let documents = found(&store, DocumentQuery { projection, ..query }).await;
    let row = |n: i32| doc! { "_id": n, "k": 2, "a": { "b": n } };
    assert_eq!(documents, [row(8), row(11), row(14)]);
    let first = found(&store, DocumentQuery { limit: Some(1), ..DocumentQuery::new("users", Predicate::always()) });
    assert_eq!(first.await.len(), 1);
    assert!(found(&store, DocumentQuery { skip: 99, ..sorted("k", false) }).await.is_empty());
    assert_eq!(found(&store, DocumentQuery { limit: Some(0), ..sorted("k", false) }).await.len(), 0);
}

#[tokio::test]
async fn what_was_found_is_a_snapshot() {
    let store = holding(vec![doc! { "_id": 1 }, doc! { "_id": 2 }]).await;
    let stream = store.find(DocumentQuery::new("users", Predicate::always())).await.unwrap();
    store.commit(commit("1", Any, vec![write(1, DocumentOp::Delete { expected: 1 })])).await.unwrap();
    add(&store, vec![doc! { "_id": 3 }]).await;
    let documents: Vec<_> = stream.try_collect().await.unwrap();
    assert_eq!(documents.len(), 2);
}

#[tokio::test]
async fn a_bad_filter_is_an_error_even_over_nothing() {
    let store = MemoryStore::new();
    let invalid = Predicate::Invalid { path: "a".into(), reason: "no".into() };
    let predicate = Predicate::Any(vec![Predicate::always(), invalid]);
    assert!(matches!(store.count("none", &predicate).await, Err(Error::InvalidQuery { .. })));
    assert!(matches!(store.count("none", &Predicate::Raw(doc! {})).await, Err(Error::Unsupported { .. })));
}

#[tokio::test]
async fn measures_group_what_matches() {
    let store = holding((0..6).map(|n| doc! { "_id": n, "k": n % 2, "n": n }).collect()).await;
    let aggregation = Aggregation {
        collection: "users".into(),
        predicate: Predicate::Compare { path: "n".into(), op: Comparison::Gt, value: 0.into() },
        group_by: Some("k".into()),
        measures: vec![Measure::Count, Measure::Sum("n".into())],
    };
    let rows = store.aggregate(aggregation).await.unwrap();
    assert_eq!(rows[0].key, Bson::Int32(0));
    assert_eq!(rows[0].values, [Bson::Int64(2), Bson::Int64(6)]);
    assert_eq!(rows[1].values, [Bson::Int64(3), Bson::Int64(9)]);
    let values = store.distinct("users", &Predicate::always(), "k").await.unwrap();
    assert_eq!(values, [Bson::Int32(0), Bson::Int32(1)]);
}

#[tokio::test]
async fn a_look_up_serves_one_value_or_several() {
    let store = MemoryStore::new();
    let keys = vec![("k".to_owned(), false)];
    let indexes = vec![IndexSpec { keys, unique: false, present: Vec::new(), live_only: false }];
    store.prepare(&[CollectionSpec { name: "users".into(), indexes }]).await.unwrap();
    add(&store, (0..9).map(|n| doc! { "_id": n, "k": n % 3 }).collect()).await;
    let several = Predicate::In { path: "k".into(), values: vec![0.into(), 2.into()] };
    let ids = Predicate::In { path: "_id".into(), values: vec![4.into()] };
    for (predicate, plan) in [
        (Predicate::eq("k", 1), "3 documents of the look-up of `k`, by id"),
        (several.clone(), "6 documents of the look-up of `k`, by id"),
        (several.and(ids), "1 documents of the look-up of `_id`, by id"),
        (!Predicate::eq("k", 1), "every document of the collection, by id"),
    ] {
        assert_eq!(store.explain(&DocumentQuery::new("users", predicate)).await.unwrap().plan, plan);
    }
    assert_eq!(store.connections(), None, "there is nothing to be connected to");
}

fn value() -> impl Strategy<Value = Option<Bson>> {
    let leaf = prop_oneof![
        Just(Bson::Null),
        Just(Bson::Undefined),
        (0..3_i32).prop_map(Bson::Int32),
        (0..3_i32).prop_map(|n| Bson::Double(f64::from(n))),
        Just(Bson::Double(f64::NAN)),
        "[ab]".prop_map(Bson::String),
    ];
    let array = prop::collection::vec(leaf.clone(), 0..3).prop_map(Bson::Array);
    let nested = prop::option::of(leaf.clone()).prop_map(|inner| {
        let inner: Document = inner.map(|value| ("x".to_owned(), value)).into_iter().collect();
        Bson::Document(inner)
    });
    let nested_list = prop::collection::vec(nested.clone(), 0..3).prop_map(Bson::Array);
    prop::option::of(prop_oneof![leaf, array, nested, nested_list])
}

proptest! {
    #[test]
    fn an_index_never_changes_an_answer(values in prop::collection::vec(value(), 1..12), wanted in value()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let document = |(n, value): (usize, &Option<Bson>)| {
                let mut document = doc! { "_id": i64::try_from(n).unwrap() };
                document.extend(value.clone().map(|value| ("f".to_owned(), value)));
                document
            };
            let documents: Vec<_> = values.iter().enumerate().map(document).collect();
            let index = |path: &str| IndexSpec {
                keys: vec![(path.to_owned(), false), ("_id".to_owned(), false)],
                unique: false, present: Vec::new(), live_only: false,
            };
            let indexes = vec![index("f"), index("f.x")];
            let indexed = MemoryStore::new();
            indexed.prepare(&[CollectionSpec { name: "users".into(), indexes }]).await.unwrap();
            add(&indexed, documents.clone()).await;
            let plain = holding(documents).await;
            let wanted = wanted.unwrap_or(Bson::Null);
            for path in ["f", "f.x", "f.0"] {
                let one = Predicate::eq(path, wanted.clone());
                let many = Predicate::In { path: path.to_owned(), values: vec![wanted.clone(), Bson::Int32(1)] };
                for predicate in [one.clone(), many.clone(), one.and(many)] {
                    assert_eq!(ids(&indexed, predicate.clone()).await, ids(&plain, predicate).await);
                }
            }
        });
    }
}
