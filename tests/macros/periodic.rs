//! `#[periodic]`: what it registers, and that it runs.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use earnorm::events::{EventBus, Firing, Handler, HandlerRegistration};
use earnorm::prelude::*;

#[model]
#[derive(Debug, Clone)]
struct Gong {
    #[model(id)]
    id: i64,
}

static TICKS: AtomicU32 = AtomicU32::new(0);

#[periodic("20ms", overlap = "queue", retry = "fast", timeout = "2s")]
fn tick() {
    TICKS.fetch_add(1, Ordering::SeqCst);
}

#[periodic("0 3 * * *", tz = "Europe/Rome", id = "nightly", misfire = "skip", tolerance = "10m", group = "reports")]
async fn report(firing: &Firing, cx: &EventContext) -> Result<()> {
    assert_eq!((firing.schedule(), cx.attempt()), ("nightly", 1));
    Ok(())
}

#[periodic("*/15 * * * * *", transactional, misfire = "all", overlap = "allow")]
async fn tidy(cx: &TransactionContext) -> Result<()> {
    let _ = cx.unit();
    Ok(())
}

fn registered(id: &str) -> Handler {
    HandlerRegistration::collected().into_iter().find(|handler| handler.id() == id).unwrap()
}

#[test]
fn a_schedule_is_a_handler_of_its_own_times() {
    let tick = registered("macros::periodic::tick").options();
    assert_eq!(
        (tick.patterns, tick.timeout),
        (vec!["schedule.macros.periodic.tick".to_owned()], Duration::from_secs(2))
    );
    let report = registered("nightly").options();
    assert_eq!((report.patterns, report.group.as_deref()), (vec!["schedule.nightly".to_owned()], Some("reports")));
    assert!(registered("macros::periodic::tidy").options().transactional);
    for id in ["macros::periodic::tick", "nightly", "macros::periodic::tidy"] {
        assert_eq!(registered(id).options().problems, Vec::<String>::new(), "{id}");
    }
}

#[tokio::test]
async fn it_runs_by_the_clock() {
    let db = Database::builder().registry(earnorm::Registry::empty().model::<Gong>()).connect("memory:").await.unwrap();
    let bus = EventBus::builder(&db).only_added().handler(registered("macros::periodic::tick")).start().await.unwrap();
    let fired = db.subscribe().by_type("schedule.macros.periodic.tick").from_start().stream();
    let fired: Vec<_> = futures::StreamExt::collect(futures::StreamExt::take(fired, 3)).await;
    let last = fired.last().unwrap().as_ref().unwrap().position;
    db.wait_until(last).consumer("macros::periodic::tick").await.unwrap();
    bus.stop().await.unwrap();
    assert!(fired.len() == 3 && TICKS.load(Ordering::SeqCst) >= 3);
}
