//! Upkeep through the command: verify, rebuild, adopt, export, import, truncate, doctor.

use std::path::PathBuf;

use bson::doc;
use earnorm::cli::Exit;
use earnorm::predicate::Predicate;
use earnorm::prelude::*;
use earnorm::store::PutRule;

use super::{bare, fill, registry, run};

/// A directory of this test's own, which goes with it.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("earnorm-cli-{}", Uuid::now_v7().simple()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

every_store! {
    async fn a_damaged_document_is_found_and_rebuilt(db: Database) {
        fill(&db).await;
        let whole = run(&db, "verify --json").await.json();
        assert_eq!(whole["models"].as_array().unwrap().len(), 2);
        let admin = db.store().admin();
        let mut document = db.store().get("guests", &1_i64.into()).await.unwrap().unwrap();
        document.insert("age", 99);
        admin.put("guests", vec![document], PutRule::Always).await.unwrap();
        admin.remove("bills", &Predicate::always()).await.unwrap();
        let ran = run(&db, "verify").await;
        assert_eq!(ran.exit, Exit::Found);
        assert!(ran.out.contains("guest-1") && ran.out.contains("age") && ran.out.contains("missing"), "{ran:?}");
        let ran = run(bare(&db), "verify guest --json").await;
        let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        let difference = &report["models"][0]["differences"][0];
        assert_eq!((ran.exit, &difference["kind"], &difference["paths"][0]), (Exit::Found, &"content".into(), &"age".into()));
        assert!(run(bare(&db), "rebuild guest").await.ok().contains("guest"));
        run(&db, "rebuild").await.ok();
        run(&db, "verify").await.ok();
        assert_eq!(run(&db, "upgrade --json").await.json()["models"][0]["upgraded"], 0);
    }

    async fn documents_from_before_are_adopted(db: Database) {
        let old = [doc! { "_id": 5_i64, "name": "Old", "age": 80 }, doc! { "_id": 6_i64, "name": "Odd", "age": "?" }];
        db.store().admin().put("guests", old.to_vec(), PutRule::Always).await.unwrap();
        assert_eq!(run(&db, "verify").await.exit, Exit::Found);
        let refused = run(&db, "rebuild guest").await;
        refused.fails(Exit::Failed, &["the old documents of `guest` are in place"]);
        let ran = run(&db, "adopt guest --actor import --json").await;
        let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!((ran.exit, &report["adopted"], &report["refused"][0]["id"]), (Exit::Found, &1.into(), &6.into()));
        let tail = run(&db, "log tail --json").await.json();
        assert_eq!((&tail["metadata"]["actor"], &tail["stream"]), (&"import".into(), &"guest-5".into()));
        run(&db, "rebuild guest --drop-unknown").await.fails(Exit::Usage, &["--yes guest"]);
        run(&db, "rebuild guest --drop-unknown --yes bill").await.fails(Exit::Usage, &["not confirmed"]);
        run(&db, "rebuild guest --drop-unknown --yes guest").await.ok();
        run(&db, "verify").await.ok();
    }

    async fn a_log_moves_by_a_file(db: Database) {
        fill(&db).await;
        let (scratch, other) = (Scratch::new(), crate::support::memory(registry()).await);
        let file = scratch.file("log.jsonl");
        let report = run(bare(&db), &format!("export {file} --json")).await.json();
        assert_eq!(report["events"], 6);
        run(&db, &format!("export {file}")).await.fails(Exit::Failed, &["is there already"]);
        let imported = run(&other, &format!("import {file} --json")).await.json();
        assert_eq!(imported["written"], imported["entries"]);
        assert_eq!(run(&other, &format!("import {file} --json")).await.json()["written"], 0);
        run(&other, "rebuild").await.ok();
        run(&other, "verify").await.ok();
        assert_eq!(run(&other, "log tail --json").await.ok(), run(&db, "log tail --json").await.ok());
        assert_eq!(run(bare(&db), "export -").await.ok().lines().count(), std::fs::read_to_string(&file).unwrap().lines().count());
        let cut = std::fs::read_to_string(&file).unwrap().replace("Ada", "Bob");
        std::fs::write(&file, cut).unwrap();
        run(&other, &format!("import {file}")).await.fails(Exit::Failed, &["line 2 of the import", "checksum"]);
        run(&other, &format!("import {}", scratch.file("none"))).await.fails(Exit::Failed, &["could not open"]);
        assert_eq!(std::fs::read_dir(&scratch.0).unwrap().count(), 1, "nothing unfinished is left");
    }

    async fn the_beginning_of_the_log_is_archived_after_a_confirmation(db: Database) {
        fill(&db).await;
        let (scratch, end) = (Scratch::new(), db.store().high_water().await.unwrap());
        let file = scratch.file("archive.jsonl");
        let line = format!("truncate {end} --archive {file}");
        run(bare(&db), &format!("{line} --yes {end}")).await.fails(Exit::NeedsCode, &["bill"]);
        run(&db, &line).await.fails(Exit::Usage, &["cannot be taken back", &format!("--yes {end}")]);
        run(&db, &format!("{line} --yes 1")).await.fails(Exit::Usage, &["nothing was changed"]);
        assert!(!std::path::Path::new(&file).exists());
        let report = run(&db, &format!("{line} --yes {end} --json")).await.json();
        assert_eq!(report["archived"], 6);
        run(&db, "verify").await.ok();
        run(&db, &format!("log show {end}")).await.fails(Exit::Failed, &["was truncated"]);
        assert!(run(&db, "log stats").await.ok().contains(&format!("truncated up to position {end}")));
        let early = run(&db, "stream show guest-1 --at-version 1").await;
        assert_eq!(early.exit, Exit::Failed, "{early:?}");
        assert_eq!(run(&db, "stream show guest-1 --json").await.json()["state"]["age"], 37);
    }

    async fn the_doctor_says_what_it_looked_at(db: Database) {
        fill(&db).await;
        let report = run(&db, "doctor --json").await.json();
        let subjects: Vec<_> = report["findings"].as_array().unwrap().iter().map(|f| f["subject"].clone()).collect();
        for subject in ["connection", "log", "models", "indexes of models"] {
            assert!(subjects.contains(&subject.into()), "{subject} is not in {report}");
        }
        assert!(run(bare(&db), "doctor --indexes").await.ok().contains("2 models"));
    }
}
