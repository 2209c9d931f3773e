//! The command as a process of its own, on MongoDB.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Output, Stdio};

use earnorm::prelude::*;

use super::{Guest, fill, registry};
use crate::support::{database_name, drop_database, mongodb, mongodb_uri};

fn command(database: &str, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_earnorm"));
    command.env("EARNORM_STORE", mongodb_uri()).env("EARNORM_DATABASE", database).env_remove("NO_COLOR");
    command.args(line.split_whitespace()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn text(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Ends with its test, however that ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn with_data(case: impl AsyncFnOnce(&Database, &str)) {
    let name = database_name();
    let db = mongodb(registry(), &name).await;
    fill(&db).await;
    case(&db, &name).await;
    db.close().await.unwrap();
    drop_database(&name).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_binary_reads_what_a_program_wrote() {
    with_data(async |_, name| {
        let (code, out, err) = text(&command(name, "stream show guest-1 --json").output().unwrap());
        assert_eq!((code, err.as_str()), (Some(0), ""));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&out).unwrap()["state"]["age"], 37);
        let (code, out, err) = text(&command(name, "log tail").output().unwrap());
        assert_eq!((code, out.lines().count(), err.as_str()), (Some(0), 7, ""));
        assert!(!out.contains('\u{1b}'), "a pipe is no terminal");
        let (_, out, _) = text(&command(name, "log tail --color always").output().unwrap());
        assert!(out.contains('\u{1b}'));
        let (code, _, err) = text(&command(name, "hooks").output().unwrap());
        assert_eq!(code, Some(4), "{err}");
        let (code, _, err) = text(&command(name, "stream show bill-b-1").output().unwrap());
        assert_eq!(code, Some(4), "{err}");
        let (code, out, err) = text(&command(name, "doctor").output().unwrap());
        assert_eq!(code, Some(0), "{out}{err}");
        for part in ["the mongodb store answers", "replica set", "clock", "high-water mark", "0 problems, 0 warnings"] {
            assert!(out.contains(part), "{part} is not in {out}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_goes_away_is_no_error() {
    with_data(async |db, name| {
        let guests = (100..600).map(|id| Guest { id, name: format!("{id}{}", "x".repeat(900)), age: 1 });
        db.create_many(guests).await.unwrap();
        for line in ["log tail -n 600 --json", "log tail -n 600", "export -"] {
            let mut child = command(name, line).spawn().unwrap();
            let mut out = BufReader::new(child.stdout.take().unwrap());
            let mut first = String::new();
            out.read_line(&mut first).unwrap();
            drop(out);
            let output = child.wait_with_output().unwrap();
            assert!(!first.is_empty());
            assert_eq!(text(&output), (Some(0), String::new(), String::new()), "{line}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn follow_shows_what_comes_until_it_is_interrupted() {
    with_data(async |db, name| {
        let mut child = Running(command(name, "log tail -n 1 --follow --json").spawn().unwrap());
        let mut out = BufReader::new(child.0.stdout.take().unwrap());
        let mut next = || {
            let mut line = String::new();
            out.read_line(&mut line).unwrap();
            serde_json::from_str::<serde_json::Value>(&line).unwrap()
        };
        assert_eq!(next()["type"], "bill.paid");
        db.create(Guest { id: 50, name: "Late".into(), age: 1 }).await.unwrap();
        assert_eq!(next()["stream"], "guest-50");
        let signalled = Command::new("kill").args(["-INT", &child.0.id().to_string()]).status().unwrap();
        assert!(signalled.success());
        let status = child.0.wait().unwrap();
        let mut err = String::new();
        child.0.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        assert_eq!(status.code(), Some(130), "{err}");
        assert!(err.contains("interrupted"), "{err}");
    })
    .await;
}

#[test]
fn a_password_is_never_shown() {
    let secret = "hunter2";
    let uri = format!("mongodb://ada:{secret}@127.0.0.1:1/app");
    let lines = [
        vec!["doctor"],
        vec!["doctor", "--json"],
        vec!["doctor", "--help"],
        vec!["--store", &uri, "models"],
        vec![&uri],
        vec!["--stroe", &uri, "models"],
        vec!["log", "show", &uri],
        vec!["stream", "show", &uri],
    ];
    for args in lines {
        let mut command = command("x", "");
        let output = command.env("EARNORM_STORE", &uri).args(&args).args(["--connect-timeout", "1"]).output().unwrap();
        let (code, out, err) = text(&output);
        assert!(!out.contains(secret) && !err.contains(secret), "{args:?}: {out}{err}");
        assert!([Some(0), Some(2), Some(3)].contains(&code), "{args:?}: {code:?} {err}");
    }
    let mut unreachable = command("x", "models --connect-timeout 1");
    let (code, _, err) = text(&unreachable.env("EARNORM_STORE", &uri).output().unwrap());
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains("cannot connect to mongodb://ada:***@127.0.0.1:1/app"), "{err}");
}
