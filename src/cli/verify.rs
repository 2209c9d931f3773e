//! `verify`: state documents beside the log.

use serde_json::{Value, json};

use super::exit::{Exit, Outcome};
use super::open::Opened;
use super::out::Out;
use super::table::{Grid, Tone};
use super::{text, work};
use crate::replay::{Difference, Kind, Verified};

/// Folds every stream and compares it with its state document. Exit code 1 when there are differences.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only these models.
    #[arg(value_name = "MODEL")]
    models: Vec<String>,
    /// Record edits that were made outside the library as events of the actor `outside`.
    #[arg(long)]
    record_outside_edits: bool,
}

pub(super) async fn run(args: &Args, opened: &Opened, out: &mut Out<'_>) -> Outcome {
    let mut chosen = work::choose(&args.models, opened)?;
    let mut results = Vec::new();
    for (model, replay) in &chosen.ready {
        let bar = out.bar(&model.name);
        let mut verify = replay.verify().on_progress(bar.teller());
        if args.record_outside_edits {
            verify = verify.record_outside_edits();
        }
        match verify.run().await {
            Ok(verified) => results.push((model.name.clone(), verified)),
            Err(crate::Error::NeedsCode { .. }) if args.models.is_empty() => chosen.need_code.push(model.name.clone()),
            Err(error) => return Err(error.into()),
        }
    }
    if out.is_json() {
        out.document(&json_of(&results, &chosen.need_code))?
    } else {
        say(&results, out)?
    }
    let code = chosen.end(out);
    let open = |verified: &Verified| verified.differences.len() as u64 > verified.recorded;
    Ok(if results.iter().any(|(_, verified)| open(verified)) { Exit::Found } else { code })
}

fn say(results: &[(String, Verified)], out: &mut Out<'_>) -> Outcome<()> {
    let mut grid = Grid::new(&["model", ">streams", ">documents", ">differences", ">recorded"]);
    for (model, verified) in results {
        let Verified { streams, documents, differences, recorded, .. } = verified;
        let numbers = [*streams, *documents, differences.len() as u64, *recorded].map(|number| number.to_string());
        grid.row([model.clone()].into_iter().chain(numbers));
        grid.tone(3, if differences.is_empty() { Tone::Good } else { Tone::Bad });
    }
    if !grid.is_empty() {
        out.table(&grid)?;
    }
    let mut list = Grid::new(&["stream", "difference"]);
    for difference in results.iter().flat_map(|(_, verified)| &verified.differences) {
        let line = difference.to_string();
        let told = line.strip_prefix(&format!("{}: ", difference.stream)).unwrap_or(&line).to_owned();
        list.row([difference.stream.clone(), told]);
    }
    if !list.is_empty() {
        out.line("")?;
        out.table(&list)?;
        out.note(
            "\nThe log is right: `rebuild` makes the documents anew, `verify --record-outside-edits` keeps edits.",
        );
    }
    Ok(())
}

fn json_of(results: &[(String, Verified)], need_code: &[String]) -> Value {
    let models = results.iter().map(|(model, verified)| {
        json!({
            "model": model,
            "streams": verified.streams,
            "documents": verified.documents,
            "recorded": verified.recorded,
            "differences": verified.differences.iter().map(difference).collect::<Vec<_>>(),
        })
    });
    json!({ "models": models.collect::<Vec<_>>(), "need_code": need_code })
}

fn difference(difference: &Difference) -> Value {
    let (kind, paths) = match &difference.kind {
        Kind::Missing => ("missing", None),
        Kind::Deleted => ("deleted", None),
        Kind::NoEvents => ("no_events", None),
        Kind::Version { .. } => ("version", None),
        Kind::Content { changes } => ("content", Some(changes.paths())),
        Kind::Unreadable { .. } => ("unreadable", None),
        _ => ("other", None),
    };
    json!({
        "stream": difference.stream,
        "id": difference.id.as_ref().map(text::json_of),
        "version": difference.version,
        "kind": kind,
        "paths": paths,
        "message": difference.to_string(),
    })
}
