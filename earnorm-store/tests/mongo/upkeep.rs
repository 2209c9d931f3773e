//! Upkeep as the server sees it: what is read, what is noted before it goes, and a truncation that died half-way.

use bson::{Document, doc};
use earnorm_core::position::Position;
use earnorm_core::store::{EntryQuery, LogQuery, PutRule, Severity, Store};
use earnorm_core::stream::ExpectedVersion;
use earnorm_store::mongo::MongoStore;
use futures::TryStreamExt;

use crate::support::{again, append, appending, with_store};

const ALL: EntryQuery = EntryQuery { after: Position::START, upto: Position::END, limit: usize::MAX };

async fn history(store: &MongoStore, key: &str, events: usize) -> Position {
    let mut commit = appending(key, ExpectedVersion::Any);
    commit.appends = vec![append(key, ExpectedVersion::Any, events)];
    let receipt = store.commit(commit).await.expect("it commits");
    receipt.events.last().expect("an event").position
}

/// Runs `work` and gives the commands that it sent to the log's collection.
pub(crate) async fn profiled(store: &MongoStore, work: impl Future<Output = ()>) -> Vec<Document> {
    profiled_on(store, "earnorm_events", work).await
}

/// The same for another collection.
async fn profiled_on(store: &MongoStore, collection: &str, work: impl Future<Output = ()>) -> Vec<Document> {
    let database = store.raw_database();
    database.run_command(doc! { "profile": 2 }).await.expect("it profiles");
    work.await;
    database.run_command(doc! { "profile": 0 }).await.expect("it stops");
    let of_it = doc! { "ns": format!("{}.{collection}", database.name()) };
    let seen = database
        .collection::<Document>("system.profile")
        .find(of_it)
        .sort(doc! { "$natural": 1 })
        .await
        .expect("a read");
    seen.try_collect().await.expect("commands")
}

pub(crate) fn examined(commands: &[Document], what: &str) -> i64 {
    commands.iter().map(|command| i64::from(command.get_i32(what).unwrap_or(0))).sum()
}

#[test]
fn streams_are_listed_from_the_index_and_long_ones_are_stepped_over() {
    with_store(|store| async move {
        for _ in 0..8 {
            history(&store, "long", 990).await;
        }
        for key in ["a", "z"] {
            history(&store, key, 1).await;
        }
        let commands = profiled(&store, async {
            let heads = store.admin().streams("thing", None, 10).await.expect("heads");
            let told: Vec<_> = heads.iter().map(|head| (head.stream.key(), head.last)).collect();
            assert_eq!(told, [("a", 1), ("long", 7_920), ("z", 1)]);
            assert_eq!(store.admin().categories().await.expect("categories"), ["thing"]);
        })
        .await;
        let (keys, documents) = (examined(&commands, "keysExamined"), examined(&commands, "docsExamined"));
        assert!(keys < 1_000, "{keys} keys of 7,922");
        assert!(documents <= 3, "{documents} events were read, not only their keys");
    });
}

#[test]
fn a_scan_follows_the_index_and_sorts_nothing() {
    with_store(|store| async move {
        for key in ["a", "b", "c"] {
            history(&store, key, 400).await;
        }
        let commands = profiled(&store, async {
            let events = store.admin().scan("thing", Some(("a", 390)), 50).await.expect("events");
            assert_eq!((events.len(), events[0].version, events[49].version), (50, 391, 40));
        })
        .await;
        assert!(examined(&commands, "keysExamined") < 60, "{commands:?}");
        assert!(commands.iter().all(|command| !command.get_bool("hasSortStage").unwrap_or(false)));
    });
}

#[test]
fn a_truncation_that_died_half_way_is_no_hole_and_goes_on() {
    with_store(|store| async move {
        let slow = again(&store).await;
        let end = history(&store, "a", 100).await;
        assert_eq!(store.high_water().await.expect("a mark"), end);
        // As a process leaves it that died after its first delete.
        let meta = store.raw_database().collection::<Document>("earnorm_meta");
        let note = doc! { "$set": { "p": 60_i64 } };
        meta.update_one(doc! { "_id": "truncated" }, note).upsert(true).await.expect("a note");
        let events = store.raw_database().collection::<Document>("earnorm_events");
        events.delete_many(doc! { "_id": { "$gt": 10_i64, "$lt": 40_i64 } }).await.expect("it deletes");
        let fresh = again(&store).await;
        for handle in [&store, &slow, &fresh] {
            assert_eq!(handle.high_water().await.expect("a mark"), end);
            let page = handle.read_log(LogQuery::default()).await.expect("a page");
            assert_eq!((page.events.len(), page.high_water), (71, end));
            assert_eq!(handle.admin().entries(ALL).await.expect("entries").len(), 71, "nothing was filled");
        }
        assert_eq!(fresh.admin().truncate(Position::new(60), &[]).await.expect("it goes on"), 31);
        assert_eq!(store.admin().entries(ALL).await.expect("entries").len(), 40);
        for handle in [slow, fresh] {
            handle.close().await.expect("it closes");
        }
    });
}

#[test]
fn an_import_that_died_half_way_goes_on() {
    with_store(|store| async move {
        let end = history(&store, "a", 30).await;
        let entries = store.admin().entries(ALL).await.expect("entries");
        let events = store.raw_database().collection::<Document>("earnorm_events");
        events.delete_many(doc! { "_id": { "$gt": 12_i64 } }).await.expect("it deletes");
        // The log ends where the writer died, and nobody has seen more.
        store.raw_database().collection::<Document>("earnorm_meta").delete_many(doc! {}).await.expect("it deletes");
        let fresh = again(&store).await;
        assert_eq!(fresh.admin().append_entries(entries.clone()).await.expect("it goes on"), 18);
        assert_eq!(fresh.admin().append_entries(entries.clone()).await.expect("again"), 0);
        assert_eq!(fresh.admin().entries(ALL).await.expect("entries"), entries);
        assert_eq!(fresh.high_water().await.expect("a mark"), end);
        fresh.close().await.expect("it closes");
    });
}

#[test]
fn an_examination_names_what_is_wrong() {
    with_store(|store| async move {
        history(&store, "a", 3).await;
        let database = store.raw_database();
        let counters = database.collection::<Document>("earnorm_counters");
        counters.update_one(doc! {}, doc! { "$set": { "n": 1_i64 } }).await.expect("it is set back");
        let drop = doc! { "dropIndexes": "earnorm_events", "index": "earnorm_commit" };
        database.run_command(drop).await.expect("it drops");
        let findings = store.admin().examine().await.expect("findings");
        let wrong = findings.iter().filter(|finding| finding.severity == Severity::Problem);
        let wrong: Vec<_> = wrong.map(|finding| finding.subject.as_str()).collect();
        assert_eq!(wrong, ["indexes", "counter"], "{findings:?}");
    });
}

#[test]
fn a_handle_that_listens_ends_when_it_is_dropped() {
    with_store(|store| async move {
        let end = history(&store, "a", 1).await;
        let other = again(&store).await;
        other.moved(end).await.expect("it waits");
        let database = other.raw_database().clone();
        drop(other);
        // Its task holds nothing that keeps the client from an orderly end.
        let ended = tokio::time::timeout(std::time::Duration::from_secs(5), database.client().clone().shutdown());
        ended.await.expect("no cursor is held");
    });
}

#[test]
fn documents_are_put_in_commands_that_the_server_takes() {
    with_store(|store| async move {
        let small = |from: i32, to: i32| (from..to).map(|n| doc! { "_id": n, "_v": 1_i64 }).collect::<Vec<_>>();
        let large = |n: i32| doc! { "_id": n, "_v": 1_i64, "x": "x".repeat(5 * 1024 * 1024) };
        let commands = profiled_on(&store, "things", async {
            let put =
                async |documents| store.admin().put("things", documents, PutRule::Absent).await.expect("they are put");
            assert_eq!(put(small(0, 1_000)).await, 1_000);
            assert_eq!(put(small(1_000, 3_001)).await, 2_001);
            assert_eq!(put((4_000..4_005).map(large).collect()).await, 5);
        })
        .await;
        let inserted: Vec<_> = commands.iter().filter_map(|command| command.get_i32("ninserted").ok()).collect();
        assert_eq!(inserted, [1_000, 1_000, 1_000, 1, 2, 2, 1], "a thousand at most, and 12 MiB");
    });
}

#[test]
fn an_examination_warns_of_tombstones_when_a_fifth_of_the_last_positions_are() {
    with_store(|store| async move {
        let events = store.raw_database().collection::<Document>("earnorm_events");
        let give_up = async |positions: std::ops::RangeInclusive<i64>| {
            let tombstones = positions.map(|position| doc! { "_id": position, "x": true });
            events.insert_many(tombstones).await.expect("they are inserted");
        };
        let told = async || {
            let findings = store.admin().examine().await.expect("findings");
            let found = findings.into_iter().find(|finding| finding.subject == "tombstones").expect("a finding");
            (found.severity, found.value.and_then(|value| value.as_i64()))
        };
        history(&store, "a", 60).await;
        assert_eq!(told().await, (Severity::Fine, Some(0)));
        give_up(61..=99).await;
        assert_eq!(told().await, (Severity::Fine, Some(39)), "too few to judge");
        give_up(100..=100).await;
        assert_eq!(told().await, (Severity::Warning, Some(40)));
        history(&store, "a", 100).await;
        assert_eq!(told().await, (Severity::Fine, Some(40)), "a fifth");
        give_up(201..=201).await;
        assert_eq!(told().await, (Severity::Warning, Some(41)), "more than a fifth");
        // What was truncated counts no more.
        store.admin().truncate(Position::new(150), &[]).await.expect("it truncates");
        assert_eq!(told().await, (Severity::Fine, Some(1)));
    });
}
