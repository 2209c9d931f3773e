//! Failures: retried in order, parked, dead; panics and time-outs; loops.

use std::collections::HashMap;

use earnorm::events::{EventContext, HandlerError, Jitter, OnDead, RetryPolicy};

use super::*;

/// Fails so often for a stream and version, then succeeds.
#[derive(Debug, Clone, Default)]
pub(super) struct Failing {
    pub(super) notes: Notes,
    left: Arc<Mutex<HashMap<(String, u64), u32>>>,
}

impl Failing {
    pub(super) fn at(self, stream: &str, version: u64, times: u32) -> Self {
        self.left.lock().unwrap().insert((stream.to_owned(), version), times);
        self
    }

    /// Fails no more.
    pub(super) fn heal(&self) {
        self.left.lock().unwrap().clear();
    }

    pub(super) fn handler(&self, id: &str) -> Handler {
        let this = self.clone();
        Handler::new(id, move |event: Arc<RecordedEvent>, _: EventContext| {
            let this = this.clone();
            async move {
                let key = (event.stream.to_string(), event.version);
                if let Some(left) = this.left.lock().unwrap().get_mut(&key).filter(|left| **left > 0) {
                    *left -= 1;
                    return Err("the other side is down".into());
                }
                this.notes.note(&event);
                Ok(())
            }
        })
        .on(["task.*"])
        .retry(quick(5))
    }
}

pub(super) fn quick(attempts: u32) -> RetryPolicy {
    RetryPolicy::exponential(Duration::from_millis(5), 1.5, Duration::from_millis(50))
        .attempts(attempts)
        .jitter(Jitter::None)
}

async fn done(db: &Database, id: &str, notes: &Notes, count: usize) {
    let end = db.store().high_water().await.unwrap();
    db.wait_until(end).consumer(id).within(Duration::from_secs(20)).await.unwrap();
    let patience = tokio::time::Instant::now() + Duration::from_secs(20);
    while notes.len() < count && tokio::time::Instant::now() < patience {
        tokio::task::yield_now().await;
    }
    assert_eq!(notes.len(), count);
}

every_store! {
    async fn a_failing_stream_keeps_its_order_and_others_go_on(db: Database) {
        let failing = Failing::default().at("task-1", 2, 3).at("task-1", 4, 1);
        let bus = bus(&db).handler(failing.handler("picky")).start().await.unwrap();
        write(&db, 0..4, 5).await;
        done(&db, "picky", &failing.notes, 24).await;
        for id in 0..4 {
            assert_eq!(failing.notes.of(&format!("task-{id}")), [1, 2, 3, 4, 5, 6]);
        }
        bus.run_until_idle().await.unwrap();
        bus.stop().await.unwrap();
    }

    async fn a_dead_event_parks_its_stream_or_lets_it_go_on(db: Database) {
        let (parks, goes_on) = (Failing::default().at("task-1", 2, 99), Failing::default().at("task-1", 2, 99));
        let bus = bus(&db)
            .handler(parks.handler("parks").on_dead(OnDead::Park).retry(quick(3)))
            .handler(goes_on.handler("goes-on").on_dead(OnDead::Continue).retry(quick(3)))
            .start()
            .await
            .unwrap();
        write(&db, 0..3, 2).await;
        done(&db, "goes-on", &goes_on.notes, 8).await;
        done(&db, "parks", &parks.notes, 7).await;
        assert_eq!((goes_on.notes.of("task-1"), parks.notes.of("task-1")), (vec![1, 3], vec![1]));
        bus.stop().await.unwrap();
    }

    async fn a_parked_stream_waits_for_its_time_over_a_restart(db: Database) {
        let failing = Failing::default().at("task-1", 1, 1);
        let slow = || failing.handler("slow").retry(RetryPolicy::table([Duration::from_millis(400)]));
        let first = bus(&db).handler(slow()).start().await.unwrap();
        write(&db, 0..3, 1).await;
        done(&db, "slow", &failing.notes, 4).await;
        first.stop().await.unwrap();
        write(&db, 3..4, 0).await;
        let second = bus(&db).handler(slow()).start().await.unwrap();
        done(&db, "slow", &failing.notes, 7).await;
        assert_eq!(failing.notes.of("task-1"), [1, 2]);
        second.stop().await.unwrap();
    }

    async fn panics_time_outs_and_answers_decide(db: Database) {
        let seen = Arc::new(Mutex::new(HashMap::<i64, u32>::new()));
        let counted = Arc::clone(&seen);
        let handler = Handler::new("moody", move |event: Arc<RecordedEvent>, cx: EventContext| {
            let id: i64 = event.stream.key().parse().unwrap();
            *counted.lock().unwrap().entry(id).or_default() += 1;
            async move {
                match (id, cx.attempt()) {
                    (0, 1) => panic!("out of cheese"),
                    (1, 1) => std::future::pending().await,
                    (2, _) => Err(HandlerError::fatal("no such address")),
                    (3, _) => Err(HandlerError::discard("spam")),
                    (4, 1) => Err(HandlerError::retry_after(Duration::from_millis(30), "busy")),
                    _ => Ok(()),
                }
            }
        });
        let handler = handler.on(["task.created"]).retry(quick(2)).timeout(Duration::from_millis(100));
        let bus = bus(&db).handler(handler).start().await.unwrap();
        write(&db, 0..6, 0).await;
        let patience = tokio::time::Instant::now() + Duration::from_secs(20);
        let expected = [2, 2, 1, 1, 2, 1];
        loop {
            bus.run_until_idle().await.unwrap();
            let now: Vec<_> = (0..6).map(|id| seen.lock().unwrap().get(&id).copied().unwrap_or(0)).collect();
            if now == expected {
                break;
            }
            assert!(tokio::time::Instant::now() < patience, "{now:?}");
            tokio::task::yield_now().await;
        }
        bus.stop().await.unwrap();
    }

    async fn a_handler_that_goes_round_in_a_circle_is_stopped(db: Database) {
        let handler = Handler::new("circle", |event: Arc<RecordedEvent>, cx: EventContext| async move {
            let mut task = Task::load(&cx, event.model_id::<Task>()?).await?;
            task.n += 1;
            task.save(&cx).await?;
            Ok(())
        });
        let bus = bus(&db).handler(handler.on(["task.*"])).start().await.unwrap();
        write(&db, 0..1, 0).await;
        bus.run_until_idle().await.unwrap();
        bus.stop().await.unwrap();
        assert_eq!(Task::load(&db, 0).await.unwrap().n, 1);
    }
}
