//! `export`: the log as a file.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::exit::{Exit, Outcome, Stop};
use super::open::Opened;
use super::out::Out;
use super::{text, work};
use crate::position::Position;
use crate::transfer::{Export, Exported};

/// Writes every event with its position, id and time as a line of JSON, each proved by a checksum. State documents are
/// not part of it: `rebuild` makes them from the log.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file; it must not be there yet. `-` writes to standard output.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only positions above this one.
    #[arg(long, value_name = "POSITION", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..))]
    after: i64,
    /// Only positions up to this one.
    #[arg(long, value_name = "POSITION", value_parser = clap::value_parser!(i64).range(1..))]
    upto: Option<i64>,
}

pub(super) async fn run(args: &Args, opened: &Opened, out: &mut Out<'_>) -> Outcome {
    let bar = out.bar("exporting");
    let upto = args.upto.map_or(Position::END, Position::new);
    let export = Export::new(opened.store().clone()).after(Position::new(args.after)).upto(upto);
    let export = export.on_progress(bar.teller());
    if args.file == Path::new("-") {
        let exported = export.run(&mut out.raw()).await?;
        drop(bar);
        out.note(told(&exported));
        return Ok(Exit::Ok);
    }
    let exported = to_file(export, &args.file).await?;
    drop(bar);
    if out.is_json() {
        out.document(&json!({
            "file": args.file.to_string_lossy(),
            "events": exported.events,
            "tombstones": exported.tombstones,
            "last": exported.last.get(),
        }))?;
    } else {
        out.line(format!("{} in {}", told(&exported), text::clean(&args.file.to_string_lossy())))?;
    }
    Ok(Exit::Ok)
}

/// Under another name until it is whole.
async fn to_file(export: Export, path: &Path) -> Outcome<Exported> {
    if path.exists() {
        let stop = Stop::failed(format!("{} is there already", path.display()));
        return Err(stop.hint("choose another name: files are never written over"));
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".unfinished");
    let unfinished = PathBuf::from(name);
    let mut file = work::create(&unfinished)?;
    let guard = work::Unfinished::new(&unfinished);
    let exported = export.run(&mut file).await?;
    file.flush()?;
    std::fs::rename(&unfinished, path)
        .map_err(|error| Stop::failed(format!("could not name the export {}: {error}", path.display())))?;
    guard.keep();
    Ok(exported)
}

fn told(exported: &Exported) -> String {
    let (events, tombstones) = (text::count(exported.events, "event"), text::count(exported.tombstones, "tombstone"));
    format!("{events} and {tombstones} up to position {}", exported.last)
}
