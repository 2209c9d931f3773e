//! Transactional handlers: what they write and their progress are one commit.

use earnorm::events::{Jitter, OnDead, RetryPolicy, Start, TransactionContext};

use super::*;

/// Adds each task to one tally.
fn summing(id: &str) -> Handler {
    Handler::transactional(id, |event: Arc<RecordedEvent>, cx: &TransactionContext| {
        Box::pin(async move {
            let mut tally = Tally::load(cx, 1).await?;
            tally.sum += event.version as i64;
            tally.save(cx).await?;
            Ok(())
        })
    })
    .on(["task.*"])
    .start(Start::Beginning)
}

every_store! {
    async fn effects_happen_once_whatever_is_dropped(db: Database) {
        db.create(Tally { id: 1, sum: 0 }).await.unwrap();
        let writing = tokio::spawn({
            let db = db.clone();
            async move { write(&db, 0..10, 3).await }
        });
        // Buses that are dropped wherever they are, with others taking over.
        for round in 0..6_u64 {
            let bus = bus(&db).lease(Duration::from_millis(60)).handler(summing("sum")).start().await.unwrap();
            let _cut = tokio::time::timeout(Duration::from_millis(20 + 10 * round), bus.run_until_idle()).await;
            drop(bus);
        }
        writing.await.unwrap();
        let bus = bus(&db).lease(Duration::from_millis(60)).handler(summing("sum")).start().await.unwrap();
        bus.run_until_idle().await.unwrap();
        bus.stop().await.unwrap();
        assert_eq!(Tally::load(&db, 1).await.unwrap().sum, 100, "ten times 1 + 2 + 3 + 4");
    }

    async fn a_conflict_runs_it_again_without_an_attempt(db: Database) {
        db.create(Tally { id: 1, sum: 0 }).await.unwrap();
        write(&db, 0..5, 1).await;
        let bus = bus(&db).handler(summing("sum").retry(RetryPolicy::never())).start().await.unwrap();
        for _ in 0..20 {
            Tally::retry_on_conflict(&db, 1, |tally| {
                tally.sum += 1_000;
                Ok(())
            })
            .await
            .unwrap();
        }
        bus.run_until_idle().await.unwrap();
        bus.stop().await.unwrap();
        assert_eq!(Tally::load(&db, 1).await.unwrap().sum, 20_015);
    }

    async fn what_a_failed_attempt_staged_is_not_written(db: Database) {
        db.create(Tally { id: 1, sum: 0 }).await.unwrap();
        let failed = Arc::new(Mutex::new(0));
        let count = Arc::clone(&failed);
        let handler = Handler::transactional("half", move |event: Arc<RecordedEvent>, cx: &TransactionContext| {
            let count = Arc::clone(&count);
            Box::pin(async move {
                let mut tally = Tally::load(cx, 1).await?;
                tally.sum += 1;
                tally.save(cx).await?;
                if event.stream.key() == "2" && cx.attempt() < 3 {
                    *count.lock().unwrap() += 1;
                    return Err("not yet".into());
                }
                Ok(())
            })
        });
        let quick = RetryPolicy::exponential(Duration::from_millis(5), 1.0, Duration::from_millis(5)).jitter(Jitter::None);
        let bus = bus(&db).handler(handler.on(["task.created"]).retry(quick).on_dead(OnDead::Park)).start().await.unwrap();
        write(&db, 0..5, 0).await;
        let patience = tokio::time::Instant::now() + Duration::from_secs(20);
        while Tally::load(&db, 1).await.unwrap().sum < 5 {
            assert!(tokio::time::Instant::now() < patience);
            tokio::task::yield_now().await;
        }
        bus.run_until_idle().await.unwrap();
        bus.stop().await.unwrap();
        assert_eq!((Tally::load(&db, 1).await.unwrap().sum, *failed.lock().unwrap()), (5, 2));
    }
}
