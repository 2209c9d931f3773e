//! Reading: the log, streams, models and hooks, with the models' code and without.

use earnorm::cli::Exit;
use earnorm::position::Position;
use earnorm::store::LogEntry;
use serde_json::{Value, json};

use super::{bare, fill, registry, run};

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn column(text: &str, name: &str) -> Vec<Value> {
    lines(text).iter().map(|line| line[name].clone()).collect()
}

every_store! {
    async fn an_empty_store_is_no_error(db: Database) {
        for target in [(&db).into(), bare(&db)] {
            let ran = run(target, "log tail").await;
            assert!(ran.err.contains("the log is empty"), "{ran:?}");
            assert_eq!(ran.ok(), "");
        }
        assert_eq!(run(bare(&db), "log tail --json").await.ok(), "");
        assert_eq!(run(bare(&db), "log stats --json").await.json()["events"], 0);
        assert!(run(bare(&db), "log stats").await.ok().starts_with("0 events in 0 streams"));
        run(bare(&db), "stream show guest-1").await.fails(Exit::Failed, &["no events", "the log is empty"]);
        assert_eq!(run(&db, "verify --json").await.json()["models"].as_array().unwrap().len(), 2);
        run(&db, "doctor").await.ok();
    }

    async fn the_tail_of_the_log_is_its_last_events_oldest_first(db: Database) {
        fill(&db).await;
        let all = run(&db, "log tail --json").await.ok();
        let types = ["guest.created", "guest.created", "guest.deleted", "guest.updated", "bill.opened", "bill.paid"];
        assert_eq!(column(&all, "type"), types);
        assert_eq!(run(bare(&db), "log tail --json").await.ok(), all, "no code is needed");
        let types = async |line: &str| column(&run(&db, line).await.ok(), "type");
        assert_eq!(types("log tail --json -n 2").await, ["bill.opened", "bill.paid"]);
        assert_eq!(types("log tail --json -n 1 --type guest.* --type bill.opened").await, ["bill.opened"]);
        assert_eq!(types("log tail --json --category bill").await, ["bill.opened", "bill.paid"]);
        assert_eq!(types("log tail --json --stream guest-2").await, ["guest.created", "guest.deleted"]);
        assert_eq!(types("log tail --json --actor bob --since 1h").await, ["guest.updated"]);
        assert_eq!(types("log tail --json --until 1h").await, Vec::<Value>::new());
        let table = run(&db, "log tail -n 2 --category guest").await.ok();
        let table: Vec<_> = table.lines().collect();
        assert_eq!(table.len(), 3, "{table:?}");
        assert!(table[0].starts_with("POSITION  RECORDED"), "{table:?}");
        assert!(table[2].contains("guest.updated") && table[2].ends_with("bob    age"), "{table:?}");
    }

    async fn one_event_is_shown_by_position_and_by_id(db: Database) {
        fill(&db).await;
        let last = lines(&run(&db, "log tail --json").await.ok()).pop().unwrap();
        let by_position = run(&db, &format!("log show {} --json", last["position"])).await.json();
        assert_eq!(by_position, last);
        let by_id = run(bare(&db), &format!("log show {} --json", last["id"].as_str().unwrap())).await.json();
        assert_eq!(by_id, last);
        let people = run(&db, &format!("log show {}", last["position"])).await.ok();
        assert!(people.contains("bill.paid") && people.contains("\"cents\": 250"), "{people}");
        run(&db, "log show 99999").await.fails(Exit::Failed, &["no position 99999 yet", "it reaches to"]);
        let other = "log show 0190c6a0-0000-7000-8000-000000000000";
        run(&db, other).await.fails(Exit::Failed, &["no event of the log has the id"]);
        run(&db, "log show first").await.fails(Exit::Usage, &["write a position such as 42"]);
    }

    async fn a_position_that_was_given_up_is_shown_as_such(db: Database) {
        let tombstone = LogEntry::Tombstone(Position::new(1));
        db.store().admin().append_entries(vec![tombstone]).await.unwrap();
        fill(&db).await;
        let shown = run(&db, "log show 1 --json").await.json();
        assert_eq!(shown, json!({ "position": 1, "tombstone": true }));
        assert!(run(&db, "log show 1").await.ok().contains("tombstone"));
        assert_eq!(run(&db, "log stats --json").await.json()["tombstones"], 1);
        assert_eq!(run(&db, "log tail --json").await.ok().lines().count(), 6);
    }

    async fn statistics_count_events_and_streams(db: Database) {
        fill(&db).await;
        let stats = run(bare(&db), "log stats --json").await.json();
        assert_eq!((&stats["events"], &stats["types"]["guest.created"]["events"]), (&json!(6), &json!(2)));
        let guest = &stats["categories"]["guest"];
        assert_eq!((&guest["streams"], &guest["events"], &guest["longest_stream"]), (&json!(2), &json!(4), &json!(2)));
        assert!(stats["bytes"].as_u64().unwrap() > 600);
        assert!(stats["first"]["position"].as_i64().unwrap() < stats["last"]["position"].as_i64().unwrap());
        let people = run(&db, "log stats").await.ok();
        assert!(people.starts_with("6 events in 3 streams"), "{people}");
    }

    async fn a_tracked_stream_is_shown_without_its_code(db: Database) {
        fill(&db).await;
        for target in [(&db).into(), bare(&db)] {
            let now = run(target, "stream show guest-1 --json").await.json();
            assert_eq!(now["state"], json!({ "_id": 1, "name": "Ada", "age": 37 }));
            assert_eq!((&now["version"], &now["live"]), (&json!(2), &json!(true)));
        }
        let state = async |line: &str| run(bare(&db), line).await.json()["state"].clone();
        assert_eq!(state("stream show guest-1 --at-version 1 --json").await["age"], 36);
        let events = lines(&run(&db, "stream show guest-1 --history --json").await.ok());
        let then = events[0]["recorded_at"].as_str().unwrap();
        let age = state(&format!("stream show guest-1 --as-of {then} --json")).await["age"].clone();
        assert!(age == 36 || events[0]["recorded_at"] == events[1]["recorded_at"], "{age}");
        let changed = run(bare(&db), "stream show guest-1 --diff --json --at-version 2").await.json();
        assert_eq!(changed["changes"], json!([{ "path": "age", "old": 36, "new": 37 }]));
        assert_eq!(changed["actor"], "bob");
        let people = run(bare(&db), "stream show guest-1 --diff").await.ok();
        assert!(people.contains("+ name: \"Ada\"") && people.contains("- age: 36\n+ age: 37"), "{people}");
        let deleted = run(bare(&db), "stream show guest-2").await.ok();
        assert!(deleted.contains("version  2, deleted"), "{deleted}");
        assert_eq!(run(bare(&db), "stream show guest-2 --json").await.json()["state"], Value::Null);
        run(&db, "stream show guest-1 --at-version 3").await.fails(Exit::Failed, &["its last version is 2"]);
        run(&db, "stream show guest-1 --as-of 2020-01-01").await.fails(Exit::Failed, &["it begins with version 1 at"]);
    }

    async fn a_sourced_stream_needs_its_code_but_for_its_events(db: Database) {
        fill(&db).await;
        let state = run(&db, "stream show bill-b-1 --json").await.json()["state"].clone();
        assert_eq!(state, json!({ "_id": "b-1", "cents": 250 }));
        let changed = run(&db, "stream show bill-b-1 --diff --json --at-version 2").await.json();
        assert_eq!(changed["changes"], json!([{ "path": "cents", "old": 0, "new": 250 }]));
        let ran = run(bare(&db), "stream show bill-b-1").await;
        assert_eq!(ran.out, "");
        ran.fails(Exit::NeedsCode, &["bill", "earnorm::cli::run()", "stream show bill-b-1 --history"]);
        let history = run(bare(&db), "stream show bill-b-1 --history --json").await.ok();
        assert_eq!(column(&history, "type"), ["bill.opened", "bill.paid"]);
        assert!(run(bare(&db), "stream show bill-b-1 --history").await.ok().contains("cents: 250"));
    }

    async fn models_are_known_from_the_program_and_from_the_store(db: Database) {
        fill(&db).await;
        for (target, linked) in [((&db).into(), true), (bare(&db), false)] {
            let models = run(target, "models --json").await.json();
            let names: Vec<_> = models.as_array().unwrap().iter().map(|model| model["name"].clone()).collect();
            assert_eq!(names, ["bill", "guest"]);
            let guest = &models[1];
            assert_eq!((&guest["kind"], &guest["soft_delete"]), (&json!("tracked"), &json!(true)));
            assert_eq!((&guest["linked"], &guest["version"]), (&json!(linked), &json!(1)));
            assert_eq!(guest["documents"], 2);
            assert_eq!(guest["indexes"].as_array().unwrap().len(), 2);
        }
        let table = run(bare(&db), "models guest").await.ok();
        assert!(table.contains("unique name; age, _id") && table.contains("the store"), "{table}");
    }

    async fn hooks_stand_in_the_order_in_which_they_run(db: Database) {
        let hooks = run(&db, "hooks --json").await.json();
        let plan = |on: &str| -> Vec<_> {
            let of = hooks.as_array().unwrap().iter().filter(|hook| hook["on"] == on);
            of.map(|hook| hook["hook"].as_str().unwrap().rsplit("::").next().unwrap().to_owned()).collect()
        };
        assert_eq!(plan("create"), ["early", "late", "greet"]);
        assert_eq!(plan("update"), ["early", "late"]);
        assert!(plan("delete").is_empty());
        assert!(run(&db, "hooks guest").await.ok().contains("post_create"));
        assert_eq!(run(&db, "hooks bill").await.ok(), "");
        run(bare(&db), "hooks").await.fails(Exit::NeedsCode, &["plan of hooks", "earnorm::cli::run()"]);
    }
}
