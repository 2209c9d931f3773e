//! What the command says, with a password on its command line, in its environment, and behind an open connection.

use std::process::{Command, Output, Stdio};

use earnorm::cli::{Io, run_with};

use super::addresses::addresses;
use super::watch::{assert_silent, begin};
use super::*;

#[track_caller]
fn clean_output(what: &str, output: &Output) {
    for text in [&output.stdout, &output.stderr] {
        assert_eq!(found(&String::from_utf8_lossy(text)), None, "{what}: {output:?}");
    }
}

/// Runs the command in this process and looks at what it says.
async fn say(args: &[&str]) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let exit = run_with([&["earnorm"], args].concat(), Io::plain(&mut out, &mut err)).await;
    for text in [out, err] {
        let text = String::from_utf8_lossy(&text);
        assert_eq!(found(&text), None, "{args:?} ended with {exit:?}: {text}");
    }
}

#[tokio::test]
async fn a_command_line_with_a_password_is_not_repeated() {
    begin();
    let tries = addresses().map(|uri| async move {
        say(&["--store", &uri, "doctor", "--connect-timeout", "1"]).await;
        let joined = format!("--store={uri}");
        for args in [
            [&joined, "lgo", "tail"],
            ["--stroe", &uri, "models"],
            [&uri, "log", "tail"],
            ["log", "show", &uri],
            ["stream", "show", &uri],
            ["verify", &uri, &uri],
            ["log", "tail", &format!("--since={uri}")],
            ["truncate", &uri, &joined],
        ] {
            for more in [&["--connect-timeout", "0"], &["--json", "--color=always"]] {
                say(&[args.as_slice(), more].concat()).await;
            }
        }
    });
    futures::future::join_all(tries).await;
    assert_silent();
}

#[test]
fn a_password_in_the_environment_is_not_shown() {
    let uri = format!("mongodb://ada:{MARK}@127.0.0.1:1/app?replicaSet=rs0");
    let lines: [&[&str]; 6] = [
        &["doctor"],
        &["doctor", "--json"],
        &["--help"],
        &["log", "tail", "--help"],
        &["stream", "show", "user-1"],
        &["no-such-command"],
    ];
    let run = |args: &&[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_earnorm"));
        command.env("EARNORM_STORE", &uri).env("RUST_BACKTRACE", "1").env("RUST_LOG", "trace");
        command.args(*args).args(["--connect-timeout", "1"]).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    for (args, child) in lines.iter().zip(lines.iter().map(run).collect::<Vec<_>>()) {
        clean_output(&format!("{args:?}"), &child.wait_with_output().unwrap());
    }
}
