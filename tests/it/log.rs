//! The whole log: by position, filtered, forwards and backwards.

use earnorm::Registry;
use earnorm::position::Position;
use earnorm::prelude::*;
use futures::StreamExt;

use crate::support::meddler::Meddler;

#[model]
#[derive(Debug, Clone)]
struct Left {
    #[model(id)]
    id: i64,
    n: i32,
}

#[model]
#[derive(Debug, Clone)]
struct Right {
    #[model(id)]
    id: i64,
}

fn registry() -> Registry {
    Registry::empty().model::<Left>().model::<Right>()
}

every_store! {
    async fn the_log_has_one_order_and_every_filter(db: Database) {
        let (ada, bob) = (db.with_metadata(Metadata::new().actor("ada")), db.with_metadata(Metadata::new().correlation_id("c9")));
        let mut left = ada.create(Left { id: 1, n: 0 }).await.unwrap();
        bob.create(Right { id: 1 }).await.unwrap();
        left.n = 1;
        left.save(&bob).await.unwrap();
        left.delete(&ada).await.unwrap();
        let all = db.events().all().await.unwrap();
        let types: Vec<_> = all.iter().map(|event| event.event_type.clone()).collect();
        assert_eq!(types, ["left.created", "right.created", "left.updated", "left.deleted"]);
        assert!(all.is_sorted_by(|a, b| a.position < b.position));
        let count = async |events: earnorm::log::Events| events.all().await.unwrap().len();
        assert_eq!(count(db.events().category("left")).await, 3);
        assert_eq!(count(db.events().stream_of(left.stream().unwrap())).await, 3);
        assert_eq!(count(db.events().by_type("*.created")).await, 2);
        assert_eq!(count(db.events().by_type("left.**").by_type("right.created")).await, 4);
        assert_eq!(count(db.events().by_type("*")).await, 0);
        assert_eq!(count(db.events().by_type("**")).await, 4);
        assert_eq!(count(db.events().actor("ada")).await, 2);
        assert_eq!(count(db.events().correlation_id("c9")).await, 2);
        assert_eq!(count(db.events().after(all[1].position)).await, 2);
        assert_eq!(count(db.events().upto(all[1].position)).await, 2);
        assert_eq!(count(db.events().after(Position::END)).await, 0);
        assert_eq!(count(db.events().since(all[3].recorded_at + chrono::Duration::milliseconds(1))).await, 0);
        assert_eq!(count(db.events().until(all[0].recorded_at)).await, 0);
        let newest = db.events().backwards().limit(2).all().await.unwrap();
        assert_eq!([&newest[0].event_type, &newest[1].event_type], ["left.deleted", "left.updated"]);
        assert!(db.events().by_type("User.*").all().await.is_err());
    }

    async fn a_long_log_streams_in_pages(db: Database) {
        for batch in 0..5_i64 {
            db.create_many((0..500).map(|n| Right { id: batch * 500 + n })).await.unwrap();
        }
        let mut stream = db.events().stream();
        let (mut seen, mut last) = (0, Position::START);
        while let Some(event) = stream.next().await {
            let event = event.unwrap();
            assert!(event.position > last);
            last = event.position;
            seen += 1;
        }
        assert_eq!(seen, 2_500);
        assert_eq!(db.store().high_water().await.unwrap(), last);
        let backwards = db.events().backwards().all().await.unwrap();
        assert_eq!(backwards.len(), 2_500);
        assert!(backwards.is_sorted_by(|a, b| a.position > b.position));
        assert_eq!(db.events().limit(1_500).all().await.unwrap().len(), 1_500);
    }

    async fn a_reading_asks_for_no_page_that_it_does_not_need(db: Database) {
        for part in [0..500, 500..1_000, 1_000..1_500] {
            db.create_many(part.map(|id| Right { id })).await.unwrap();
        }
        let (meddled, meddler) = Meddler::at(&db, registry()).await;
        for (limit, found, pages) in [(usize::MAX, 1_500, 2), (1_500, 1_500, 2), (1_000, 1_000, 1), (5, 5, 1), (0, 0, 0)] {
            meddler.forget();
            assert_eq!(meddled.events().limit(limit).all().await.unwrap().len(), found);
            assert_eq!(meddler.calls("read_log").len(), pages, "{limit}");
        }
        meddler.forget();
        assert!(meddled.events().category("left").all().await.unwrap().is_empty());
        assert_eq!(meddler.calls("read_log").len(), 1);
    }

    async fn a_reading_that_is_dropped_reads_no_further(db: Database) {
        for part in 0..6 {
            db.create_many((0..500).map(|n| Right { id: part * 500 + n })).await.unwrap();
        }
        let (meddled, meddler) = Meddler::at(&db, registry()).await;
        // The third page, which is read ahead, never comes.
        let (reading, mut given_up) = tokio::sync::mpsc::channel::<()>(1);
        meddler.before("read_log", 3, async move {
            reading.send(()).await.unwrap();
            std::future::pending::<()>().await;
            drop(reading);
        });
        let mut stream = meddled.events().stream();
        for _ in 0..2_000 {
            stream.next().await.unwrap().unwrap();
        }
        let ahead = tokio::select! {
            biased;
            asked = given_up.recv() => asked,
            event = stream.next() => panic!("{event:?}"),
        };
        assert!(ahead.is_some());
        drop(stream);
        assert!(given_up.recv().await.is_none(), "who reads ahead is stopped too");
    }
}
