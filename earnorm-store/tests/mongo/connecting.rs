//! What becomes of bad addresses, restored data and closed handles.

use std::error::Error as _;

use bson::{Document, doc};
use earnorm_core::Error;
use earnorm_core::position::Position;
use earnorm_core::store::{LogQuery, Store};
use earnorm_core::stream::ExpectedVersion;
use earnorm_store::mongo::MongoStore;

use crate::support::{again, append, appending, creating, put, with_store};

async fn refused(uri: &str) -> Error {
    let builder = MongoStore::builder(uri).server_selection_timeout(std::time::Duration::from_millis(200));
    assert!(!format!("{builder:?}").contains("s3cret"));
    let error = builder.connect().await.expect_err("nothing is there");
    assert!(matches!(error, Error::Connect { .. }), "{error:?}");
    error
}

async fn refusal(uri: &str) -> String {
    let error = refused(uri).await;
    let source = error.source().map(|source| format!("{source} {source:?}")).unwrap_or_default();
    format!("{error} {error:?} {source}")
}

#[tokio::test]
async fn bad_addresses_are_named_and_passwords_never() {
    for uri in [
        "mongodb://ada:s3cret@127.0.0.1:1/app",
        "mongodb://ada:s3cret@127.0.0.1:s3cret/app",
        "mongodb://ada:s3c@s3cret@127.0.0.1:1/app",
        "mongodb://ada:s3cret",
        "mongo://ada:s3cret@127.0.0.1:1",
        "mongodb:ada:s3cret@127.0.0.1:1",
        "mongodb://127.0.0.1:1/?tls=true&tlsCertificateKeyFilePassword=s3cret",
    ] {
        let said = refusal(uri).await;
        assert!(!said.contains("s3cret"), "{uri} became {said}");
    }
    let said = refusal("mongodb://ada:s3cret@127.0.0.1:1/app").await;
    assert!(said.contains("mongodb://ada:***@127.0.0.1:1/app"), "{said}");
    let said = refusal("").await;
    assert!(said.contains("cannot connect"), "{said}");
}

#[tokio::test]
async fn a_server_out_of_reach_may_be_tried_again_and_a_bad_address_may_not() {
    assert!(refused("mongodb://127.0.0.1:1/app").await.is_retryable());
    assert!(!refused("mongodb://127.0.0.1:port/app").await.is_retryable());
}

#[test]
fn a_counter_behind_the_log_is_moved_past_its_end() {
    with_store(|store| async move {
        put(&store, "a", doc! {}).await;
        put(&store, "b", doc! {}).await;
        let counters = store.raw_database().collection::<Document>("earnorm_counters");
        for restore in [doc! { "$set": { "n": 0_i64 } }, doc! { "$unset": { "n": "" } }] {
            counters.update_one(doc! {}, restore).await.expect("it is set back");
            let restored = again(&store).await;
            let committed = restored.commit(appending("c", ExpectedVersion::Any)).await.expect("it commits");
            let log = store.read_log(LogQuery::default()).await.expect("a page");
            assert_eq!(log.events.last().map(|event| event.position), Some(committed.events[0].position));
            restored.close().await.expect("it closes");
        }
    });
}

#[test]
fn a_counter_set_back_under_a_running_store_is_repaired() {
    with_store(|store| async move {
        for key in ["a", "b", "c", "d", "e"] {
            put(&store, key, doc! {}).await;
        }
        let counters = store.raw_database().collection::<Document>("earnorm_counters");
        counters.update_one(doc! {}, doc! { "$set": { "n": 0_i64 } }).await.expect("it is set back");
        let committed = store.commit(creating("f", doc! {})).await.expect("it commits");
        assert_eq!(committed.events[0].position, Position::new(6));
        counters.delete_many(doc! {}).await.expect("it is gone");
        let committed = store.commit(creating("g", doc! {})).await.expect("it commits");
        assert_eq!(committed.events[0].position, Position::new(7));
    });
}

#[test]
fn a_mark_from_before_a_restore_does_not_hide_new_events() {
    with_store(|store| async move {
        let mut commit = appending("a", ExpectedVersion::Any);
        commit.appends = vec![append("a", ExpectedVersion::Any, 5)];
        store.commit(commit).await.expect("it commits");
        let meta = store.raw_database().collection::<Document>("earnorm_meta");
        meta.update_one(doc! {}, doc! { "$set": { "p": 1_000_000_i64 } }).await.expect("a mark");
        let restored = again(&store).await;
        assert_eq!(restored.high_water().await.expect("a mark"), Position::new(5));
        restored.close().await.expect("it closes");
    });
}

#[test]
fn a_closed_store_says_so() {
    with_store(|store| async move {
        let other = again(&store).await;
        let held = other.clone();
        other.close().await.expect("it closes");
        assert!(matches!(held.commit(creating("a", doc! {})).await, Err(Error::Closed)));
        assert!(matches!(held.read_log(LogQuery::default()).await, Err(Error::Closed)));
        assert!(matches!(held.get("things", &"a".into()).await, Err(Error::Closed)));
    });
}

#[test]
fn an_address_cannot_weaken_what_is_promised() {
    with_store(|store| async move {
        let join = if crate::support::uri().contains('?') { '&' } else { '?' };
        let options = "readPreference=secondary&readConcernLevel=local&w=1&journal=false&retryWrites=false";
        let weak = format!("{}{join}{options}", crate::support::uri());
        let weak =
            MongoStore::builder(&weak).database(store.raw_database().name()).connect().await.expect("it connects");
        weak.commit(creating("a", doc! {})).await.expect("it commits");
        assert!(weak.get("things", &"a".into()).await.expect("a read").is_some());
        assert_eq!(weak.read_log(LogQuery::default()).await.expect("a page").events.len(), 1);
        weak.close().await.expect("it closes");
    });
}
