//! Without code, tracked streams are folded up to a change of schema version.

use bson::doc;
use earnorm::cli::Exit;
use earnorm::commit::{Append, Commit};
use earnorm::event::NewEvent;
use earnorm::prelude::*;
use earnorm::store::{Own, PutRule};
use earnorm::stream::{ExpectedVersion, StreamId};

use super::{bare, registry, run};

fn event(name: &str, schema_version: u32, data: bson::Document) -> NewEvent {
    NewEvent {
        id: Uuid::now_v7(),
        event_type: format!("sheet.{name}"),
        schema_version,
        data,
        metadata: Metadata::new(),
        recorded_at: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
    }
}

/// A store that a program with `sheet` at schema version 2 has left behind.
async fn write(db: &Database) {
    let mut commit = Commit::new(Uuid::now_v7());
    let change = |field: &str, value: i32| doc! { "changes": [{ "path": field, "old": 1, "new": value }] };
    let events = [
        (
            "a",
            vec![
                event("created", 1, doc! { "_id": "a", "width": 1 }),
                event("updated", 1, change("width", 2)),
                event("updated", 2, change("size.width", 3)),
            ],
        ),
        ("b", vec![event("created", 1, doc! { "_id": "b", "width": 7 })]),
    ];
    for (key, events) in events {
        let stream = StreamId::new("sheet", key).unwrap();
        commit.appends.push(Append { stream, expected: ExpectedVersion::NoStream, not_before: None, events });
    }
    db.store().commit(commit).await.unwrap();
    let admin = db.store().admin();
    let note = doc! {
        "_id": "sheet", "collection": "sheets", "version": 2_i64, "kind": "tracked", "soft_delete": false,
        "indexes": [], "rust_path": "office::Sheet",
    };
    admin.put(&admin.own(Own::Models), vec![note], PutRule::Always).await.unwrap();
}

every_store! {
    async fn states_are_shown_up_to_a_change_of_schema_version(db: Database) {
        write(&db).await;
        for target in [bare(&db), (&db).into()] {
            let state = run(target, "stream show sheet-a --at-version 2 --json").await.json()["state"].clone();
            assert_eq!(state["width"], 2);
        }
        let old = run(bare(&db), "stream show sheet-b --json").await.json()["state"].clone();
        assert_eq!(old["width"], 7, "a stream that never changed its version is shown in its own");
        let ran = run(bare(&db), "stream show sheet-a").await;
        ran.fails(Exit::NeedsCode, &["sheet", "earnorm::cli::run()", "--history"]);
        assert_eq!(run(bare(&db), "stream show sheet-a --history --json").await.ok().lines().count(), 3);
    }

    async fn work_on_all_models_leaves_out_those_that_need_code(db: Database) {
        write(&db).await;
        for line in ["verify --json", "rebuild --json", "upgrade --json"] {
            let ran = run(bare(&db), line).await;
            assert!([Exit::NeedsCode, Exit::Found].contains(&ran.exit), "{line}: {ran:?}");
            let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
            assert!(report["need_code"].as_array().unwrap().contains(&"bill".into()), "{line}: {report}");
        }
        run(bare(&db), "verify bill").await.fails(Exit::NeedsCode, &["bill", "earnorm::cli::run()"]);
        run(&db, "doctor --json").await.ok();
        let warned = run(&db, "doctor --brief").await.ok();
        assert!(warned.contains("this program does not"), "{warned}");
        assert_eq!(run(&db, "doctor --strict").await.exit, Exit::Found);
    }
}
