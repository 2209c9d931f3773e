//! Stored data that would control a terminal, and data that are merely long.

use earnorm::prelude::*;

use super::{Guest, bare, registry, run, run_args};

const HOSTILE: &str = "\u{1b}[31mred\u{1b}]0;title\u{7}\r\n\u{9b}2J\u{202e}gnp.exe\u{7f}";

#[track_caller]
fn assert_harmless(text: &str) {
    let hostile = text.chars().find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}');
    assert_eq!(hostile, None, "{text:?}");
}

every_store! {
    async fn stored_text_never_reaches_the_terminal_as_a_command(db: Database) {
        let hostile = db.with_metadata(Metadata::new().actor(HOSTILE).extra("note", HOSTILE));
        let mut guest = hostile.create(Guest { id: 7, name: HOSTILE.into(), age: 1 }).await.unwrap();
        guest.age = 2;
        guest.save(&hostile).await.unwrap();
        let lines = [
            "log tail", "log tail --json", "log show 1", "log show 1 --json", "stream show guest-7",
            "stream show guest-7 --diff", "stream show guest-7 --history", "stream show guest-7 --json", "models",
            "verify", "log stats",
        ];
        for line in lines {
            for target in [(&db).into(), bare(&db)] {
                let ran = run(target, line).await;
                assert_harmless(&ran.out);
                assert_harmless(&ran.err);
            }
        }
        let state = run(&db, "stream show guest-7 --json").await.json();
        assert_eq!(state["state"]["name"], HOSTILE, "programs read what is stored");
        let tail = run(&db, "log tail").await.ok();
        assert_eq!(tail.lines().count(), 3, "line ends in data do not break rows: {tail}");
        for args in [["stream", "show", HOSTILE], ["verify", "--", HOSTILE], ["log", "show", HOSTILE]] {
            let ran = run_args(&db, args).await;
            assert_harmless(&ran.err);
        }
    }

    async fn long_data_are_cut_in_tables_and_whole_in_json(db: Database) {
        let name = "ü".repeat(5_000);
        db.create(Guest { id: 8, name: name.clone(), age: 1 }).await.unwrap();
        let tail = run(&db, "log tail").await.ok();
        assert!(tail.lines().all(|line| line.chars().count() < 250), "{tail}");
        assert_eq!(run(&db, "log show 1 --json").await.json()["data"]["name"], name);
    }
}
