//! The status of an event at each handler, and the health of a bus.

use earnorm::events::{EventBus, EventStatus, OnDead, OnModel, RetryPolicy, Start, TransactionContext};
use earnorm::position::Position;

use super::failures::{Failing, quick};
use super::operations::until;
use super::*;

async fn status(db: &Database, id: &str, stream: &str, version: usize) -> Option<EventStatus> {
    let (category, key) = stream.split_once('-').unwrap();
    let stream = earnorm::stream::StreamId::new(category, key).unwrap();
    let event = db.events().stream_of(stream).all().await.unwrap().remove(version - 1);
    let by_id = db.handlers().status_of(event.id).await.unwrap();
    let found = by_id.into_iter().find(|status| status.handler == id)?;
    assert!(!found.conditional);
    Some(found.status)
}

async fn until_status(
    bus: &EventBus,
    id: &str,
    of: (&str, usize),
    holds: impl Fn(&EventStatus) -> bool,
) -> EventStatus {
    let patience = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        let status = status(bus.db(), id, of.0, of.1).await.unwrap();
        if holds(&status) {
            return status;
        }
        assert!(tokio::time::Instant::now() < patience, "{status:?}");
        tokio::task::yield_now().await;
    }
}

every_store! {
    async fn an_event_has_a_status_at_each_handler_that_takes_it(db: Database) {
        write(&db, 9..10, 0).await;
        let (notes, failing) = (Notes::default(), Failing::default().at("task-1", 2, 99).at("task-2", 1, 99));
        let slow = RetryPolicy::table([Duration::from_secs(3_600)]);
        let one = bus(&db)
            .handler(noting("all", &notes).start(Start::Beginning))
            .handler(noting("other", &notes).on(["tally.*"]))
            .handler(failing.handler("parks").on_dead(OnDead::Park).retry(quick(1)))
            .handler(failing.handler("goes-on").on_dead(OnDead::Continue).retry(quick(1)))
            .handler(failing.handler("slow").retry(slow))
            .start()
            .await
            .unwrap();
        write(&db, 0..3, 2).await;
        until(&one, "parks", |info| info.dead_letters == 2 && info.lag == 0).await;
        until(&one, "goes-on", |info| info.dead_letters == 2 && info.lag == 0).await;
        until(&one, "slow", |info| info.parked == 2 && info.lag == 0).await;
        assert_eq!(status(&db, "all", "task-9", 1).await, Some(EventStatus::Completed));
        assert_eq!(status(&db, "parks", "task-9", 1).await, None, "it began behind this event");
        assert_eq!(status(&db, "other", "task-0", 1).await, None, "it does not take it");
        assert_eq!(status(&db, "parks", "task-1", 1).await, Some(EventStatus::Completed));
        assert_eq!(status(&db, "parks", "task-1", 3).await, Some(EventStatus::Pending), "its stream waits");
        assert_eq!(status(&db, "goes-on", "task-1", 3).await, Some(EventStatus::Completed));
        for id in ["parks", "goes-on"] {
            let dead = status(&db, id, "task-1", 2).await.unwrap();
            assert!(matches!(&dead, EventStatus::Dead(letter) if letter.attempts == 1), "{dead:?}");
        }
        let retrying = status(&db, "slow", "task-1", 2).await.unwrap();
        let EventStatus::Retrying { attempts, error, failed_at, next_try_at, .. } = retrying else {
            panic!("{retrying:?}")
        };
        assert_eq!((attempts, error.as_str()), (1, "the other side is down"));
        assert_eq!(next_try_at - failed_at, chrono::TimeDelta::hours(1));
        for id in ["parks", "goes-on"] {
            let letter = format!("{id}/{}", db.events().by_type("task.updated").all().await.unwrap()[2].id);
            let letter = one.dead_letters().show(&letter).await.unwrap().letter;
            one.dead_letters().discard(&letter.id).await.unwrap();
            let discarded = db.handlers().status_of(letter.event_id).await.unwrap();
            let discarded = discarded.into_iter().find(|status| status.handler == id).unwrap();
            assert_eq!(discarded.status, EventStatus::Completed);
        }
        one.stop().await.unwrap();
        let missing = db.handlers().status_of(Position::new(10_000)).await.unwrap_err().to_string();
        assert!(missing.contains("10000"), "{missing}");
        let missing = db.handlers().status_of(Uuid::now_v7()).await.unwrap_err().to_string();
        assert!(missing.contains("not in the log"), "{missing}");
    }

    async fn a_handler_that_looks_into_events_says_so_of_what_it_is_done_with(db: Database) {
        let notes = Notes::default();
        let keyed = OnModel::<Tally, Arc<RecordedEvent>>::new().key(|event| event.stream.key().parse().ok().filter(|id| *id > 99));
        let keyed = keyed.transactional("keyed", |tally: &mut Tally, _, _: &TransactionContext| {
            tally.sum += 1;
            Box::pin(async { Ok(()) })
        });
        let one = bus(&db)
            .handler(noting("every", &notes))
            .handler(noting("when", &notes).when(|event| event.stream.key() == "1"))
            .handler(noting("when-of", &notes).on(["task.created"]).when_of(|task: &Recorded<Created<Task>>| task.id == 1))
            .handler(keyed.on(["task.created"]))
            .start()
            .await
            .unwrap();
        write(&db, 0..2, 0).await;
        one.run_until_idle().await.unwrap();
        assert_eq!(notes.len(), 2 + 1 + 1);
        one.handlers().pause("when-of", "a rest").await.unwrap();
        write(&db, 2..3, 0).await;
        one.run_until_idle().await.unwrap();
        one.stop().await.unwrap();
        for event in db.events().by_type("task.created").all().await.unwrap() {
            let found = db.handlers().status_of(event.position).await.unwrap();
            let conditional: Vec<_> = found.iter().map(|status| (status.handler.as_str(), status.conditional)).collect();
            assert_eq!(conditional, [("every", false), ("keyed", true), ("when", true), ("when-of", true)]);
            for status in found {
                let waits = status.handler == "when-of" && event.stream.key() == "2";
                assert_eq!(status.status, if waits { EventStatus::Pending } else { EventStatus::Completed }, "{}", status.handler);
            }
        }
    }

    async fn what_is_being_handled_is_told_from_what_waits(db: Database) {
        let (started, release) = (Arc::new(tokio::sync::Semaphore::new(0)), Arc::new(tokio::sync::Semaphore::new(0)));
        let (starts, goes) = (Arc::clone(&started), Arc::clone(&release));
        let handler = Handler::new("gate", move |_: Arc<RecordedEvent>, _| {
            let (starts, goes) = (Arc::clone(&starts), Arc::clone(&goes));
            async move {
                starts.add_permits(1);
                goes.acquire().await?.forget();
                Ok(())
            }
        });
        let one = bus(&db).handler(handler.on(["task.*"])).start().await.unwrap();
        write(&db, 0..1, 0).await;
        started.acquire().await.unwrap().forget();
        until_status(&one, "gate", ("task-0", 1), |status| *status == EventStatus::Processing).await;
        release.add_permits(1);
        until_status(&one, "gate", ("task-0", 1), |status| *status == EventStatus::Completed).await;
        one.handlers().pause("gate", "a rest").await.unwrap();
        one.run_until_idle().await.unwrap();
        write(&db, 1..2, 0).await;
        assert_eq!(status(&db, "gate", "task-1", 1).await, Some(EventStatus::Pending));
        one.stop().await.unwrap();
    }

    async fn health_says_what_is_wrong_and_with_what(db: Database) {
        let (notes, failing) = (Notes::default(), Failing::default().at("task-1", 1, 99));
        let parks = || failing.handler("parks").on_dead(OnDead::Park).retry(quick(1));
        let one = bus(&db).handler(noting("notes", &notes)).handler(parks()).start().await.unwrap();
        write(&db, 0..1, 0).await;
        one.run_until_idle().await.unwrap();
        let well = one.health().await;
        assert!(well.live && well.ready && well.reasons.is_empty(), "{well:?}");
        assert_eq!((well.log_end, well.handlers.len()), (Some(db.store().high_water().await.unwrap()), 2));
        write(&db, 1..2, 0).await;
        until(&one, "parks", |info| info.parked == 1).await;
        one.handlers().pause("notes", "the mail server moves").await.unwrap();
        write(&db, 2..3, 0).await;
        let health = one.health().await;
        assert!(health.live && health.ready, "{health:?}");
        let says = |subject: &str, text: &str| {
            health.reasons.iter().any(|reason| reason.subject == subject && reason.message.contains(text))
        };
        assert!(says("handler notes", "paused: the mail server moves"), "{health:?}");
        assert!(says("handler parks", "1 of its streams") && says("handler parks", "1 dead letters"), "{health:?}");
        let behind = &health.handlers.iter().find(|handler| handler.info.id == "notes").unwrap();
        assert!(behind.info.lag > 0 && behind.oldest_pending.is_some());
        one.stop().await.unwrap();
        let stopped = one.health().await;
        assert!(!stopped.live && !stopped.ready, "{stopped:?}");
        // As another process sees it, with a program that has only one of them.
        let two = bus(&db).handler(parks()).start().await.unwrap();
        two.run_until_idle().await.unwrap();
        let health = db.handlers().health().await;
        let lone = health.reasons.iter().find(|reason| reason.message.contains("no running program")).unwrap();
        assert_eq!(lone.subject, "handler notes");
        two.stop().await.unwrap();
        let lonely = db.handlers().health().await;
        assert_eq!(lonely.reasons.iter().filter(|reason| reason.message.contains("no running program")).count(), 2);
    }
}
