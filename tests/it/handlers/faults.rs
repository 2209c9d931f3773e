//! `testing::Faults`: what a handler must stand, injected around it, and that nothing is lost by it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use earnorm::events::{EventContext, Handled, Jitter, LetterFilter, Operate, RetryPolicy, TransactionContext};
use earnorm::testing::{self, Faults};

use super::failures::quick;
use super::operations::until;
use super::*;

/// A batch handler that notes what it sees.
fn batching(id: &str, notes: &Notes) -> Handler {
    let notes = notes.clone();
    let handler = Handler::batch(id, 8, Duration::from_millis(5), move |events: Vec<Arc<RecordedEvent>>, _| {
        events.iter().for_each(|event| notes.note(event));
        let answers: Vec<Handled> = events.iter().map(|_| Ok(())).collect();
        async move { answers }
    });
    handler.on(["task.*"])
}

/// A transactional handler that counts in a document.
fn counting(id: &str) -> Handler {
    let handler = Handler::transactional(id, |_: Arc<RecordedEvent>, cx: &TransactionContext| {
        Box::pin(async move {
            match Tally::get(cx, 1).await? {
                Some(mut tally) => {
                    tally.sum += 1;
                    tally.save(cx).await?;
                }
                None => drop(Tally { id: 1, sum: 1 }.create(cx).await?),
            }
            Ok(())
        })
    });
    handler.on(["task.*"])
}

async fn sum(db: &Database) -> i64 {
    Tally::get(db, 1).await.unwrap().unwrap().sum
}

every_store! {
    async fn the_first_attempts_fail_and_the_next_gets_the_event(db: Database) {
        let (each, many) = (Notes::default(), Notes::default());
        let faults = || Faults::seeded(1).fail_first(2);
        let one = bus(&db)
            .handler(faults().around(noting("each", &each)).retry(quick(5)))
            .handler(faults().around(batching("many", &many)).retry(quick(5)))
            .handler(faults().around(counting("once")).retry(quick(5)))
            .start()
            .await
            .unwrap();
        write(&db, 0..3, 1).await;
        for id in ["each", "many", "once"] {
            until(&one, id, |info| info.parked == 0 && info.lag == 0).await;
        }
        for notes in [&each, &many] {
            for stream in ["task-0", "task-1", "task-2"] {
                assert_eq!(notes.of(stream), [1, 2], "each once, in the order of its stream");
            }
        }
        assert_eq!(sum(&db).await, 6);
        one.stop().await.unwrap();
    }

    async fn more_failures_than_attempts_are_dead_letters(db: Database) {
        let notes = Notes::default();
        let faults = Faults::seeded(1).fail_first(3);
        let one = bus(&db)
            .handler(faults.around(noting("each", &notes)).retry(quick(3)))
            .handler(faults.around(batching("many", &notes)).retry(quick(3)))
            .start()
            .await
            .unwrap();
        write(&db, 0..2, 0).await;
        for id in ["each", "many"] {
            until(&one, id, |info| info.dead_letters == 2 && info.lag == 0).await;
        }
        one.stop().await.unwrap();
        let letters = db.dead_letters().list(&LetterFilter::default()).await.unwrap();
        assert!(letters.iter().all(|letter| letter.attempts == 3 && letter.error.contains("that the test injected")), "{letters:?}");
        assert_eq!(notes.len(), 0);
    }

    async fn every_delivery_comes_twice_but_for_transactional_ones(db: Database) {
        let (each, many) = (Notes::default(), Notes::default());
        let faults = Faults::seeded(1).duplicate(1.0);
        let one = bus(&db)
            .handler(faults.around(noting("each", &each)))
            .handler(faults.around(batching("many", &many)))
            .handler(faults.around(counting("once")))
            .start()
            .await
            .unwrap();
        write(&db, 0..3, 1).await;
        one.run_until_idle().await.unwrap();
        one.stop().await.unwrap();
        for notes in [&each, &many] {
            assert_eq!(notes.len(), 12);
            for stream in ["task-0", "task-1", "task-2"] {
                let mut seen = notes.of(stream);
                seen.sort_unstable();
                assert_eq!(seen, [1, 1, 2, 2]);
            }
        }
        assert_eq!(sum(&db).await, 6);
    }

    async fn whatever_happens_by_chance_nothing_is_lost_and_streams_keep_their_order(db: Database) {
        let mut notes = BTreeMap::new();
        let mut builder = bus(&db);
        for seed in 1..4 {
            let faults = Faults::seeded(seed).fail(0.3).duplicate(0.3).delay(Duration::from_millis(3));
            let (each, many): (Notes, Notes) = Default::default();
            let (one, two) = (format!("each-{seed}"), format!("many-{seed}"));
            builder = builder.handler(faults.around(noting(&one, &each)).retry(quick(50)));
            builder = builder.handler(faults.around(batching(&two, &many)).retry(quick(50)));
            notes.extend([(one, each), (two, many)]);
        }
        let stormy = Faults::seeded(9).fail(0.3).duplicate(0.3).around(counting("once")).retry(quick(50));
        let one = builder.handler(stormy).start().await.unwrap();
        write(&db, 0..4, 3).await;
        for id in notes.keys().map(String::as_str).chain(["once"]) {
            until(&one, id, |info| info.parked == 0 && info.lag == 0 && info.dead_letters == 0).await;
        }
        one.stop().await.unwrap();
        for (id, notes) in notes {
            for stream in ["task-0", "task-1", "task-2", "task-3"] {
                let mut first_seen = Vec::new();
                for version in notes.of(stream) {
                    if !first_seen.contains(&version) {
                        first_seen.push(version);
                    }
                }
                assert_eq!(first_seen, [1, 2, 3, 4], "{id}");
            }
        }
        assert_eq!(sum(&db).await, 16);
    }
}

#[tokio::test]
async fn a_call_waits_before_it_begins() {
    let db = testing::database().model::<Task>().connect().await.unwrap();
    let begun = Arc::new(Mutex::new(Vec::new()));
    let begins = Arc::clone(&begun);
    let handler = Handler::new("slow", move |_: Arc<RecordedEvent>, _: EventContext| {
        begins.lock().unwrap().push(tokio::time::Instant::now());
        async { Ok(()) }
    });
    let slow = Faults::seeded(3).delay(Duration::from_millis(200)).around(handler.on(["task.*"]).concurrency(1));
    let bus = db.bus().handler(slow).start().await.unwrap();
    let before = tokio::time::Instant::now();
    for id in 0..4 {
        db.create(task(id)).await.unwrap();
    }
    bus.run_until_idle().await.unwrap();
    bus.stop().await.unwrap();
    let begun = begun.lock().unwrap().clone();
    let waits: Vec<_> = [before].iter().chain(&begun).zip(&begun).map(|(before, begun)| *begun - *before).collect();
    // The seed's longest is more than half of what it may be.
    assert!(waits.len() == 4 && waits.iter().any(|wait| *wait > Duration::from_millis(100)), "{waits:?}");
}

#[tokio::test]
async fn a_delay_past_the_time_out_is_a_failed_attempt() {
    let db = testing::database().model::<Task>().connect().await.unwrap();
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let handler = Handler::new("late", move |_: Arc<RecordedEvent>, _: EventContext| {
        counted.fetch_add(1, Ordering::SeqCst);
        async { Ok(()) }
    });
    let late = Faults::seeded(3).delay(Duration::from_secs(36_000)).around(handler.on(["task.*"]));
    let policy = RetryPolicy::table([]).jitter(Jitter::None);
    let bus = db.bus().handler(late.timeout(Duration::from_millis(1)).retry(policy)).start().await.unwrap();
    db.create(task(1)).await.unwrap();
    bus.run_until_idle().await.unwrap();
    bus.stop().await.unwrap();
    let letter = db.dead_letters().list(&LetterFilter::default()).await.unwrap().remove(0);
    assert!(letter.error.contains("longer than") && calls.load(Ordering::SeqCst) == 0, "{letter:?}");
}
