//! System metrics: every process publishes its own, by the clock of the database.

use std::collections::BTreeMap;

use super::*;

const MINUTE: i64 = 60_000;

async fn metrics(db: &Database) -> Vec<RecordedEvent> {
    db.events().by_type("system.metrics").all().await.unwrap()
}

with_clock! {
    async fn every_process_publishes_its_own_at_its_times(db: Database, clock: ManualClock) {
        let notes = Notes::default();
        let with = || bus(&db).system_metrics(Duration::from_secs(60));
        let one = with().handler(noting("hall", &notes).on(["system.*"])).start().await.unwrap();
        clock.advance(MINUTE - 1);
        one.run_until_idle().await.unwrap();
        assert_eq!(metrics(&db).await, []);
        clock.advance(1);
        one.run_until_idle().await.unwrap();
        one.run_until_idle().await.unwrap();
        let first = metrics(&db).await;
        assert_eq!((first.len(), notes.len()), (1, 1), "it is published before the bus is idle, and once");
        // It counts from its own start, in a stream of its own.
        let two = with().start().await.unwrap();
        // Times that nobody measured are left out.
        clock.advance(3 * MINUTE);
        one.run_until_idle().await.unwrap();
        two.run_until_idle().await.unwrap();
        one.stop().await.unwrap();
        clock.advance(MINUTE);
        two.run_until_idle().await.unwrap();
        two.stop().await.unwrap();
        clock.advance(MINUTE);
        let mut streams: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for event in metrics(&db).await {
            assert_eq!(event.stream.to_string(), format!("system.metrics-{}", event.data().unwrap().get_str("node").unwrap()));
            streams.entry(event.stream.clone()).or_default().push((event.recorded_at - first[0].recorded_at).num_minutes());
        }
        assert_eq!(streams.remove(&first[0].stream).unwrap(), [0, 3]);
        assert_eq!(streams.into_values().collect::<Vec<_>>(), [vec![3, 4]]);
    }

    async fn an_event_says_what_is_used(db: Database, clock: ManualClock) {
        let bus = bus(&db).system_metrics(Duration::from_secs(1)).start().await.unwrap();
        clock.advance(MINUTE);
        bus.run_until_idle().await.unwrap();
        bus.stop().await.unwrap();
        let data = metrics(&db).await.remove(0).data.into_document().unwrap();
        let part = |part: &str, field: &str| data.get_document(part).unwrap().get(field).unwrap().clone();
        assert_eq!(data.get_i64("pid").unwrap(), i64::from(std::process::id()));
        assert!(part("cpu", "cores").as_i64().unwrap() > 0 && part("process", "memory").as_i64().unwrap() > 0, "{data}");
        let connected = db.store().capabilities().name == "mongodb";
        assert_eq!(data.get_i64("connections").is_ok_and(|open| open > 0), connected, "{data}");
        assert!((0.0..=100.1).contains(&part("cpu", "percent").as_f64().unwrap()), "{data}");
        assert!(part("memory", "available").as_i64() <= part("memory", "total").as_i64(), "{data}");
        for disk in data.get_array("disks").unwrap() {
            let disk = disk.as_document().unwrap();
            assert!(disk.get_i64("available").unwrap() <= disk.get_i64("total").unwrap(), "{disk}");
        }
    }

    async fn a_clock_that_is_put_back_does_not_silence_it(db: Database, clock: ManualClock) {
        let bus = bus(&db).system_metrics(Duration::from_secs(60)).start().await.unwrap();
        clock.advance(-60 * MINUTE);
        bus.run_until_idle().await.unwrap();
        clock.advance(2 * MINUTE);
        bus.run_until_idle().await.unwrap();
        bus.stop().await.unwrap();
        assert_eq!(metrics(&db).await.len(), 1);
    }

    async fn it_is_off_unless_asked_for_and_refuses_what_is_too_often(db: Database, clock: ManualClock) {
        let quiet = bus(&db).start().await.unwrap();
        clock.advance(60 * MINUTE);
        quiet.run_until_idle().await.unwrap();
        quiet.stop().await.unwrap();
        assert_eq!(metrics(&db).await, []);
        let refused = bus(&db).system_metrics(Duration::from_millis(999)).start().await.unwrap_err();
        assert!(matches!(refused, Error::Registry(_)) && refused.to_string().contains("a second or more"), "{refused}");
    }
}
