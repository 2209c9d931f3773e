//! Many writers at once: what is acknowledged is stored, and nothing twice.

use std::pin::pin;
use std::sync::Arc;

use earnorm::Registry;
use earnorm::ports::Ids;
use earnorm::prelude::*;
use futures::FutureExt;
use futures::future::join_all;

#[model]
#[derive(Debug, Clone)]
struct Counter {
    #[model(id)]
    id: i64,
    #[model(unique)]
    name: String,
    value: i64,
}

#[model]
#[derive(Debug, Clone)]
struct Total {
    #[model(id)]
    id: i64,
    sum: i64,
}

fn registry() -> Registry {
    Registry::empty().model::<Counter>().model::<Total>()
}

fn counter(id: i64) -> Counter {
    Counter { id, name: format!("c{id}"), value: 0 }
}

every_store! {
    async fn writers_of_one_instance_take_turns(db: Database) {
        db.create(counter(1)).await.unwrap();
        let writers = (0..8).map(|_| {
            let db = db.clone();
            tokio::spawn(async move {
                let mut done = 0;
                for _ in 0..10 {
                    let saved = Counter::retry_on_conflict(&db, 1, |counter| { counter.value += 1; Ok(()) }).await;
                    match saved {
                        Ok(_) => done += 1,
                        Err(error) => assert!(error.is_conflict(), "{error:?}"),
                    }
                }
                done
            })
        });
        let acknowledged: i64 = join_all(writers).await.into_iter().map(Result::unwrap).sum();
        let counter = Counter::load(&db, 1).await.unwrap();
        assert_eq!(counter.value, acknowledged);
        assert_eq!(counter.version(), acknowledged as u64 + 1);
        let events = db.events().stream_of(counter.stream().unwrap()).all().await.unwrap();
        let versions: Vec<_> = events.iter().map(|event| event.version).collect();
        assert_eq!(versions, (1..=counter.version()).collect::<Vec<_>>());
        assert_eq!(Counter::at_version(&db, 1, counter.version()).await.unwrap().unwrap().value, acknowledged);
    }

    async fn a_write_is_tried_again_after_conflicts_alone_and_only_so_often(db: Database) {
        let db = Database::builder().registry(registry()).conflict_retries_max(3).store(Arc::clone(db.store())).await.unwrap();
        db.create_many([counter(1), counter(2)]).await.unwrap();
        let mut tries = 0;
        let refused = Counter::retry_on_conflict(&db, 1, |_| { tries += 1; overtake(&db); Ok(()) }).await;
        assert!(refused.is_ok(), "nothing was changed, so nothing conflicts");
        let mut change = async |rivals: u32| {
            tries = 0;
            let changed = Counter::retry_on_conflict(&db, 1, |counter| {
                tries += 1;
                if tries <= rivals { overtake(&db); }
                counter.value += 1;
                Ok(())
            }).await;
            (changed.map(|counter| counter.value), tries)
        };
        assert!(matches!(change(3).await, (Ok(401), 4)));
        let (refused, tried) = change(9).await;
        assert!(refused.unwrap_err().is_conflict());
        assert_eq!(tried, 4, "one try and three more");
        // Another error ends it at once.
        let refused = Counter::retry_on_conflict(&db, 1, |counter| { tries += 1; counter.name = "c2".into(); Ok(()) }).await;
        assert!(matches!(refused, Err(Error::Unique(_))));
        let refused = Counter::retry_on_conflict(&db, 1, |_| { tries += 1; Err(Error::Closed) }).await;
        assert!(matches!(refused, Err(Error::Closed)));
        assert_eq!(tries, 6);

        let mut update = async |rivals: u32| {
            tries = 0;
            let changed = Counter::upsert(&db, Counter::NAME, Counter { name: "c1".into(), ..counter(9) }, |counter, _| {
                tries += 1;
                if tries <= rivals { overtake(&db); }
                counter.value += 1;
            }).await;
            (changed.map(|counter| counter.id), tries)
        };
        assert!(matches!(update(3).await, (Ok(1), 4)));
        let (refused, tried) = update(9).await;
        assert!(refused.unwrap_err().is_conflict());
        assert_eq!(tried, 4);
    }

    async fn writers_of_many_instances_do_not_wait_for_conflicts(db: Database) {
        let writers = (1..=16).map(|id| {
            let db = db.clone();
            tokio::spawn(async move {
                let mut counter = db.create(counter(id)).await?;
                for _ in 0..10 {
                    counter.value += 1;
                    counter.save(&db).await?;
                }
                Ok::<_, Error>(counter.version())
            })
        });
        for version in join_all(writers).await {
            assert_eq!(version.unwrap().unwrap(), 11);
        }
        assert_eq!(db.events().all().await.unwrap().len(), 16 * 11);
    }

    async fn one_of_many_creators_wins(db: Database) {
        let creators = (0..12).map(|_| {
            let db = db.clone();
            tokio::spawn(async move { db.create(counter(7)).await })
        });
        let outcomes: Vec<_> = join_all(creators).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        for error in outcomes.into_iter().filter_map(Result::err) {
            assert!(matches!(error, Error::AlreadyExists { deleted: false, .. } | Error::Unique(_)), "{error:?}");
        }
    }

    async fn callers_of_find_or_create_get_one_instance(db: Database) {
        let callers = (0..12).map(|n| {
            let db = db.clone();
            let wanted = Counter { name: "same".into(), ..counter(100 + n) };
            tokio::spawn(async move { Counter::find_or_create(&db, Counter::NAME, wanted).await })
        });
        let made: Vec<_> = join_all(callers).await.into_iter().map(|made| made.unwrap().unwrap()).collect();
        assert_eq!(made.iter().filter(|(_, created)| *created).count(), 1);
        assert!(made.iter().all(|(counter, _)| counter.id == made[0].0.id));
    }

    async fn transfers_keep_the_sum(db: Database) {
        db.create_many((0..4).map(|id| Total { id, sum: 100 })).await.unwrap();
        let movers = (0..8_i64).map(|n| {
            let db = db.clone();
            tokio::spawn(async move {
                let mut done = 0;
                for round in 0..8 {
                    let (from, to) = ((n + round) % 4, (n + round + 1) % 4);
                    let moved = db.transaction(async |unit| {
                        let (mut from, mut to) = (Total::load(unit, from).await?, Total::load(unit, to).await?);
                        from.sum -= 1;
                        to.sum += 1;
                        from.save(unit).await?;
                        to.save(unit).await
                    }).await;
                    match moved {
                        Ok(()) => done += 1,
                        Err(error) => assert!(error.is_conflict(), "{error:?}"),
                    }
                }
                done
            })
        });
        let done: usize = join_all(movers).await.into_iter().map(Result::unwrap).sum();
        assert!(done > 0);
        assert_eq!(Total::all().sum(&db, Total::SUM).await.unwrap(), 400);
        assert_eq!(db.events().by_type("total.updated").all().await.unwrap().len(), 2 * done);
    }

    async fn a_dropped_save_is_wholly_done_or_wholly_not(db: Database) {
        let mut entity = db.create(counter(1)).await.unwrap();
        for polls in 0..40 {
            entity.value += 1;
            poll_times(entity.save(&db), polls).await;
            entity = settled(&db, 1).await;
        }
        let events = db.events().stream_of(entity.stream().unwrap()).all().await.unwrap();
        assert_eq!(events.len() as u64, entity.version());
        assert_eq!(Counter::at_version(&db, 1, entity.version()).await.unwrap().unwrap().value, entity.value);
    }
}

/// Ids whose random part asks for the longest waits.
#[derive(Debug)]
struct LongWaits;

impl Ids for LongWaits {
    fn next(&self) -> Uuid {
        let mut bytes = Uuid::now_v7().into_bytes();
        bytes[14..].fill(0xff);
        Uuid::from_bytes(bytes)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_was_overtaken_waits_before_the_next_try() {
    let db = Database::builder().registry(registry()).ids(LongWaits).connect("memory:").await.unwrap();
    db.create(counter(1)).await.unwrap();
    for rivals in [0, 1] {
        let mut tries = 0;
        let mut saving = pin!(Counter::retry_on_conflict(&db, 1, |counter| {
            tries += 1;
            if tries <= rivals {
                overtake(&db);
            }
            counter.value += 1;
            Ok(())
        }));
        // Nothing else in memory is waited for.
        match saving.as_mut().now_or_never() {
            Some(saved) => assert!(rivals == 0 && saved.is_ok(), "{saved:?}"),
            None => assert!(rivals == 1 && saving.await.is_ok()),
        }
    }
    assert_eq!(Counter::load(&db, 1).await.unwrap().value, 102);
}

/// A rival writes the first counter, while a closure that is not asynchronous runs.
fn overtake(db: &Database) {
    let save = async {
        let mut rival = Counter::load(db, 1).await.unwrap();
        rival.value += 100;
        rival.save(db).await.unwrap();
    };
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(save));
}

/// The instance once no dropped save of it is in flight: a save of our own settles that.
async fn settled(db: &Database, id: i64) -> Entity<Counter> {
    Counter::retry_on_conflict(db, id, |counter| {
        counter.value += 1;
        Ok(())
    })
    .await
    .unwrap()
}

/// Polls a future so many times and drops it.
async fn poll_times<T>(future: impl Future<Output = T>, mut polls: usize) {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|cx| {
        if polls == 0 {
            return std::task::Poll::Ready(());
        }
        polls -= 1;
        cx.waker().wake_by_ref();
        future.as_mut().poll(cx).map(|_| ())
    })
    .await;
}
