//! Following the log: history and live are one stream, with nothing missed and nothing twice.

use std::time::Duration;

use earnorm::Registry;
use earnorm::position::Position;
use earnorm::prelude::*;
use futures::StreamExt;

#[model]
#[derive(Debug, Clone)]
struct Tick {
    #[model(id)]
    id: i64,
    n: i64,
}

#[model]
#[derive(Debug, Clone)]
struct Tock {
    #[model(id)]
    id: i64,
}

fn registry() -> Registry {
    Registry::empty().model::<Tick>().model::<Tock>()
}

async fn write(db: &Database, from: i64, count: i64) {
    for id in from..from + count {
        let mut tick = db.create(Tick { id, n: 0 }).await.unwrap();
        tick.n = 1;
        tick.save(db).await.unwrap();
    }
}

every_store! {
    async fn history_and_live_are_one_stream_while_many_write(db: Database) {
        write(&db, 0, 40).await;
        let writers: Vec<_> = (1..5)
            .map(|writer| {
                let db = db.clone();
                tokio::spawn(async move { write(&db, writer * 1_000, 40).await })
            })
            .collect();
        // One follows from the start, one begins in the middle of the writing.
        let follow = |db: Database, count: usize, after: Position| async move {
            let events = db.subscribe().after(after).stream().take(count);
            events.map(|event| event.unwrap().position).collect::<Vec<_>>().await
        };
        let whole = tokio::spawn(follow(db.clone(), 400, Position::START));
        let middle = db.store().high_water().await.unwrap();
        let before = db.events().upto(middle).all().await.unwrap().len();
        let rest = tokio::spawn(follow(db.clone(), 400 - before, middle));
        for writer in writers {
            writer.await.unwrap();
        }
        let log: Vec<_> = db.events().all().await.unwrap().iter().map(|event| event.position).collect();
        assert_eq!(log.len(), 400);
        assert_eq!(whole.await.unwrap(), log);
        assert_eq!(rest.await.unwrap(), log[before..]);
    }

    async fn filters_hold_for_history_and_live(db: Database) {
        write(&db, 0, 3).await;
        let mut ticks = db.subscribe().category("tick").by_type("*.updated").stream();
        for _ in 0..3 {
            assert_eq!(ticks.next().await.unwrap().unwrap().event_type, "tick.updated");
        }
        db.create(Tock { id: 1 }).await.unwrap();
        write(&db, 10, 1).await;
        let live = ticks.next().await.unwrap().unwrap();
        assert_eq!((live.event_type.as_str(), live.stream.key()), ("tick.updated", "10"));
        let of_stream = Tick::load(&db, 1).await.unwrap().stream().unwrap();
        let two: Vec<_> = db.subscribe().stream_of(of_stream).stream().take(2).collect().await;
        assert_eq!(two.iter().map(|event| event.as_ref().unwrap().version).collect::<Vec<_>>(), [1, 2]);
    }

    async fn the_position_moves_over_what_does_not_match(db: Database) {
        write(&db, 0, 5).await;
        let end = db.store().high_water().await.unwrap();
        let mut tocks = db.subscribe().category("tock").stream();
        assert_eq!(tocks.position(), Position::START);
        let mut waiting = tokio_test(tocks.next()).await;
        assert!(waiting.take().is_none(), "nothing matches yet");
        assert_eq!(tocks.position(), end);
        assert!(tocks.is_caught_up());
        db.create(Tock { id: 1 }).await.unwrap();
        let event = tocks.next().await.unwrap().unwrap();
        assert_eq!(event.position, tocks.position());
        assert!(!tocks.is_caught_up());
    }

    async fn from_the_end_only_new_events_come(db: Database) {
        write(&db, 0, 5).await;
        let mut events = db.subscribe().from_end().stream();
        assert!(tokio_test(events.next()).await.is_none());
        db.create(Tock { id: 7 }).await.unwrap();
        assert_eq!(events.next().await.unwrap().unwrap().event_type, "tock.created");
    }

    async fn a_pattern_that_is_not_valid_and_a_closed_database_end_the_stream(db: Database) {
        let mut events = db.subscribe().by_type("Tick.*").stream();
        assert!(matches!(events.next().await, Some(Err(Error::InvalidName { .. }))));
        assert!(events.next().await.is_none());
        let mut open = db.subscribe().stream();
        db.close().await.unwrap();
        assert!(matches!(open.next().await, Some(Err(Error::Closed))));
        assert!(open.next().await.is_none());
    }

    async fn a_caller_waits_for_the_log_and_for_a_consumer(db: Database) {
        let receipt = Tick { id: 1, n: 0 }.create(&db).await.unwrap().receipt().unwrap();
        db.wait_until(receipt.position()).await.unwrap();
        db.wait_until(None).await.unwrap();
        let late = db.wait_until(receipt.position()).consumer("list").within(Duration::from_millis(30)).await;
        let late = late.unwrap_err();
        assert!(late.is_retryable() && late.to_string().contains("`list`"), "{late}");
        let waiting = tokio::spawn(db.wait_until(receipt.position()).consumer("list").into_future());
        let mut commit = earnorm::commit::Commit::new(Uuid::now_v7());
        let next = earnorm::commit::Checkpoint { position: receipt.position().unwrap(), epoch: 1 };
        let write = earnorm::commit::CheckpointWrite { consumer: "list".to_owned(), expected: None, next };
        commit.checkpoints.push(write);
        db.store().commit(commit).await.unwrap();
        waiting.await.unwrap().unwrap();
    }
}

/// Polls a future until it has nothing to do but wait: a subscription that has reached the end of the log.
async fn tokio_test<T>(future: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(Duration::from_millis(400), future).await.ok()
}
