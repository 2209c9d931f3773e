//! The command as a process of its own, on a store in one file that is named by its path.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use earnorm::prelude::*;

use super::{Guest, fill, registry};
use crate::support::{DatabaseFile, sqlite};

fn earnorm(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_earnorm"));
    command.env_remove("EARNORM_STORE").env_remove("EARNORM_DATABASE").args(args).stdin(Stdio::null());
    command.output().unwrap()
}

#[track_caller]
fn ok(args: &[&str]) -> String {
    let output = earnorm(args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_is_a_store_and_its_log_moves_to_another_file() {
    let (from, to, lines) = (DatabaseFile::new(), DatabaseFile::new(), DatabaseFile::new());
    let path = |file: &DatabaseFile| file.uri().strip_prefix("sqlite:").unwrap().to_owned();
    let (first, second, lines) = (path(&from), path(&to), path(&lines));
    let db = sqlite(registry(), &from).await;
    fill(&db).await;
    // The program goes on while the command looks.
    let events = ok(&["--store", &first, "log", "tail", "--json"]);
    assert_eq!(events.lines().count(), db.events().all().await.unwrap().len());
    db.close().await.unwrap();
    assert!(ok(&["--store", &first, "stream", "show", "guest-1"]).contains("37"));
    assert!(ok(&["--store", &first, "doctor"]).contains("sqlite"));

    ok(&["--store", &first, "export", &lines]);
    // Only an import makes the file that is named.
    let output = earnorm(&["--store", &second, "log", "stats"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(3) && said.contains("there is no file"), "{said}");
    assert!(!Path::new(&second).exists());
    ok(&["--store", &second, "import", &lines]);
    assert_eq!(ok(&["--store", &second, "log", "tail", "--json"]), events);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_whose_text_was_damaged_is_found_and_the_others_are_read() {
    let (file, lines) = (DatabaseFile::new(), DatabaseFile::new());
    let path = file.uri().strip_prefix("sqlite:").unwrap().to_owned();
    let db = sqlite(registry(), &file).await;
    fill(&db).await;
    let before = db.events().all().await.unwrap().len();
    let damage = rusqlite::Connection::open(&path).unwrap();
    assert_eq!(damage.execute("UPDATE events SET data = '{' WHERE stream = 'guest-1' AND version = 1", ()), Ok(1));
    assert_eq!(db.events().all().await.unwrap().len(), before, "its place and type are known");
    let verified = db.verify::<Guest>().unwrap().run().await.unwrap();
    let [difference] = verified.differences.as_slice() else { panic!("{verified:?}") };
    let said = difference.to_string();
    assert!(said.contains("guest-1") && said.contains("version 1") && said.contains("not extended JSON"), "{said}");
    let error = Guest::at_version(&db, 1, 1).await.unwrap_err().to_string();
    assert!(error.contains("guest.created of guest-1 version 1"), "{error}");
    assert_eq!(Guest::get(&db, 1).await.unwrap().unwrap().age, 37, "the document stands for itself");
    db.close().await.unwrap();

    let lines = lines.uri().strip_prefix("sqlite:").unwrap().to_owned();
    for args in [["verify", "--json"].as_slice(), &["export", &lines], &["log", "show", "1"]] {
        let output = earnorm(&[["--store", path.as_str()].as_slice(), args].concat());
        let said = format!("{output:?}");
        assert!(!output.status.success() && said.contains("guest-1"), "{said}");
    }
    assert!(ok(&["--store", &path, "log", "tail"]).contains("guest.created"));
}
