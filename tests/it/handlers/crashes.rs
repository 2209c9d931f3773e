//! Crashes: workers killed or dropped anywhere. Every event is handled, each transactional effect happens once, and every
//! stream keeps its order.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};

use earnorm::events::{EventContext, Jitter, RetryPolicy, Start, TransactionContext};
use futures::StreamExt;

use super::*;

/// What a handler that is not transactional leaves behind: one for each time that it ran.
#[model]
#[derive(Debug, Clone)]
struct Mark {
    #[model(id)]
    id: Uuid,
    stream: String,
    version: i64,
}

fn models() -> Registry {
    registry().model::<Mark>()
}

/// One handler of each kind, for every event of tasks.
fn workers(bus: EventBusBuilder) -> EventBusBuilder {
    let marking = Handler::new("mark", |event: Arc<RecordedEvent>, cx: EventContext| async move {
        let version = i64::try_from(event.version)?;
        Mark { id: Uuid::now_v7(), stream: event.stream.to_string(), version }.create(&cx).await?;
        Ok(())
    });
    let counting = Handler::transactional("count", |event: Arc<RecordedEvent>, cx: &TransactionContext| {
        Box::pin(async move {
            let id: i64 = event.stream.key().parse()?;
            let mut tally = match Tally::get(cx, id).await? {
                Some(tally) => tally,
                None => Tally { id, sum: 0 }.create(cx).await?,
            };
            tally.sum += 1;
            tally.save(cx).await?;
            Ok(())
        })
    });
    let quick = RetryPolicy::exponential(Duration::from_millis(1), 1.0, Duration::from_millis(1)).jitter(Jitter::None);
    [marking, counting].into_iter().fold(bus.lease(Duration::from_millis(300)), |bus, handler| {
        bus.handler(handler.on(["task.*"]).start(Start::Beginning).retry(quick.clone().attempts(1_000)))
    })
}

/// Checks what is there when everything was handled.
async fn check(db: &Database, tasks: i64, events: i64) {
    let tallies = Tally::all().all(db).await.unwrap();
    let sums: Vec<_> = tallies.iter().map(|tally| tally.sum).collect();
    assert_eq!(sums, vec![events; usize::try_from(tasks).unwrap()], "each effect happens once");
    let mut reached: BTreeMap<String, i64> = BTreeMap::new();
    for event in db.events().by_type("mark.created").all().await.unwrap() {
        let mark: Mark = event.read_model(db).unwrap();
        let reached = reached.entry(mark.stream.clone()).or_default();
        assert!(mark.version <= *reached + 1, "{} jumps from {reached} to {}", mark.stream, mark.version);
        *reached = mark.version.max(*reached);
    }
    assert_eq!(reached.len(), usize::try_from(tasks).unwrap());
    assert!(reached.values().all(|reached| *reached == events), "{reached:?}");
}

#[test]
fn a_worker_that_is_dropped_at_any_await_point_loses_and_doubles_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let db = crate::support::memory(models()).await;
        write(&db, 0..5, 7).await;
        for polls in 0..150 {
            let bus = workers(bus(&db)).lease(Duration::ZERO).start().await.unwrap();
            for _ in 0..polls {
                // Every task that can go on does so, up to its next await.
                tokio::task::yield_now().await;
            }
            drop(bus);
        }
        let bus = workers(bus(&db)).lease(Duration::from_millis(30)).start().await.unwrap();
        bus.run_until_idle().await.unwrap();
        bus.stop().await.unwrap();
        check(&db, 5, 8).await;
    });
}

/// Where the process of a worker finds its database: the address, and the name where there are several.
const STORE: &str = "EARNORM_TEST_WORKER_STORE";
const DATABASE: &str = "EARNORM_TEST_WORKER_DATABASE";

async fn open(uri: &str, name: Option<&str>) -> Database {
    let builder = Database::builder().registry(models());
    let builder = if let Some(name) = name { builder.database(name) } else { builder };
    builder.connect(uri).await.unwrap()
}

/// What a process does that a test below started; in a run of the tests there is no database.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker() {
    let Ok(uri) = std::env::var(STORE) else { return };
    let db = open(&uri, std::env::var(DATABASE).ok().as_deref()).await;
    let _bus = workers(bus(&db)).start().await.unwrap();
    std::future::pending::<()>().await;
}

fn start_worker(uri: &str, name: Option<&str>) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "handlers::crashes::worker", "--nocapture"]).env(STORE, uri);
    command.envs(name.map(|name| (DATABASE, name)));
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Kills a worker process so often: `EARNORM_TEST_KILLS`, 20 unless set. There are 50 events a kill.
async fn kill_workers(uri: &str, name: Option<&str>) {
    let kills: i64 = std::env::var("EARNORM_TEST_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(20);
    let db = open(uri, name).await;
    let (tasks, events) = (50, kills);
    let writing = tokio::spawn({
        let db = db.clone();
        async move { write(&db, 0..tasks, events - 1).await }
    });
    for kill in 0..kills {
        // It is killed when it has done something, at another point each time; if all is done, at once.
        let some = 1 + usize::try_from(kill % 7).unwrap();
        let marks = db.subscribe().by_type("mark.created").from_end().stream().take(some);
        let mut worker = start_worker(uri, name);
        let _nothing_left = tokio::time::timeout(Duration::from_secs(10), marks.count()).await;
        worker.kill().unwrap();
        worker.wait().unwrap();
    }
    writing.await.unwrap();
    let last = workers(bus(&db)).start().await.unwrap();
    last.run_until_idle().await.unwrap();
    last.stop().await.unwrap();
    check(&db, tasks, events).await;
    db.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_process_that_is_killed_loses_and_doubles_nothing_on_sqlite() {
    let file = crate::support::DatabaseFile::new();
    kill_workers(&file.uri(), None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_process_that_is_killed_loses_and_doubles_nothing_on_mongodb() {
    let name = crate::support::database_name();
    kill_workers(&crate::support::mongodb_uri(), Some(&name)).await;
    crate::support::drop_database(&name).await;
}
