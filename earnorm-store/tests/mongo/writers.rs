//! Many writers at once: no lost update, no gap in a stream, and few holes.

use std::collections::HashSet;

use bson::doc;
use earnorm_core::limits::{DOCUMENT_BYTES_MAX, ENVELOPE_BYTES_MAX, Limits};
use earnorm_core::schema::CollectionSpec;
use earnorm_core::store::{LogQuery, Store, StreamQuery};
use earnorm_core::stream::ExpectedVersion;
use earnorm_store::mongo::MongoStore;
use futures::TryStreamExt;
use futures::future::join_all;

use crate::support::{appending, changing, put, stream, with_store};

async fn tombstones(store: &MongoStore) -> u64 {
    let events = store.raw_database().collection::<bson::Document>("earnorm_events");
    events.count_documents(doc! { "x": true }).await.expect("a count")
}

#[test]
fn sixteen_writers_of_one_document_lose_no_update() {
    with_store(|store| async move {
        put(&store, "a", doc! { "n": 0_i64 }).await;
        let writers = (0..16).map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut conflicts = 0;
                for _ in 0..5 {
                    loop {
                        let document = store.get("things", &"a".into()).await.expect("a read").expect("it is there");
                        let version = u64::try_from(document.get_i64("_v").expect("a version")).expect("positive");
                        let next = document.get_i64("n").expect("a number") + 1;
                        match store.commit(changing("a", version, "n", next)).await {
                            Ok(_) => break,
                            Err(error) if error.is_conflict() => conflicts += 1,
                            Err(error) => panic!("{error}"),
                        }
                    }
                }
                conflicts
            })
        });
        let conflicts: u32 = join_all(writers).await.into_iter().map(|writer| writer.expect("it ends")).sum();
        let document = store.get("things", &"a".into()).await.expect("a read").expect("it is there");
        assert_eq!(document.get_i64("n").expect("a number"), 80);
        let events = store.read_stream(StreamQuery::all(stream("a"))).await.expect("the stream");
        assert!(events.iter().map(|event| event.version).eq(1..=81));
        assert!(events.windows(2).all(|pair| pair[0].position < pair[1].position));
        println!("one document: {conflicts} conflicts");
        assert_eq!(tombstones(&store).await, 0);
    });
}

#[test]
fn sixteen_writers_of_one_stream_leave_no_gap() {
    with_store(|store| async move {
        let writers = (0..16).map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                for _ in 0..5 {
                    store.commit(appending("a", ExpectedVersion::Any)).await.expect("it commits");
                }
            })
        });
        for writer in join_all(writers).await {
            writer.expect("it ends");
        }
        let events = store.read_stream(StreamQuery::all(stream("a"))).await.expect("the stream");
        assert!(events.iter().map(|event| event.version).eq(1..=80));
        assert!(events.windows(2).all(|pair| pair[0].position < pair[1].position));
        assert_eq!(tombstones(&store).await, 0);
    });
}

#[test]
fn sixteen_writers_of_many_streams_are_all_in_the_log() {
    with_store(|store| async move {
        let spec = CollectionSpec { name: "things".to_owned(), indexes: Vec::new() };
        store.admin().prepare(&[spec]).await.expect("it prepares");
        let began = std::time::Instant::now();
        let writers = (0..16).map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                for turn in 0..20 {
                    put(&store, &format!("{writer}-{turn}"), doc! {}).await;
                }
            })
        });
        for writer in join_all(writers).await {
            writer.expect("it ends");
        }
        println!("many streams: 320 commits in {:?}, {} tombstones", began.elapsed(), tombstones(&store).await);
        let page = store.read_log(LogQuery::default()).await.expect("a page");
        let positions: HashSet<_> = page.events.iter().map(|event| event.position).collect();
        assert_eq!((page.events.len(), positions.len(), page.more), (320, 320, false));
    });
}

#[test]
fn a_dropped_commit_is_wholly_there_or_not_and_blocks_nobody() {
    with_store(|store| async move {
        for turn in 0..40_u64 {
            let key = format!("d{turn}");
            let commit = crate::support::creating(&key, doc! {});
            let patience = std::time::Duration::from_micros(turn * 150);
            let _dropped = tokio::time::timeout(patience, store.commit(commit.clone())).await;
            let receipt = store.commit(commit).await.expect("the same commit again");
            let events = store.read_stream(StreamQuery::all(stream(&key))).await.expect("the stream");
            assert_eq!((events.len(), events[0].position), (1, receipt.events[0].position));
        }
    });
}

#[test]
fn one_save_costs_four_round_trips() {
    with_store(|store| async move {
        put(&store, "a", doc! {}).await;
        let database = store.raw_database();
        database.run_command(doc! { "profile": 2 }).await.expect("it profiles");
        store.commit(changing("a", 1, "x", 1)).await.expect("it changes");
        database.run_command(doc! { "profile": 0 }).await.expect("it stops");
        let profile = database.collection::<bson::Document>("system.profile");
        let seen = profile.find(doc! { "command.profile": { "$exists": false } }).sort(doc! { "$natural": 1 });
        let seen: Vec<_> = seen.await.expect("a read").try_collect().await.expect("commands");
        let commands: Vec<_> = seen
            .iter()
            .map(|seen| (seen.get_str("op").unwrap_or_default(), seen.get_str("ns").unwrap_or_default()))
            .map(|(op, ns)| (op, ns.rsplit_once('.').map_or(ns, |(_, name)| name)))
            .collect();
        // The fourth is the commit, which goes to the database `admin`.
        let expected = [("update", "things"), ("command", "earnorm_counters"), ("insert", "earnorm_events")];
        assert_eq!(commands, expected);
    });
}

#[test]
fn the_largest_document_fits_with_its_event() {
    with_store(|store| async move {
        let large = MongoStore::builder(&crate::support::uri())
            .database(store.raw_database().name())
            .limits(Limits { bytes: 64 * 1024 * 1024, ..Limits::default() })
            .connect()
            .await
            .expect("it connects");
        let size = DOCUMENT_BYTES_MAX - ENVELOPE_BYTES_MAX - 64;
        let mut commit = crate::support::creating("a", doc! { "x": "x".repeat(size) });
        commit.appends[0].events[0].data = doc! { "x": "x".repeat(size) };
        large.commit(commit).await.expect("it fits");
        let mut many = appending("b", ExpectedVersion::NoStream);
        let event = many.appends[0].events[0].clone();
        many.appends[0].events = (0..20)
            .map(|_| {
                let mut event = event.clone();
                event.id = uuid::Uuid::now_v7();
                event.data = doc! { "x": "x".repeat(1_000_000) };
                event
            })
            .collect();
        let receipt = large.commit(many).await.expect("it fits in several commands");
        assert!(receipt.events.windows(2).all(|pair| pair[0].position.next() == pair[1].position));
        let events = large.read_stream(StreamQuery::all(stream("b"))).await.expect("the stream");
        assert!(events.iter().map(|event| event.position).eq(receipt.events.iter().map(|event| event.position)));
        large.close().await.expect("it closes");
    });
}
