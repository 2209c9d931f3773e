//! `import`: a log from a file.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use serde_json::json;

use super::exit::{Exit, Outcome, Stop};
use super::open::Opened;
use super::out::Out;
use super::{text, work};
use crate::transfer::Import;

/// Reads an exported log into a store whose log is empty, or ends where the file goes on. The whole file is checked
/// before anything is written.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file that `export` or `truncate` wrote.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(super) async fn run(args: &Args, opened: &Opened, out: &mut Out<'_>) -> Outcome {
    let name = args.file.display();
    let file = File::open(&args.file).map_err(|error| Stop::failed(format!("could not open {name}: {error}")))?;
    let bar = out.bar("checking the file");
    let import = Import::new(opened.store().clone()).on_progress(bar.teller());
    let mut file = BufReader::with_capacity(1 << 20, work::Watched::new(file, bar, out));
    let imported = import.run(&mut file).await?;
    drop(file);
    if out.is_json() {
        out.document(&json!({ "entries": imported.entries, "written": imported.written }))?;
    } else {
        let (written, entries) = (text::count(imported.written, "entry"), imported.entries);
        out.line(format!("{written} written, of {entries} in the file"))?;
        let program = out.program().to_owned();
        out.note(format!("state documents are not part of a log: `{program} rebuild` makes them"));
    }
    Ok(Exit::Ok)
}
