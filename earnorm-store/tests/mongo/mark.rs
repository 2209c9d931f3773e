//! The high-water mark: what it does not pass, where it begins, and when it is written down.

use std::time::Duration;

use bson::{Bson, Document, doc};
use earnorm_core::store::{Severity, Store};
use earnorm_core::stream::ExpectedVersion;
use earnorm_store::mongo::MongoStore;
use earnorm_store::sabotage::Sabotage;

use crate::support::{again, append, appending, creating, put, uri, with_store};
use crate::upkeep::{examined, profiled};

async fn tombstones(store: &MongoStore) -> u64 {
    let log = store.raw_database().collection::<Document>("earnorm_events");
    log.count_documents(doc! { "s": { "$exists": false } }).await.expect("a count")
}

/// So many events in one commit.
async fn write(store: &MongoStore, events: usize) {
    let mut commit = appending("a", ExpectedVersion::Any);
    commit.appends = vec![append("a", ExpectedVersion::Any, events)];
    store.commit(commit).await.expect("it commits");
}

async fn saved(store: &MongoStore) -> i64 {
    let meta = store.raw_database().collection::<Document>("earnorm_meta");
    let saved = meta.find_one(doc! { "_id": "high_water" }).await.expect("a read").expect("a mark");
    saved.get_i64("p").expect("a position")
}

#[test]
fn a_hole_that_is_younger_than_the_grace_is_left_to_its_writer() {
    with_store(|store| async move {
        let opening = MongoStore::builder(&uri()).database(store.raw_database().name());
        let patient = opening.hole_grace(Duration::from_secs(3_600)).connect().await.expect("it connects");
        put(&patient, "a", doc! {}).await;
        patient.sabotage(creating("dead", doc! {}), Sabotage::AbandonAfterReserve).await.expect_err("it is gone");
        put(&patient, "b", doc! {}).await;
        put(&patient, "c", doc! {}).await;
        for _ in 0..2 {
            assert_eq!(patient.high_water().await.expect("a mark").get(), 1, "nobody reads past the hole");
            assert_eq!(tombstones(&store).await, 0, "nobody takes the place of who may still write there");
        }
        let findings = patient.admin().examine().await.expect("findings");
        let told = findings.iter().find(|finding| finding.subject == "high-water mark").expect("a finding");
        assert_eq!((told.severity, told.value.clone()), (Severity::Warning, Some(Bson::Int64(3))), "{told:?}");
        assert!(told.message.contains("a transaction holds position 2"), "{told:?}");
        // For this handle the grace is over soon.
        while store.high_water().await.expect("a mark").get() < 4 {}
        assert_eq!(tombstones(&store).await, 1);
        patient.close().await.expect("it closes");
    });
}

#[test]
fn the_mark_is_written_down_every_thousand_positions() {
    with_store(|store| async move {
        write(&store, 999).await;
        assert_eq!(store.high_water().await.expect("a mark").get(), 999);
        assert_eq!(saved(&store).await, 0);
        write(&store, 1).await;
        assert_eq!(store.high_water().await.expect("a mark").get(), 1_000);
        assert_eq!(saved(&store).await, 1_000);
        write(&store, 990).await;
        assert_eq!(store.high_water().await.expect("a mark").get(), 1_990);
        assert_eq!(saved(&store).await, 1_000, "so far again, not so far in all");
    });
}

#[test]
fn a_handle_begins_at_the_mark_that_is_written_down() {
    with_store(|store| async move {
        write(&store, 1_000).await;
        write(&store, 7).await;
        assert_eq!(store.high_water().await.expect("a mark").get(), 1_007);
        let other = again(&store).await;
        let commands = profiled(&store, async {
            assert_eq!(other.high_water().await.expect("a mark").get(), 1_007);
        })
        .await;
        let (keys, documents) = (examined(&commands, "keysExamined"), examined(&commands, "docsExamined"));
        assert!(keys.max(documents) < 100, "{keys} keys and {documents} entries were read of 1,007");
        other.close().await.expect("it closes");
    });
}
