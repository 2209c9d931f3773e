//! Projections: rows equal the fold of the log, whatever happens on the way.

mod random;
mod truncated;

use std::collections::BTreeMap;

use earnorm::events::{
    Created, Deleted, HandlerError, Jitter, Projection, ProjectionState, Projections, Recorded, RetryPolicy, RowData,
    View,
};
use earnorm::query::Field;
use earnorm::store::Own;
use serde::{Deserialize, Serialize};

use super::*;

#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
struct Count {
    events: i64,
    last: i64,
}

/// Counts the events of each task, by its stream, and those of all under `all`.
fn counting(version: u32) -> Projection<Count> {
    Projection::new("count", version).on_types(["task.*"], |event: Arc<RecordedEvent>, view: &mut View<Count>| {
        Box::pin(async move {
            for key in [event.stream.to_string(), "all".to_owned()] {
                let row = view.row(key).await?;
                row.events += 1;
                row.last = event.position.get();
            }
            Ok(())
        })
    })
}

fn quick() -> RetryPolicy {
    RetryPolicy::exponential(Duration::from_millis(5), 1.0, Duration::from_millis(5)).jitter(Jitter::None)
}

/// What the rows of [`counting`] must be.
async fn fold(db: &Database) -> BTreeMap<String, Count> {
    let mut rows = BTreeMap::<String, Count>::new();
    for event in db.events().by_type("task.*").all().await.unwrap() {
        for key in [event.stream.to_string(), "all".to_owned()] {
            let row = rows.entry(key).or_default();
            row.events += 1;
            row.last = event.position.get();
        }
    }
    rows
}

async fn rows<T: RowData>(db: &Database, name: &str) -> BTreeMap<String, T> {
    let all = db.projection::<T>(name).all().collect().await.unwrap();
    all.into_iter().map(|row| (row.key, row.value)).collect()
}

async fn until<F: AsyncFn() -> bool>(what: &str, holds: F) {
    let patience = tokio::time::Instant::now() + Duration::from_secs(20);
    while !holds().await {
        assert!(tokio::time::Instant::now() < patience, "{what}");
        tokio::task::yield_now().await;
    }
}

every_store! {
    async fn rows_are_what_the_log_makes_of_nothing(db: Database) {
        write(&db, 0..5, 3).await;
        let bus = bus(&db).projection(counting(1).batch(3)).start().await.unwrap();
        write(&db, 5..8, 1).await;
        bus.run_until_idle().await.unwrap();
        assert_eq!(rows::<Count>(&db, "count").await, fold(&db).await);
        let mut task = db.create(task(99)).await.unwrap();
        task.n = 7;
        let receipt = task.save(&db).await.unwrap();
        let read = db.projection::<Count>("count").at_least(receipt.position());
        assert_eq!(read.get("task-99").await.unwrap().unwrap().events, 2, "a caller reads its own writes");
        db.wait_until(receipt.position()).consumer("count.v1").await.unwrap();
        bus.stop().await.unwrap();
        assert_eq!(rows::<Count>(&db, "count").await, fold(&db).await);
        assert_eq!(db.projection::<Count>("count").get("nobody").await.unwrap(), None);
    }

    async fn rows_are_found_sorted_counted_and_streamed(db: Database) {
        for id in 0..4 {
            write(&db, id..id + 1, id).await;
        }
        let bus = bus(&db).projection(counting(1).index("events")).start().await.unwrap();
        bus.run_until_idle().await.unwrap();
        bus.stop().await.unwrap();
        let events = Field::<Count, i64>::new("events");
        let view = db.projection::<Count>("count");
        let busy = view.find(events.clone().between(2, 4)).sort(events.clone().desc()).collect().await.unwrap();
        let found: Vec<_> = busy.iter().map(|row| (row.key.as_str(), row.events)).collect();
        assert_eq!(found, [("task-3", 4), ("task-2", 3), ("task-1", 2)]);
        assert_eq!(view.find(events.gte(2)).count().await.unwrap(), 4, "with `all`");
        assert_eq!(view.all().skip(1).first().await.unwrap().unwrap().key, "task-0");
        let streamed: Vec<_> = futures::TryStreamExt::try_collect(view.all().stream()).await.unwrap();
        assert_eq!(streamed, view.all().collect().await.unwrap());
        assert_eq!(view.reading().await.unwrap().version, 1);
    }

    async fn several_types_and_rows_that_go(db: Database) {
        let tasks = Projection::<Count>::new("tasks", 1)
            .on(|event: Recorded<Created<Task>>, view| {
                Box::pin(async move {
                    view.put(event.id, Count { events: 1, last: event.n }).await?;
                    Ok(())
                })
            })
            .on(|event: Recorded<Deleted<Task>>, view| {
                Box::pin(async move {
                    assert!(view.remove(event.id).await?.is_some());
                    if let Some(row) = view.get_mut("gone").await? {
                        row.events += 1;
                    } else {
                        view.row("gone").await?.events = 1;
                    }
                    Ok(())
                })
            });
        let bus = bus(&db).projection(tasks).start().await.unwrap();
        for id in 0..4 {
            let mut task = db.create(task(id)).await.unwrap();
            if id % 2 == 0 {
                task.delete(&db).await.unwrap();
            }
            bus.run_until_idle().await.unwrap();
        }
        bus.stop().await.unwrap();
        let rows = rows::<Count>(&db, "tasks").await;
        assert_eq!(rows.keys().collect::<Vec<_>>(), ["1", "3", "gone"]);
        assert_eq!(rows["gone"].events, 2);
    }

    async fn an_event_that_fails_holds_it_until_it_succeeds_or_is_skipped(db: Database) {
        let broken = Arc::new(Mutex::new(true));
        let picky = |broken: &Arc<Mutex<bool>>| {
            let broken = Arc::clone(broken);
            let projection = Projection::<Count>::new("picky", 1).retry(quick());
            projection.on(move |event: Recorded<Created<Task>>, view| {
                let broken = *broken.lock().unwrap();
                Box::pin(async move {
                    view.row("all").await?.events += 1;
                    match event.id {
                        1 if broken => Err("the weather".into()),
                        3 => panic!("out of cheese"),
                        4 => Err(HandlerError::discard("spam")),
                        _ => Ok(()),
                    }
                })
            })
        };
        let bus = bus(&db).projection(picky(&broken)).start().await.unwrap();
        write(&db, 0..6, 0).await;
        let managed = db.manage_projection("picky", 1);
        let failing = async || managed.status().await.unwrap().and_then(|status| status.failing);
        until("it stands", async || failing().await.is_some_and(|failing| failing.attempts > 2)).await;
        let status = managed.status().await.unwrap().unwrap();
        assert_eq!((status.position.get(), status.failing.unwrap().error.as_str()), (1, "the weather"));
        bus.run_until_idle().await.unwrap();
        let refused = managed.skip(earnorm::position::Position::new(99)).await.unwrap_err();
        assert!(refused.to_string().contains("does not stand at position 99"), "{refused}");
        *broken.lock().unwrap() = false;
        until("it panics", async || failing().await.is_some_and(|failing| failing.error.contains("out of cheese"))).await;
        let at = failing().await.unwrap().position;
        managed.skip(at).await.unwrap();
        let end = db.store().high_water().await.unwrap();
        let read = db.projection::<Count>("picky").at_least(end);
        assert_eq!(read.get("all").await.unwrap().unwrap().events, 4, "0, 1, 2 and 5");
        let status = managed.status().await.unwrap().unwrap();
        assert_eq!((status.failing, status.skipped.len(), status.skipped[0].position), (None, 1, at));
        bus.stop().await.unwrap();
    }

    async fn a_new_version_is_built_beside_the_old_one(db: Database) {
        write(&db, 0..3, 1).await;
        let old = bus(&db).projection(counting(1)).start().await.unwrap();
        old.run_until_idle().await.unwrap();
        let unbuilt = counting(2).rows(&db).version(2).get("all").await.unwrap_err();
        assert!(unbuilt.to_string().contains("no version") || unbuilt.to_string().contains("never started"), "{unbuilt}");
        assert_eq!(counting(2).rows(&db).reading().await.unwrap().version, 1, "until version 2 has caught up");
        let new = bus(&db).projection(counting(2)).start().await.unwrap();
        new.run_until_idle().await.unwrap();
        assert_eq!(counting(2).rows(&db).reading().await.unwrap().version, 2);
        assert_eq!(counting(1).rows(&db).reading().await.unwrap().version, 1);
        assert_eq!(db.projection::<Count>("count").reading().await.unwrap().version, 2, "the newest");
        write(&db, 3..4, 1).await;
        let end = db.store().high_water().await.unwrap();
        for version in [1, 2] {
            let read = counting(version).rows(&db).at_least(end);
            assert_eq!(read.get("all").await.unwrap().unwrap().events, 8);
        }
        old.stop().await.unwrap();
        db.manage_projection("count", 1).retire().await.unwrap();
        let states: Vec<_> = db.projections().await.unwrap().into_iter().map(|one| (one.consumer, one.state)).collect();
        assert_eq!(states, [("count.v1".into(), ProjectionState::Retired), ("count.v2".into(), ProjectionState::Live)]);
        assert_eq!(counting(1).rows(&db).reading().await.unwrap().version, 2);
        let rows = db.store().admin().own(Own::Projections).replace("projections", "projection_count_v1");
        assert!(db.store().get(&rows, &"all".into()).await.unwrap().is_none());
        new.stop().await.unwrap();
    }

    async fn a_rebuild_is_read_only_when_it_has_caught_up(db: Database) {
        write(&db, 0..3, 1).await;
        let bus = bus(&db).projection(counting(1).batch(2)).start().await.unwrap();
        bus.run_until_idle().await.unwrap();
        let before = db.projection::<Count>("count").reading().await.unwrap();
        // Someone spoils a row by hand.
        let spoilt = bson::doc! { "_id": "all", "_v": 99_i64, "events": -1_i64, "last": 0_i64 };
        let always = earnorm::store::PutRule::Always;
        db.store().admin().put(&before.collection, vec![spoilt], always).await.unwrap();
        db.manage_projection("count", 1).rebuild().await.unwrap();
        let end = db.store().high_water().await.unwrap();
        let read = db.projection::<Count>("count").at_least(end);
        assert_eq!(read.get("all").await.unwrap().unwrap().events, 6);
        assert_eq!(rows::<Count>(&db, "count").await, fold(&db).await);
        assert_ne!(read.reading().await.unwrap().collection, before.collection);
        bus.stop().await.unwrap();
        assert!(db.store().get(&before.collection, &"all".into()).await.unwrap().is_none(), "the old rows are dropped");
        let none = db.manage_projection("nobody", 1).rebuild().await.unwrap_err();
        assert!(none.to_string().contains("never started"), "{none}");
    }

    async fn what_is_folded_of_the_past_is_not_live(db: Database) {
        let noted = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&noted);
        let live = Projection::<Count>::new("live", 1).on(move |event: Recorded<Created<Task>>, view| {
            notes.lock().unwrap().push((event.id, view.is_live()));
            Box::pin(async { Ok(()) })
        });
        write(&db, 0..2, 0).await;
        let bus = bus(&db).projection(live).start().await.unwrap();
        bus.run_until_idle().await.unwrap();
        write(&db, 2..3, 0).await;
        bus.run_until_idle().await.unwrap();
        bus.stop().await.unwrap();
        assert_eq!(*noted.lock().unwrap(), [(0, false), (1, false), (2, true)]);
    }

    async fn rows_too_large_for_one_commit_are_written_in_several(db: Database) {
        let large = Projection::<Vec<String>>::new("unfit", 1);
        let fat = Projection::<BTreeMap<String, String>>::new("fat", 1).on(|event: Recorded<Created<Task>>, view| {
            Box::pin(async move {
                view.row(event.id).await?.insert("text".into(), "x".repeat(1_500_000));
                Ok(())
            })
        });
        let unfit = large.retry(quick()).on(|event: Recorded<Created<Task>>, view| {
            Box::pin(async move {
                view.row(event.id).await?.push("a row must have fields".into());
                Ok(())
            })
        });
        write(&db, 0..12, 0).await;
        let bus = bus(&db).projection(fat).projection(unfit).start().await.unwrap();
        bus.run_until_idle().await.unwrap();
        assert_eq!(db.projection::<BTreeMap<String, String>>("fat").all().count().await.unwrap(), 12);
        let managed = db.manage_projection("unfit", 1);
        until("it stands", async || managed.status().await.unwrap().unwrap().failing.is_some()).await;
        let failing = managed.status().await.unwrap().unwrap().failing.unwrap();
        assert!(failing.error.contains("a row is a document"), "{}", failing.error);
        bus.stop().await.unwrap();
    }

    async fn rows_are_whole_whatever_is_dropped(db: Database) {
        let writing = tokio::spawn({
            let db = db.clone();
            async move { write(&db, 0..10, 3).await }
        });
        for round in 0..6_u64 {
            let bus = bus(&db).lease(Duration::from_millis(60)).projection(counting(1).batch(4)).start().await.unwrap();
            let _cut = tokio::time::timeout(Duration::from_millis(10 + 10 * round), bus.run_until_idle()).await;
            drop(bus);
        }
        writing.await.unwrap();
        let bus = bus(&db).lease(Duration::from_millis(60)).projection(counting(1)).start().await.unwrap();
        bus.run_until_idle().await.unwrap();
        bus.stop().await.unwrap();
        assert_eq!(rows::<Count>(&db, "count").await, fold(&db).await);
    }

    async fn erasing_a_subject_names_the_projections_to_rebuild(db: Database) {
        write(&db, 0..1, 0).await;
        let bus = bus(&db).projection(counting(1)).projection(counting(2)).start().await.unwrap();
        bus.run_until_idle().await.unwrap();
        bus.stop().await.unwrap();
        assert_eq!(db.erase_subject("ada").await.unwrap().projections, ["count.v1", "count.v2"]);
        db.manage_projection("count", 1).retire().await.unwrap();
        assert_eq!(db.erase_subject("ada").await.unwrap().projections, ["count.v2"]);
    }
}
