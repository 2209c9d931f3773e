//! Random events, batches and drops: rows equal the fold from nothing.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;

#[derive(Debug, Clone)]
enum Step {
    /// Creates a task, or changes it, or deletes it where the last is set.
    Write(i64, bool),
    /// Runs a bus with batches of so many events, dropped after so many microseconds.
    Run(usize, u64),
    /// Asks for the rows to be built again.
    Rebuild,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..5_i64, any::<bool>()).prop_map(|(id, ends)| Step::Write(id, ends)),
        3 => (1..9_usize, 0..30_000_u64).prop_map(|(batch, micros)| Step::Run(batch, micros)),
        1 => Just(Step::Rebuild),
    ];
    prop::collection::vec(step, 1..40)
}

/// One row a task, which goes with it, and one of all; every value depends on the order of the events.
fn add(row: &mut Count, event: &RecordedEvent) {
    row.events = row.events.wrapping_mul(31).wrapping_add(i64::try_from(event.version).unwrap());
    row.last = event.position.get();
}

fn chained(batch: usize) -> Projection<Count> {
    Projection::new("chained", 1).batch(batch).on_types(
        ["task.*"],
        |event: Arc<RecordedEvent>, view: &mut View<Count>| {
            Box::pin(async move {
                add(view.row("all").await?, &event);
                tokio::task::yield_now().await;
                if event.name() == "deleted" {
                    view.remove(&event.stream).await?;
                } else {
                    add(view.row(&event.stream).await?, &event);
                }
                Ok(())
            })
        },
    )
}

async fn chained_fold(db: &Database) -> BTreeMap<String, Count> {
    let mut rows = BTreeMap::<String, Count>::new();
    for event in db.events().by_type("task.*").all().await.unwrap() {
        add(rows.entry("all".into()).or_default(), &event);
        let key = event.stream.to_string();
        if event.name() == "deleted" {
            rows.remove(&key);
        } else {
            add(rows.entry(key).or_default(), &event);
        }
    }
    rows
}

async fn write_one(db: &Database, id: i64, ends: bool) {
    match Task::get(db, id).await.unwrap() {
        Some(mut task) if ends => drop(task.delete(db).await.unwrap()),
        Some(mut task) => {
            task.n += 1;
            task.save(db).await.unwrap();
        }
        None => match db.create(task(id)).await {
            // Deleted before: it comes back no more.
            Ok(_) | Err(Error::AlreadyExists { .. }) => {}
            Err(error) => panic!("{error}"),
        },
    }
}

async fn holds(db: &Database, steps: &[Step]) {
    let start = |batch| bus(db).lease(Duration::from_millis(20)).projection(chained(batch)).start();
    for step in steps {
        match *step {
            Step::Write(id, ends) => write_one(db, id, ends).await,
            Step::Run(batch, micros) => {
                let bus = start(batch).await.unwrap();
                let _cut = tokio::time::timeout(Duration::from_micros(micros), bus.run_until_idle()).await;
                drop(bus);
            }
            Step::Rebuild => match db.manage_projection("chained", 1).rebuild().await {
                // Before its first start there is nothing to build again.
                Ok(()) | Err(Error::Unbuilt { .. }) => {}
                Err(error) => panic!("{error}"),
            },
        }
    }
    let bus = start(3).await.unwrap();
    bus.run_until_idle().await.unwrap();
    bus.stop().await.unwrap();
    assert_eq!(rows::<Count>(db, "chained").await, chained_fold(db).await);
}

fn check(cases: u32, database: impl AsyncFn() -> (Database, Option<String>)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let config = Config { cases, max_shrink_iters: 50, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&steps(), |steps| {
        runtime.block_on(async {
            let (db, name) = database().await;
            holds(&db, &steps).await;
            db.close().await.unwrap();
            if let Some(name) = name {
                crate::support::drop_database(&name).await;
            }
        });
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn rows_are_the_fold_of_the_log_on_memory() {
    check(48, async || (crate::support::memory(registry()).await, None));
}

#[test]
fn rows_are_the_fold_of_the_log_on_mongodb() {
    check(4, async || {
        let name = crate::support::database_name();
        (crate::support::mongodb(registry(), &name).await, Some(name))
    });
}
