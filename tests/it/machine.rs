//! A machine of random programs, on every store, beside a simple reference: entities that are held while others change them,
//! units of work, bulk writes, time travel, rebuilds, snapshots. After each step what is held is what the reference says,
//! and in the end so is the whole store: documents, versions, histories, the log and its positions.
//!
//! `PROPTEST_CASES=5000 cargo xtask test -p earnorm --test it machine` runs longer. A program that fails is shrunk and
//! printed. Its seed is added to `tests/it/machine/seeds.txt`, which is replayed first from then on; since a seed means
//! another program as soon as `ops.rs` changes, add the program itself to [`remembered`] too.

mod check;
mod liar;
mod models;
mod ops;
mod player;
mod reference;
mod world;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use earnorm::stores::MemoryStore;
use proptest::test_runner::{Config, FileFailurePersistence, TestCaseError, TestError, TestRunner};
use tokio::runtime::Runtime;

use liar::{LIES, Liar};
use models::{Change, Facts, registry};
use ops::{End, Of, Op, Write};
use world::{Place, run};

use crate::support::{self, DatabaseFile};

/// Programs that once failed.
fn remembered() -> Vec<(&'static str, Vec<Op>)> {
    let new = |hand, id| Write::Create { hand, id, facts: Facts::default() };
    vec![
        (
            "an event that is raised on a deleted instance and recorded with its hard delete is folded",
            vec![
                Op::Write(Of::Till, new(2, 1)),
                Op::Write(Of::Till, Write::Delete { hand: 2 }),
                Op::Write(Of::Till, Write::Change { hand: 2, change: Change::N(3) }),
                Op::Write(Of::Till, Write::HardDelete { hand: 2 }),
                Op::RestoreId { of: Of::Till, hand: 0, id: 1 },
            ],
        ),
        (
            "two entities of one instance in one unit are a conflict, at once",
            vec![
                Op::Write(Of::Plain, new(0, 1)),
                Op::Copy { of: Of::Plain, hand: 1, from: 0 },
                Op::Unit(
                    vec![
                        (Of::Plain, Write::HardDelete { hand: 0 }),
                        (Of::Plain, Write::Change { hand: 1, change: Change::N(3) }),
                        (Of::Plain, Write::Save { hand: 1 }),
                    ],
                    End::Commit,
                ),
                Op::Write(Of::Plain, Write::Save { hand: 1 }),
            ],
        ),
    ]
}

/// As many programs as the environment says, or else so many.
fn config(cases: u32) -> Config {
    let set = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let seeds = FileFailurePersistence::Direct(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/machine/seeds.txt"));
    Config {
        cases: set.unwrap_or(cases),
        max_shrink_iters: 2_000,
        max_shrink_time: 120_000,
        failure_persistence: Some(Box::new(seeds)),
        ..Config::default()
    }
}

/// Runs the remembered programs and random ones, each in a place of its own.
fn machine(runtime: &Runtime, cases: u32, place: impl Fn() -> Place) {
    for (name, program) in remembered() {
        runtime.block_on(run(place(), &program)).unwrap_or_else(|what| panic!("{name}: {what}"));
    }
    let one = |program: Vec<Op>| runtime.block_on(run(place(), &program)).map_err(TestCaseError::fail);
    if let Err(error) = TestRunner::new(config(cases)).run(&ops::program(), one) {
        panic!("{error}\n{error:#?}");
    }
}

#[test]
fn memory_is_what_the_reference_says() {
    let runtime = Runtime::new().unwrap();
    machine(&runtime, 64, || runtime.block_on(Place::over(Arc::new(MemoryStore::new()))));
}

#[test]
fn a_file_is_what_the_reference_says() {
    let runtime = Runtime::new().unwrap();
    let files = std::sync::Mutex::new(Vec::new());
    machine(&runtime, 20, || {
        let file = DatabaseFile::new();
        let db = runtime.block_on(support::sqlite(registry(), &file));
        let place = runtime.block_on(Place::over(Arc::clone(db.store())));
        // The last one goes when the next one comes.
        *files.lock().unwrap() = vec![file];
        place
    });
}

#[test]
fn mongodb_is_what_the_reference_says() {
    let runtime = Runtime::new().unwrap();
    let name = support::database_name();
    let db = runtime.block_on(support::mongodb(registry(), &name));
    let runs = AtomicI64::new(0);
    machine(&runtime, 5, || {
        let place = runtime.block_on(Place::over(Arc::clone(db.store())));
        Place { base: 100 * runs.fetch_add(1, Ordering::Relaxed), fresh: false, ..place }
    });
    runtime.block_on(check::verified(&db)).unwrap();
    runtime.block_on(db.close()).unwrap();
    runtime.block_on(support::drop_database(&name));
}

#[test]
fn a_store_that_is_wrong_in_one_way_is_found() {
    let runtime = Runtime::new().unwrap();
    for lie in LIES {
        let config = Config { cases: 300, max_shrink_iters: 0, failure_persistence: None, ..Config::default() };
        let found = TestRunner::new(config).run(&ops::program(), |program| {
            let place = runtime.block_on(Place::over(Liar::over(Arc::new(MemoryStore::new()), lie)));
            runtime.block_on(run(place, &program)).map_err(TestCaseError::fail)
        });
        assert!(matches!(found, Err(TestError::Fail(..))), "{lie:?}: {found:?}");
    }
}
