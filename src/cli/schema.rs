//! `schema`: the lock file of shapes. It is made of the program's own code: no store is needed.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::exit::{Exit, Outcome, Stop};
use super::open::{Target, has_models, needs_code};
use super::out::Out;
use super::table::Tone;
use super::text;
use crate::__lock_file::LockFile;
use crate::Registry;
use crate::shape::{Change, ChangeKind};

/// What is stored of each model and event, in a file to commit.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Write the shapes of today to the file, unless stored data could not be read any more.
    Lock(Args),
    /// Compare the shapes of today with the file; exit code 1 when they differ.
    Check(Args),
}

/// Which file.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The lock file.
    #[arg(long, value_name = "PATH", default_value = "earnorm.lock.json")]
    file: PathBuf,
}

pub(super) fn run(command: &Command, target: &Target, out: &mut Out<'_>) -> Outcome {
    let collected;
    let registry = match target {
        Target::Database(db) => db.registry(),
        Target::Address if has_models() => {
            collected = Registry::collected();
            &collected
        }
        Target::Address | Target::Store(_) => return Err(needs_code("the shape of what is stored")),
    };
    match command {
        Command::Lock(args) => lock(args, registry, out),
        Command::Check(args) => check(args, registry, out),
    }
}

fn lock(args: &Args, registry: &Registry, out: &mut Out<'_>) -> Outcome {
    let file = LockFile::compare(&args.file, registry).map_err(Stop::failed)?;
    let refused = file.incompatible().next().is_some();
    let written = !refused && (file.missing || !file.changes.is_empty());
    if written {
        file.write().map_err(Stop::failed)?;
    }
    let shown = args.file.to_string_lossy();
    if out.is_json() {
        out.document(&json!({ "file": shown, "written": written, "changes": json_of(&file.changes) }))?;
    } else if refused {
        tell(file.incompatible(), out)?;
    } else {
        let done = if written { "written" } else { "up to date" };
        out.line(format!("{}: {done}", text::clean(&shown)))?;
    }
    if refused {
        out.note("the lock file was left as it is");
        return Ok(Exit::Found);
    }
    Ok(Exit::Ok)
}

fn check(args: &Args, registry: &Registry, out: &mut Out<'_>) -> Outcome {
    let file = LockFile::compare(&args.file, registry).map_err(Stop::failed)?;
    let shown = args.file.to_string_lossy();
    if file.missing {
        let hint = format!("write it with `{} schema lock`, and commit it", out.program());
        return Err(Stop::failed(format!("there is no lock file {shown}")).hint(hint));
    }
    if out.is_json() {
        out.document(&json!({ "file": shown, "changes": json_of(&file.changes) }))?;
    } else {
        tell(file.changes.iter(), out)?;
    }
    Ok(if file.changes.is_empty() { Exit::Ok } else { Exit::Found })
}

fn tell<'c>(changes: impl Iterator<Item = &'c Change>, out: &mut Out<'_>) -> Outcome<()> {
    for change in changes {
        let tone = if change.kind == ChangeKind::Incompatible { Tone::Bad } else { Tone::Warn };
        let word = out.toned(tone, word(change.kind));
        out.line(format!("{word}: {}", text::clean(&change.to_string())))?;
    }
    Ok(())
}

fn word(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Incompatible => "incompatible",
        _ => "out of date",
    }
}

fn json_of(changes: &[Change]) -> Value {
    let changes = changes.iter().map(|change| {
        json!({
            "kind": word(change.kind),
            "subject": change.subject,
            "field": change.field,
            "what": change.what,
            "cure": change.cure,
        })
    });
    Value::Array(changes.collect())
}
