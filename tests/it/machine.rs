//! A machine of random operations: whatever happens to an instance, its document equals the fold of its stream, and
//! every earlier version stays what it was.

use std::collections::BTreeMap;

use earnorm::Registry;
use earnorm::prelude::*;
use proptest::prelude::*;

#[model(soft_delete)]
#[derive(Debug, Clone, PartialEq)]
struct Thing {
    #[model(id)]
    id: i64,
    name: Option<String>,
    parts: Vec<i32>,
    map: BTreeMap<String, i64>,
}

fn registry() -> Registry {
    Registry::empty().model::<Thing>()
}

#[derive(Debug, Clone)]
enum Step {
    Name(Option<String>),
    Push(i32),
    Put(String, i64),
    Take(String),
    Save,
    Stale,
    Delete,
    HardDelete,
    Restore,
    Revert(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => prop::option::of("[a-c]{1,2}").prop_map(Step::Name),
        2 => (0..5).prop_map(Step::Push),
        2 => ("[a-c]", 0..4_i64).prop_map(|(key, value)| Step::Put(key, value)),
        1 => "[a-c]".prop_map(Step::Take),
        6 => Just(Step::Save),
        1 => Just(Step::Stale),
        1 => Just(Step::Delete),
        1 => Just(Step::HardDelete),
        2 => Just(Step::Restore),
        1 => (1..6_u64).prop_map(Step::Revert),
    ]
}

async fn run(db: &Database, id: i64, steps: Vec<Step>) {
    let fresh = Thing { id, name: None, parts: vec![], map: BTreeMap::new() };
    let mut thing = db.create(fresh).await.unwrap();
    let mut stale = Thing::load(db, id).await.unwrap();
    // What each version was, by its number.
    let mut past = vec![Some((*thing).clone())];
    for step in steps {
        let before = thing.version();
        match step {
            Step::Name(name) => thing.name = name,
            Step::Push(part) => thing.parts.push(part),
            Step::Put(key, value) => drop(thing.map.insert(key, value)),
            Step::Take(key) => drop(thing.map.remove(&key)),
            Step::Save => match thing.save(db).await {
                Ok(_) => {}
                Err(error) => assert!(thing.is_deleted(), "{error}"),
            },
            Step::Stale => {
                let current = stale.version() == before && !thing.is_deleted();
                stale.parts.push(-1);
                let outcome = stale.save(db).await;
                assert_eq!(outcome.is_ok(), current, "{outcome:?}");
                match Thing::get(db, id).await.unwrap().filter(|_| current) {
                    Some(fresh) => thing = fresh,
                    None => drop(stale.parts.pop()),
                }
            }
            Step::Delete => assert_eq!(thing.delete(db).await.is_err(), past.last() == Some(&None)),
            Step::HardDelete => drop(thing.hard_delete(db).await),
            Step::Restore => drop(thing.restore(db).await),
            Step::Revert(version) => drop(thing.revert_to(db, version.min(before)).await),
        }
        if thing.version() > before {
            past.push((!thing.is_deleted()).then(|| (*thing).clone()));
        }
    }
    check(db, id, &past).await;
}

async fn check(db: &Database, id: i64, past: &[Option<Thing>]) {
    let now = Thing::get(db, id).await.unwrap();
    assert_eq!(now.as_deref(), past.last().unwrap().as_ref());
    for (index, expected) in past.iter().enumerate() {
        let version = index as u64 + 1;
        assert_eq!(Thing::at_version(db, id, version).await.unwrap(), *expected, "version {version}");
    }
    let history = Thing::history(db, id).await.unwrap();
    assert_eq!(history.len(), past.len());
}

fn machines(cases: u32, db: &Database, runtime: &tokio::runtime::Runtime) {
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let next = std::sync::atomic::AtomicI64::new(1);
    let steps = prop::collection::vec(step(), 1..25);
    runner
        .run(&steps, |steps| {
            let id = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            runtime.block_on(run(db, id, steps));
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_document_is_the_fold_of_its_stream_on_memory() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let db = runtime.block_on(crate::support::memory(registry()));
    machines(300, &db, &runtime);
}

#[test]
fn a_document_is_the_fold_of_its_stream_on_sqlite() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let file = crate::support::DatabaseFile::new();
    let db = runtime.block_on(crate::support::sqlite(registry(), &file));
    machines(60, &db, &runtime);
    runtime.block_on(db.close()).unwrap();
}

#[test]
fn a_document_is_the_fold_of_its_stream_on_mongodb() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let name = crate::support::database_name();
    let db = runtime.block_on(crate::support::mongodb(registry(), &name));
    machines(15, &db, &runtime);
    runtime.block_on(db.close()).unwrap();
    runtime.block_on(crate::support::drop_database(&name));
}
