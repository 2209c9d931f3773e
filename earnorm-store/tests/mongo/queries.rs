//! Filters, measures and pages, with values that try to be operators.

use bson::{Bson, Document, doc};
use chrono::{TimeDelta, Utc};
use earnorm_core::Error;
use earnorm_core::pattern::EventPattern;
use earnorm_core::predicate::{Comparison, Predicate, TextMatch};
use earnorm_core::regex::PortableRegex;
use earnorm_core::store::{Aggregation, DocumentQuery, LogQuery, Measure, SortKey, Store};
use earnorm_core::stream::ExpectedVersion;
use earnorm_store::mongo::MongoStore;
use futures::TryStreamExt;

use crate::support::{append, appending, event, put, stream, with_store};

async fn ids(store: &MongoStore, predicate: Predicate) -> Vec<String> {
    let mut query = DocumentQuery::new("things", predicate);
    query.sort.push(SortKey { path: "_id".to_owned(), descending: false });
    let found: Vec<Document> = store.find(query).await.expect("a query").try_collect().await.expect("documents");
    found.iter().map(|document| document.get_str("_id").expect("an id").to_owned()).collect()
}

#[test]
fn a_users_value_is_never_an_operator() {
    with_store(|store| async move {
        put(&store, "a", doc! { "x": "plain", "tags": ["p"] }).await;
        let hostile: [Bson; 6] = [
            doc! { "$ne": Bson::Null }.into(),
            doc! { "$gt": "" }.into(),
            doc! { "$where": "true" }.into(),
            doc! { "$elemMatch": { "$exists": true } }.into(),
            doc! { "$regex": ".*" }.into(),
            bson::bson!({ "$regularExpression": { "pattern": ".*", "options": "" } }),
        ];
        for value in hostile {
            let path = || "x".to_owned();
            assert!(ids(&store, Predicate::eq("x", value.clone())).await.is_empty(), "{value}");
            assert!(
                ids(&store, Predicate::In { path: path(), values: vec![value.clone()] }).await.is_empty(),
                "{value}"
            );
            let all = Predicate::HasAll { path: "tags".into(), values: vec![value.clone()] };
            assert!(ids(&store, all).await.is_empty(), "{value}");
            for op in [Comparison::Gte, Comparison::Lte] {
                let compare = Predicate::Compare { path: path(), op, value: value.clone() };
                assert!(ids(&store, compare).await.is_empty(), "{value}");
            }
            assert_eq!(ids(&store, !Predicate::eq("x", value.clone())).await, ["a"], "{value}");
        }
        let bad = store.find(DocumentQuery::new("things", Predicate::eq("$where", "true"))).await;
        assert!(matches!(bad, Err(Error::InvalidQuery { .. })));
    });
}

#[test]
fn text_is_found_as_it_is() {
    with_store(|store| async move {
        let all: String = (1_u8..128).map(char::from).collect();
        put(&store, "all", doc! { "x": &all }).await;
        put(&store, "dots", doc! { "x": "a.*b" }).await;
        put(&store, "line", doc! { "x": "end\n" }).await;
        put(&store, "nul", doc! { "x": "a\0b" }).await;
        let text = |op, needle: &str| Predicate::Text { path: "x".into(), op, needle: needle.to_owned() };
        for op in [TextMatch::Prefix, TextMatch::Contains, TextMatch::Suffix] {
            assert_eq!(ids(&store, text(op, &all)).await, ["all"], "{op:?}");
        }
        assert_eq!(ids(&store, text(TextMatch::Contains, ".*")).await, ["dots"]);
        assert!(ids(&store, text(TextMatch::Suffix, "end")).await.is_empty());
        assert_eq!(ids(&store, text(TextMatch::Prefix, "a\0")).await, ["nul"]);
        assert_eq!(ids(&store, text(TextMatch::Contains, "")).await.len(), 4);
        let regex = PortableRegex::new(r"^a\.").expect("a pattern");
        assert_eq!(ids(&store, Predicate::Regex { path: "x".into(), regex }).await, ["dots"]);
    });
}

#[test]
fn measures_keep_their_types() {
    with_store(|store| async move {
        let measure = |measures: Vec<Measure>, group_by: Option<&str>| Aggregation {
            collection: "things".into(),
            predicate: Predicate::always(),
            group_by: group_by.map(str::to_owned),
            measures,
        };
        let all = || {
            ["n", "d"]
                .into_iter()
                .flat_map(|p| [Measure::Sum(p.into()), Measure::Avg(p.into()), Measure::Min(p.into())])
        };
        let empty = store.aggregate(measure(all().chain([Measure::Count]).collect(), None)).await.expect("one row");
        let nothing = [Bson::Int64(0), Bson::Null, Bson::Null];
        assert_eq!(empty[0].values[..3], nothing);
        assert_eq!(empty[0].values[6], Bson::Int64(0));
        put(&store, "a", doc! { "n": 1, "d": 0.5, "g": "x" }).await;
        put(&store, "b", doc! { "n": 2_i64, "d": 1, "g": Bson::Null }).await;
        put(&store, "c", doc! { "n": "three" }).await;
        let rows = store.aggregate(measure(all().collect(), None)).await.expect("one row");
        let expected: [Bson; 6] = [3_i64.into(), 1.5.into(), 1.into(), 1.5.into(), 0.75.into(), 0.5.into()];
        assert_eq!(rows[0].values, expected);
        let rows = store.aggregate(measure(vec![Measure::Count], Some("g"))).await.expect("two rows");
        let keys: Vec<_> = rows.iter().map(|row| (row.key.clone(), row.values[0].clone())).collect();
        assert_eq!(keys, [(Bson::Null, Bson::Int64(2)), ("x".into(), Bson::Int64(1))]);
        put(&store, "d", doc! { "n": i64::MAX }).await;
        let over = store.aggregate(measure(vec![Measure::Sum("n".into())], None)).await;
        assert!(matches!(over, Err(Error::InvalidQuery { .. })), "{over:?}");
        let distinct = store.distinct("things", &Predicate::always(), "g").await.expect("values");
        assert_eq!(distinct, [Bson::Null, "x".into()]);
        assert_eq!(store.count("things", &Predicate::eq("g", Bson::Null)).await.expect("a count"), 3);
    });
}

#[test]
fn pages_sorts_and_projections_are_as_asked() {
    with_store(|store| async move {
        for (key, n) in [("a", 3), ("b", 1), ("c", 2)] {
            put(&store, key, doc! { "n": n, "in": { "x": n, "y": n } }).await;
        }
        let mut query = DocumentQuery::new("things", Predicate::always());
        query.sort = vec![SortKey { path: "n".into(), descending: true }];
        (query.skip, query.limit) = (1, Some(1));
        query.projection = Some(vec!["in.x".into(), "in".into(), "n".into()]);
        let found: Vec<_> = store.find(query.clone()).await.expect("a query").try_collect().await.expect("documents");
        assert_eq!(found, [doc! { "_id": "c", "n": 2, "in": { "x": 2, "y": 2 } }]);
        query.limit = Some(0);
        let none: Vec<_> = store.find(query).await.expect("a query").try_collect().await.expect("documents");
        assert!(none.is_empty());
    });
}

#[test]
fn a_document_that_is_too_deep_is_refused_before_it_is_decoded() {
    with_store(|store| async move {
        let mut deep = doc! { "end": true };
        for _ in 0..100 {
            deep = doc! { "d": deep };
        }
        deep.insert("_id", "deep");
        store.raw_database().collection::<Document>("things").insert_one(deep).await.expect("the server takes it");
        let Err(Error::TooDeep { subject, .. }) = store.get("things", &"deep".into()).await else { panic!("too deep") };
        assert!(subject.contains("deep") && subject.contains("things"), "{subject}");
    });
}

#[test]
fn the_log_is_filtered_on_the_server() {
    with_store(|store| async move {
        let mut commit = appending("a", ExpectedVersion::NoStream);
        commit.appends[0].events.push(event("user.mail.changed"));
        commit.appends.push(append("b", ExpectedVersion::NoStream, 2));
        store.commit(commit).await.expect("it commits");
        let count = async |query: LogQuery| store.read_log(query).await.expect("a page").events.len();
        let types = |texts: &[&str]| {
            let types = texts.iter().map(|text| EventPattern::new(text).expect("a pattern")).collect();
            LogQuery { types, ..LogQuery::default() }
        };
        assert_eq!(count(types(&["thing.*"])).await, 3);
        assert_eq!(count(types(&["user.**", "nothing"])).await, 1);
        assert_eq!(count(types(&["**.changed"])).await, 4);
        assert_eq!(count(LogQuery { streams: vec![stream("b")], ..LogQuery::default() }).await, 2);
        assert_eq!(count(LogQuery { categories: vec!["other".into()], ..LogQuery::default() }).await, 0);
        assert_eq!(count(LogQuery { actor: Some("tester".into()), ..LogQuery::default() }).await, 4);
        let soon = Utc::now() + TimeDelta::days(1);
        assert_eq!(count(LogQuery { since: Some(soon), ..LogQuery::default() }).await, 0);
        assert_eq!(count(LogQuery { until: Some(soon), ..LogQuery::default() }).await, 4);
        let page = store.read_log(LogQuery { limit: 3, backwards: true, ..LogQuery::default() }).await.expect("a page");
        let positions: Vec<_> = page.events.iter().map(|event| event.position.get()).collect();
        assert_eq!((positions, page.more), (vec![4, 3, 2], true));
        let page = store.read_log(LogQuery { limit: 4, ..LogQuery::default() }).await.expect("a page");
        assert!(!page.more);
    });
}

#[test]
fn time_never_falls_within_a_stream() {
    with_store(|store| async move {
        let mut first = appending("a", ExpectedVersion::NoStream);
        first.appends[0].events[0].recorded_at += TimeDelta::seconds(10);
        let first = store.commit(first).await.expect("it commits").events[0].recorded_at;
        let second = store.commit(appending("a", ExpectedVersion::Any)).await.expect("it commits");
        assert_eq!(second.events[0].recorded_at, first);
        let mut third = appending("a", ExpectedVersion::Exact(2));
        third.appends[0].not_before = Some(first + TimeDelta::seconds(5));
        let third = store.commit(third).await.expect("it commits");
        assert_eq!(third.events[0].recorded_at, first + TimeDelta::seconds(5));
    });
}
