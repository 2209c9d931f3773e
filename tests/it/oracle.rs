//! What conditions and orders mean: MongoDB's own `find` says it, and every store answers the same.
//!
//! Documents and conditions are random, with a seed that is printed; `EARNORM_TEST_SEED` varies it.

mod typed;

use std::collections::BTreeSet;

use bson::{Bson, Document, doc};
use earnorm::predicate::{Comparison, Predicate, TextMatch};
use earnorm::schema::{CollectionSpec, IndexSpec};
use earnorm::store::{DocumentQuery, PutRule, SortKey};
use earnorm::{Database, Registry};
use futures::TryStreamExt;

use crate::fuzz::targets::made;
use crate::support::DatabaseFile;

const DOCUMENTS: i32 = 150;
const CONDITIONS: usize = 200;
const ORDERS: usize = 60;
/// With look-up tables and indexes on some paths, and without.
const COLLECTIONS: [&str; 2] = ["plain", "indexed"];
const INDEXED: [&str; 4] = ["a", "b", "a.b", "b.a"];

/// The same documents in all stores, and MongoDB without the library.
struct Stores {
    all: Vec<(&'static str, Database)>,
    oracle: mongodb::Client,
    name: String,
    _file: DatabaseFile,
}

impl Stores {
    async fn open(registry: fn() -> Registry) -> Self {
        let (name, file) = (crate::support::database_name(), DatabaseFile::new());
        let all = vec![
            ("memory", crate::support::memory(registry()).await),
            ("sqlite", crate::support::sqlite(registry(), &file).await),
            ("mongodb", crate::support::mongodb(registry(), &name).await),
        ];
        let oracle = mongodb::Client::with_uri_str(crate::support::mongodb_uri()).await.unwrap();
        Self { all, oracle, name, _file: file }
    }

    async fn put(&self, documents: &[Document]) {
        let keys = |path: &str| vec![(path.to_owned(), false), ("_id".to_owned(), false)];
        let index = |path: &str| IndexSpec { keys: keys(path), unique: false, present: Vec::new(), live_only: false };
        let indexes = INDEXED.map(index).to_vec();
        for (_, db) in &self.all {
            let admin = db.store().admin();
            admin.prepare(&[CollectionSpec { name: "indexed".to_owned(), indexes: indexes.clone() }]).await.unwrap();
            for collection in COLLECTIONS {
                admin.put(collection, documents.to_vec(), PutRule::Always).await.unwrap();
            }
        }
    }

    fn native(&self, collection: &str) -> mongodb::Collection<Document> {
        self.oracle.database(&self.name).collection(collection)
    }

    /// What MongoDB finds, in its order.
    async fn truth(&self, query: &DocumentQuery) -> Vec<Bson> {
        let sort: Document =
            query.sort.iter().map(|key| (key.path.clone(), Bson::from(if key.descending { -1 } else { 1 }))).collect();
        let collection = self.native(&query.collection);
        let found = collection.find(native(&query.predicate)).projection(doc! { "_id": 1 });
        let found = found.sort(sort).skip(query.skip).limit(query.limit.map_or(0, |limit| limit.try_into().unwrap()));
        ids(found.await.unwrap().try_collect().await.unwrap())
    }

    /// The stores that answer otherwise.
    async fn differing(&self, query: &DocumentQuery, truth: &[Bson]) -> Vec<String> {
        let mut wrong = Vec::new();
        for (name, db) in &self.all {
            let found: Vec<Document> = db.store().find(query.clone()).await.unwrap().try_collect().await.unwrap();
            let mut found = ids(found);
            let mut truth = truth.to_vec();
            if query.sort.is_empty() {
                found.sort_by(earnorm::predicate::compare);
                truth.sort_by(earnorm::predicate::compare);
            }
            if found != truth {
                wrong.push(format!("{name}, {}: {:?}\n  found {found:?}\n  truth {truth:?}", query.collection, query));
            }
            if query.limit.is_none() && query.collection == COLLECTIONS[1] {
                let counted = db.store().count(&query.collection, &query.predicate).await.unwrap();
                assert_eq!(counted, found.len() as u64, "{name} counts what it finds: {query:?}");
            }
        }
        wrong
    }

    async fn close(self) {
        for (_, db) in self.all {
            db.close().await.unwrap();
        }
        crate::support::drop_database(&self.name).await;
        self.oracle.shutdown().await;
    }
}

fn ids(found: Vec<Document>) -> Vec<Bson> {
    found.into_iter().map(|document| document.get("_id").cloned().unwrap()).collect()
}

/// The condition in MongoDB's language, with its own operators: told here a second time, for documents whose names are
/// no operators.
fn native(predicate: &Predicate) -> Document {
    let all = |parts: &[Predicate]| parts.iter().map(native).collect::<Vec<_>>();
    match predicate {
        Predicate::All(parts) if parts.is_empty() => doc! {},
        Predicate::All(parts) => doc! { "$and": all(parts) },
        Predicate::Any(parts) if parts.is_empty() => nothing(),
        Predicate::Any(parts) => doc! { "$or": all(parts) },
        Predicate::Not(inner) => doc! { "$nor": [native(inner)] },
        Predicate::Compare { path, op, value } => {
            let op = match op {
                Comparison::Eq => "$eq",
                Comparison::Gt => "$gt",
                Comparison::Gte => "$gte",
                Comparison::Lt => "$lt",
                Comparison::Lte => "$lte",
            };
            doc! { path: { op: value } }
        }
        Predicate::In { path, values } => doc! { "$or": equals(path, values).chain([nothing()]).collect::<Vec<_>>() },
        Predicate::Exists { path, present } => doc! { path: { "$exists": present } },
        Predicate::Text { path, op, needle } => {
            let needle: String = needle.chars().map(|c| format!(r"\x{{{:x}}}", u32::from(c))).collect();
            let pattern = match op {
                TextMatch::Prefix => format!(r"\A{needle}"),
                TextMatch::Contains => needle,
                TextMatch::Suffix => format!(r"{needle}\z"),
            };
            doc! { path: { "$regex": pattern } }
        }
        Predicate::Regex { path, regex } => doc! { path: { "$regex": regex.as_str() } },
        Predicate::Size { path, len } => doc! { path: { "$size": len } },
        Predicate::HasAll { values, .. } if values.is_empty() => nothing(),
        Predicate::HasAll { path, values } => doc! { "$and": equals(path, values).collect::<Vec<_>>() },
        Predicate::Element { path, predicate } => {
            doc! { path: { "$elemMatch": { "$and": [native(predicate)] } } }
        }
        other => panic!("{other:?} has no meaning of its own"),
    }
}

fn nothing() -> Document {
    doc! { "_id": { "$in": [] } }
}

fn equals(path: &str, values: &[Bson]) -> impl Iterator<Item = Document> {
    values.iter().map(move |value| doc! { path: { "$eq": value } })
}

/// Random bytes of which everything is made.
fn bytes(case: u64) -> Vec<u8> {
    use proptest::prelude::*;
    use proptest::strategy::ValueTree;
    use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
    let varied = std::env::var("EARNORM_TEST_SEED").ok().and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    let seed = case.wrapping_add(varied.wrapping_mul(1_000_003));
    eprintln!("seed {seed}");
    let mut wide = [0; 32];
    wide[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &wide);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    prop::collection::vec(any::<u8>(), 400_000).new_tree(&mut runner).unwrap().current()
}

fn documents(u: &mut arbitrary::Unstructured<'_>) -> Vec<Document> {
    let mut documents: Vec<Document> = (0..DOCUMENTS).map(|id| doc! { "_id": id }).collect();
    for document in &mut documents {
        document.extend(made::fields(u, 3).unwrap());
    }
    documents
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_store_finds_what_mongodb_finds() {
    let bytes = bytes(101);
    let mut u = arbitrary::Unstructured::new(&bytes);
    let stores = Stores::open(typed::registry).await;
    stores.put(&documents(&mut u)).await;
    let (mut wrong, mut found, mut caught) = (Vec::new(), 0, BTreeSet::new());
    for n in 0..CONDITIONS {
        let predicate = made::predicate(&mut u, n % 4).unwrap();
        for collection in COLLECTIONS {
            let query = DocumentQuery::new(collection, predicate.clone());
            let truth = stores.truth(&query).await;
            found += truth.len();
            wrong.extend(stores.differing(&query, &truth).await);
        }
    }
    for predicate in PLAIN_PATHS.into_iter().flat_map(plain) {
        catch_lies(&stores, &predicate, &mut caught).await;
    }
    assert!(!u.is_empty(), "there were bytes enough");
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(found > CONDITIONS * 10, "conditions that hold for nothing show nothing: {found}");
    assert_eq!(caught, (0..LIES.len()).collect(), "an answer that is wrong in one way is seen");
    stores.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_store_orders_as_mongodb_does() {
    let bytes = bytes(202);
    let mut u = arbitrary::Unstructured::new(&bytes);
    let stores = Stores::open(typed::registry).await;
    stores.put(&documents(&mut u)).await;
    let mut wrong = Vec::new();
    for n in 0..ORDERS {
        let path = *u.choose(&["a", "b", "c", "a.b", "b.a", "a.b.a", "é"]).unwrap();
        let key = |path: &str, descending| SortKey { path: path.to_owned(), descending };
        let sort = vec![key(path, u.arbitrary().unwrap()), key("_id", u.arbitrary().unwrap())];
        let predicate = if n % 3 == 0 { Predicate::always() } else { made::predicate(&mut u, 1).unwrap() };
        let limit = u.arbitrary::<bool>().unwrap().then(|| u.int_in_range(1..=40).unwrap());
        for collection in COLLECTIONS {
            let query = DocumentQuery {
                sort: sort.clone(),
                skip: if limit.is_some() { n as u64 % 7 } else { 0 },
                limit,
                ..DocumentQuery::new(collection, predicate.clone())
            };
            let truth = stores.truth(&query).await;
            wrong.extend(stores.differing(&query, &truth).await);
        }
    }
    assert!(!u.is_empty(), "there were bytes enough");
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    stores.close().await;
}

/// Meanings of one part of a condition that are wrong in one way: the test must be able to fail.
const LIES: [fn(&Predicate) -> Option<Predicate>; 5] = [
    |part| compared(part, |op| (op == Comparison::Gte).then_some(Comparison::Gt)),
    |part| compared(part, |op| (op == Comparison::Lt).then_some(Comparison::Lte)),
    |part| match part {
        Predicate::Compare { path, op: Comparison::Eq, value: Bson::Null } => {
            Some(part.clone().and(Predicate::Exists { path: path.clone(), present: true }))
        }
        _ => None,
    },
    |part| match part {
        Predicate::Compare { path, op, value: Bson::Int32(value) } => {
            let value = (i64::from(*value) << 32).into();
            Some(Predicate::Compare { path: path.clone(), op: *op, value })
        }
        _ => None,
    },
    |part| match part {
        Predicate::Text { path, op: TextMatch::Suffix, needle } => {
            Some(Predicate::Text { path: path.clone(), op: TextMatch::Contains, needle: needle.clone() })
        }
        _ => None,
    },
];

fn compared(part: &Predicate, lie: fn(Comparison) -> Option<Comparison>) -> Option<Predicate> {
    let Predicate::Compare { path, op, value } = part else { return None };
    Some(Predicate::Compare { path: path.clone(), op: lie(*op)?, value: value.clone() })
}

/// Many documents have something at these.
const PLAIN_PATHS: [&str; 5] = ["a", "b", "c", "a.b", "b.a"];

/// Conditions that each lie is about.
fn plain(path: &str) -> [Predicate; 5] {
    let compare = |op, value: Bson| Predicate::Compare { path: path.to_owned(), op, value };
    [
        compare(Comparison::Gte, 1.into()),
        compare(Comparison::Lt, 1.into()),
        compare(Comparison::Eq, Bson::Null),
        compare(Comparison::Eq, 1.into()),
        Predicate::Text { path: path.to_owned(), op: TextMatch::Suffix, needle: "a".to_owned() },
    ]
}

/// A condition with a lie in every part that it is about.
fn with_lie(predicate: &Predicate, lie: fn(&Predicate) -> Option<Predicate>) -> Predicate {
    let all = |parts: &[Predicate]| parts.iter().map(|part| with_lie(part, lie)).collect();
    match predicate {
        Predicate::All(parts) => Predicate::All(all(parts)),
        Predicate::Any(parts) => Predicate::Any(all(parts)),
        Predicate::Not(inner) => Predicate::Not(Box::new(with_lie(inner, lie))),
        Predicate::Element { path, predicate } => {
            Predicate::Element { path: path.clone(), predicate: Box::new(with_lie(predicate, lie)) }
        }
        part => lie(part).unwrap_or_else(|| part.clone()),
    }
}

/// Adds the lies about a condition that the answers of the stores give away.
async fn catch_lies(stores: &Stores, predicate: &Predicate, caught: &mut BTreeSet<usize>) {
    let query = DocumentQuery::new(COLLECTIONS[0], predicate.clone());
    for (number, lie) in LIES.into_iter().enumerate() {
        let wrong = with_lie(predicate, lie);
        if caught.contains(&number) || wrong == *predicate {
            continue;
        }
        let truth = stores.truth(&DocumentQuery { predicate: wrong, ..query.clone() }).await;
        if !stores.differing(&query, &truth).await.is_empty() {
            caught.insert(number);
        }
    }
}
