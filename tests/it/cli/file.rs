//! The command as a process of its own, on a store in one file that is named by its path.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::{fill, registry};
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
