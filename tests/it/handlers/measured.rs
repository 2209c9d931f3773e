//! What the bus measures: every call of a handler is one attempt with one result.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use earnorm::events::{EventContext, HandlerError, Projection, TransactionContext};
use metrics_util::debugging::{DebugValue, DebuggingRecorder};

use super::failures::quick;
use super::operations::until;
use super::*;

type Measured = (metrics_util::CompositeKey, Option<metrics::Unit>, Option<metrics::SharedString>, DebugValue);

/// What was counted, or how many values were recorded, under a name and labels.
fn total(all: &[Measured], name: &str, wanted: &[(&str, &str)]) -> u64 {
    let ours = all.iter().filter(|(key, ..)| {
        let labels: Vec<_> = key.key().labels().map(|label| (label.key(), label.value())).collect();
        key.key().name() == name && wanted.iter().all(|wanted| labels.contains(wanted))
    });
    let value = |value: &DebugValue| match value {
        DebugValue::Counter(count) => *count,
        DebugValue::Histogram(values) => values.len() as u64,
        DebugValue::Gauge(value) => value.into_inner() as u64,
    };
    ours.map(|(.., measured)| value(measured)).sum()
}

#[test]
fn every_call_is_one_attempt_with_one_result() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    // A recorder of this thread alone: everything runs on it.
    metrics::with_local_recorder(&recorder, || {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let db = crate::support::memory(registry()).await;
            let calls = Arc::new(AtomicU64::new(0));
            let (each, once) = (Arc::clone(&calls), Arc::clone(&calls));
            let moody = Handler::new("moody", move |event: Arc<RecordedEvent>, cx: EventContext| {
                each.fetch_add(1, Ordering::SeqCst);
                async move {
                    match (event.stream.key(), cx.attempt()) {
                        ("0", 1) => panic!("out of cheese"),
                        ("1", 1) => std::future::pending().await,
                        ("2", _) => Err(HandlerError::fatal("no such address")),
                        ("3", _) => Err(HandlerError::discard("spam")),
                        ("4", _) => Err("down".into()),
                        _ => Ok(()),
                    }
                }
            });
            let sum = Handler::transactional("sum", move |_: Arc<RecordedEvent>, _: &TransactionContext| {
                once.fetch_add(1, Ordering::SeqCst);
                Box::pin(async { Ok(()) })
            });
            let one = bus(&db)
                .handler(moody.on(["task.created"]).retry(quick(3)).timeout(Duration::from_millis(50)))
                .handler(sum.on(["task.created"]))
                .start()
                .await
                .unwrap();
            write(&db, 0..7, 0).await;
            until(&one, "moody", |info| info.parked == 0 && info.dead_letters == 2 && info.lag == 0).await;
            until(&one, "sum", |info| info.lag == 0).await;
            one.stop().await.unwrap();
            let all: Vec<_> = snapshotter.snapshot().into_vec();
            let count = |name: &str, labels: &[(&str, &str)]| total(&all, name, labels);
            let attempts = |result| count("earnorm_bus_attempts_total", &[("result", result)]);
            let results = ["ok", "error", "panic", "timeout"].map(attempts);
            assert_eq!(results, [5 + 7, 4, 1, 1], "discarded is ok, and so are the seven of the other handler");
            assert_eq!(results.iter().sum::<u64>(), calls.load(Ordering::SeqCst));
            let moody = [("handler", "moody")];
            assert_eq!(count("earnorm_bus_handler_duration_seconds", &moody), 11);
            assert_eq!(count("earnorm_bus_queue_wait_seconds", &moody), 11);
            assert_eq!(count("earnorm_bus_retries_scheduled_total", &moody), 4);
            assert_eq!(count("earnorm_bus_dead_letters_total", &[("reason", "fatal")]), 1);
            assert_eq!(count("earnorm_bus_dead_letters_total", &[("reason", "exhausted")]), 1);
            assert_eq!(count("earnorm_bus_end_to_end_seconds", &moody), 5);
            assert_eq!(count("earnorm_bus_inflight", &[]), 0);
            assert_eq!(count("earnorm_bus_oldest_pending_age_seconds", &[]), 0);
        });
    });
}

#[test]
fn a_projection_counts_its_attempts_as_a_handler_does() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    metrics::with_local_recorder(&recorder, || {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let db = crate::support::memory(registry()).await;
            let calls = Arc::new(AtomicU64::new(0));
            let counted = Arc::clone(&calls);
            let projection = Projection::<BTreeMap<String, i64>>::new("sums", 1).retry(quick(3));
            let projection = projection.on(move |event: Recorded<Created<Task>>, view| {
                let call = counted.fetch_add(1, Ordering::SeqCst);
                Box::pin(async move {
                    *view.row("all").await?.entry("events".into()).or_default() += 1;
                    match (event.id, call) {
                        (1, 1) => Err("the weather".into()),
                        (1, 2) => panic!("out of cheese"),
                        (2, _) => Err(HandlerError::discard("spam")),
                        _ => Ok(()),
                    }
                })
            });
            let one = bus(&db).projection(projection).start().await.unwrap();
            write(&db, 0..4, 0).await;
            let end = db.store().high_water().await.unwrap();
            db.wait_until(end).consumer("sums.v1").await.unwrap();
            one.stop().await.unwrap();
            let all: Vec<_> = snapshotter.snapshot().into_vec();
            let sums = ("handler", "sums.v1");
            let attempts = |result| total(&all, "earnorm_bus_attempts_total", &[sums, ("result", result)]);
            let results = ["ok", "error", "panic", "timeout"].map(attempts);
            assert_eq!(results, [4, 1, 1, 0], "discarded is ok");
            assert_eq!(results.iter().sum::<u64>(), calls.load(Ordering::SeqCst));
            assert_eq!(total(&all, "earnorm_bus_handler_duration_seconds", &[sums]), 6);
            assert_eq!(total(&all, "earnorm_bus_inflight", &[]), 0);
        });
    });
}
