//! What a person sees who looks into the file, and names that SQLite would read otherwise.

use bson::{Bson, doc};
use earnorm_core::position::Position;
use earnorm_core::predicate::Predicate;
use earnorm_core::store::{EntryQuery, LogEntry, PutRule, Severity, Store};
use earnorm_store::SqliteStore;

use crate::support::{Scratch, commit};

#[tokio::test]
async fn a_person_can_read_it() {
    let scratch = Scratch::new();
    let store = scratch.open("a.db").await;
    let id = bson::Uuid::parse_str("0190b5a0-7a6b-7def-8a39-51fb6d2f8c11").unwrap();
    let document = doc! { "_id": id, "name": "Ada", "age": 37, "at": bson::DateTime::from_millis(1_700_000_000_000) };
    store.commit(commit("ada", vec![doc! { "name": "Ada", "n": 1_i32 }], vec![document])).await.unwrap();
    let file = scratch.look("a.db");
    let event: (i64, String, String, String, String) = file
        .query_row("select position, type, stream, data, recorded_at from events", (), |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
        })
        .unwrap();
    assert_eq!((event.0, event.1.as_str(), event.2.as_str()), (1, "thing.noted", "thing-ada"));
    assert_eq!((event.3.as_str(), event.4.as_str()), (r#"{"name":"Ada","n":1}"#, "2023-11-14T22:13:20.123Z"));
    let thing: (String, i64, String, i64) = file
        .query_row("select id, version, doc ->> '$.name', doc ->> '$.age' from things", (), |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .unwrap();
    assert!(thing.0.contains("0190b5a0-7a6b-7def-8a39-51fb6d2f8c11"), "{}", thing.0);
    assert_eq!((thing.1, thing.2.as_str(), thing.3), (1, "Ada", 37));
    let later = vec![doc! { "_id": id, "_v": 7_i64, "name": "Ada" }];
    store.admin().put("things", later, PutRule::Always).await.unwrap();
    assert_eq!(file.query_row("select version from things", (), |row| row.get(0)), Ok(7));
}

#[tokio::test]
async fn any_name_is_one_of_a_collection() {
    let scratch = Scratch::new();
    let store = scratch.open("a.db").await;
    let names = [
        "things",
        "Things",
        "THINGS",
        "events",
        "sqlite_schema",
        "sqlite_x",
        "earnorm_log",
        "earnorm_unique_1",
        "select",
        "a\"; DROP TABLE events; --",
        "ünï cødé",
        "documents_events",
        "a\0b",
        "a_b",
        "",
        " ",
    ];
    for (n, name) in (0_i32..).zip(names) {
        store.admin().put(name, vec![doc! { "_id": 1, "n": n }], PutRule::Always).await.unwrap();
    }
    for store in [store.clone(), scratch.open("a.db").await] {
        for (n, name) in (0_i32..).zip(names) {
            let found = store.get(name, &1.into()).await.unwrap();
            assert_eq!(found, Some(doc! { "_id": 1, "n": n }), "{name:?}");
        }
    }
    store.admin().swap("events", "Things").await.unwrap();
    store.admin().drop_collection("things").await.unwrap();
    assert_eq!(store.count("things", &Predicate::always()).await.unwrap(), 0);
    assert_eq!(store.get("Things", &1.into()).await.unwrap(), Some(doc! { "_id": 1, "n": 3 }));
    assert_eq!(store.high_water().await.unwrap().get(), 0, "the log is untouched");
}

#[tokio::test]
async fn a_table_is_named_like_its_collection_as_far_as_sqlite_lets_it() {
    let scratch = Scratch::new();
    let store = scratch.open("a.db").await;
    let names =
        ["things", "Things", "THINGS", "thingS", "events", "sqlite_x", "earnorm_unique_1", "earnorm_lookup_1", "a b"];
    for name in names {
        store.admin().put(name, vec![doc! { "_id": 1 }], PutRule::Always).await.unwrap();
    }
    let file = scratch.look("a.db");
    let mut tables = file.prepare("select \"table\" from earnorm_collections order by id").unwrap();
    let tables: Vec<String> = tables.query_map((), |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    let expected = [
        "things",
        "documents_Things",
        "documents_THINGS_2",
        "documents_thingS_3",
        "documents_events",
        "documents_sqlite_x",
        "documents_earnorm_unique_1",
        "documents_earnorm_lookup_1",
        "a b",
    ];
    assert_eq!(tables, expected);
}

#[tokio::test]
async fn a_file_is_in_the_mode_in_which_nobody_waits_whoever_changed_it() {
    let scratch = Scratch::new();
    scratch.open("a.db").await.close().await.unwrap();
    let set = |mode: &str| scratch.look("a.db").pragma_update_and_check(None, "journal_mode", mode, |row| row.get(0));
    let durability = async |options: &str| {
        let store = scratch.open(&format!("a.db{options}")).await;
        let findings = store.admin().examine().await.unwrap();
        store.close().await.unwrap();
        let found = findings.into_iter().find(|finding| finding.subject == "durability").unwrap();
        (found.severity, found.message)
    };
    assert_eq!(durability("").await.0, Severity::Fine);
    assert_eq!(set("delete"), Ok("delete".to_owned()));
    // Who only reads changes nothing.
    let (severity, message) = durability("?mode=ro").await;
    assert_eq!(severity, Severity::Warning);
    assert!(message.contains("in mode `delete` and not `wal`"), "{message}");
    assert_eq!(durability("").await.0, Severity::Fine);
}

#[tokio::test]
async fn equal_ids_are_one_id() {
    let scratch = Scratch::new();
    let store = scratch.open("a.db").await;
    let put =
        async |id: Bson| store.admin().put("things", vec![doc! { "_id": id, "n": 1 }], PutRule::Absent).await.unwrap();
    assert_eq!(put(Bson::Int32(1)).await, 1);
    for same in [Bson::Int64(1), Bson::Double(1.0), Bson::Decimal128("1.00".parse().unwrap())] {
        assert_eq!(put(same.clone()).await, 0, "{same}");
        assert!(store.get("things", &same).await.unwrap().is_some());
    }
    for other in [Bson::Double(1.5), Bson::String("1".into()), Bson::Boolean(true)] {
        assert_eq!(put(other.clone()).await, 1, "{other}");
    }
    assert_eq!(store.count("things", &Predicate::always()).await.unwrap(), 4);
}

/// How many events and tombstones an examination finds.
async fn counted(store: &SqliteStore) -> [Option<i64>; 2] {
    let findings = store.admin().examine().await.unwrap();
    ["log", "holes"].map(|subject| {
        let finding = findings.iter().find(|finding| finding.subject == subject).unwrap();
        finding.value.as_ref().and_then(Bson::as_i64)
    })
}

#[tokio::test]
async fn what_was_truncated_is_not_counted_and_what_was_kept_is() {
    let scratch = Scratch::new();
    let (from, store) = (scratch.open("a.db").await, scratch.open("b.db").await);
    for n in 1..=5 {
        from.commit(commit(format!("ada{n}"), vec![doc! { "n": n }], Vec::new())).await.unwrap();
    }
    let every = EntryQuery { after: Position::START, upto: Position::END, limit: 100 };
    let entries = from.admin().entries(every).await.unwrap().into_iter();
    let log = entries.map(|entry| match entry {
        LogEntry::Event { event, .. } if [2, 4].contains(&event.position.get()) => LogEntry::Tombstone(event.position),
        entry => entry,
    });
    assert_eq!(store.admin().append_entries(log.collect()).await.unwrap(), 5);
    assert_eq!(counted(&store).await, [Some(3), Some(2)]);
    assert_eq!(store.admin().truncate(Position::new(3), &[Position::new(2)]).await.unwrap(), 2);
    assert_eq!(counted(&store).await, [Some(1), Some(2)], "the tombstone at 2 is kept, that at 4 never went");
    assert_eq!(store.admin().truncate(Position::new(4), &[]).await.unwrap(), 2);
    assert_eq!(counted(&store).await, [Some(1), Some(0)]);
    let left: Vec<_> = store.admin().entries(every).await.unwrap().iter().map(|entry| entry.position().get()).collect();
    assert_eq!(left, [5]);
}
