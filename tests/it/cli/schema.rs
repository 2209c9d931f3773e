//! `schema`: the lock file of shapes, written, compared, and kept when stored data could not be read any more.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use earnorm::Registry;
use earnorm::cli::{Exit, Target};
use earnorm::prelude::*;

use super::{Bill, Guest, bare, registry, run_args};

/// What `Guest` is after a careless change.
#[model(name = "guest", collection = "guests", soft_delete)]
#[derive(Debug, Clone)]
struct Careless {
    #[model(id)]
    id: i64,
    #[model(unique)]
    name: String,
    #[model(index)]
    age: String,
}

/// A lock file that goes with the test.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("earnorm-cli-{}.lock.json", Uuid::now_v7())))
    }

    fn text(&self) -> String {
        std::fs::read_to_string(&self.0).unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn schema(target: impl Into<Target>, command: &str, file: &Path) -> super::Ran {
    let args = ["schema"].into_iter().chain(command.split(' ')).chain(["--file", file.to_str().unwrap()]);
    run_args(target, args).await
}

/// The same store, for a program with other models.
async fn program(db: &Database, registry: Registry) -> Database {
    Database::builder().registry(registry).store(Arc::clone(db.store())).await.unwrap()
}

every_store! {
    async fn a_lock_is_written_once_and_compared(db: Database) {
        let place = Place::new();
        let missing = schema(&db, "check", &place.0).await;
        missing.fails(Exit::Failed, &["there is no lock file", "`shop cli schema lock`"]);
        assert!(schema(&db, "lock", &place.0).await.ok().ends_with(": written\n"));
        let text = place.text();
        assert!(text.contains("\"guest\"") && text.contains("\"bill.paid\""), "{text}");
        assert!(schema(&db, "lock", &place.0).await.ok().ends_with(": up to date\n"));
        assert_eq!(schema(&db, "check", &place.0).await.ok(), "");
        let json = schema(&db, "check --json", &place.0).await.json();
        assert_eq!(json["changes"], serde_json::json!([]));
        assert_eq!(schema(&db, "lock --json", &place.0).await.json()["written"], false);
        assert_eq!(place.text(), text);
    }

    async fn a_lock_is_not_written_over_when_stored_data_could_not_be_read(db: Database) {
        let place = Place::new();
        schema(&db, "lock", &place.0).await.ok();
        let text = place.text();
        let careless = program(&db, Registry::empty().model::<Careless>().model::<Bill>()).await;
        for command in ["check", "lock"] {
            let ran = schema(&careless, command, &place.0).await;
            assert_eq!(ran.exit, Exit::Found, "{ran:?}");
            assert!(ran.out.contains("incompatible: model `guest`: `age` was `i32` and is `String`"), "{ran:?}");
            assert!(ran.out.contains("#[upcast(model = Careless, from = 1)]"), "{ran:?}");
        }
        let ran = schema(&careless, "lock --json", &place.0).await;
        let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!((ran.exit, json["written"].as_bool()), (Exit::Found, Some(false)));
        let change = &json["changes"][0];
        assert_eq!((change["kind"].as_str(), change["field"].as_str()), (Some("incompatible"), Some("age")));
        assert_eq!(place.text(), text);
    }

    async fn a_lock_that_is_only_old_is_found_and_brought_up_to_date(db: Database) {
        let place = Place::new();
        let some = program(&db, Registry::empty().model::<Guest>()).await;
        schema(&some, "lock", &place.0).await.ok();
        let ran = schema(&db, "check", &place.0).await;
        assert_eq!(ran.exit, Exit::Found, "{ran:?}");
        assert!(ran.out.contains("out of date: model `bill` is new"), "{ran:?}");
        schema(&db, "lock", &place.0).await.ok();
        schema(&db, "check", &place.0).await.ok();
    }

    async fn without_the_models_their_shape_is_not_known(db: Database) {
        let place = Place::new();
        for command in ["lock", "check"] {
            schema(bare(&db), command, &place.0).await.fails(Exit::NeedsCode, &["earnorm::cli::run()"]);
        }
        assert!(!place.0.exists());
    }

    async fn a_file_that_is_no_lock_is_left_alone(db: Database) {
        let place = Place::new();
        std::fs::write(&place.0, "<<<<<<< HEAD").unwrap();
        for command in ["lock", "check"] {
            schema(&db, command, &place.0).await.fails(Exit::Failed, &["cannot be read as a lock", "restore it"]);
        }
        assert_eq!(place.text(), "<<<<<<< HEAD");
        schema(&db, "lock", &place.0.join("below")).await.fails(Exit::Failed, &["could not read"]);
    }
}
