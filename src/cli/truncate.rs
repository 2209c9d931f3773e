//! `truncate`: the beginning of the log into an archive.

use std::path::PathBuf;

use serde_json::json;

use super::exit::{Exit, Outcome, Stop};
use super::open::Opened;
use super::out::Out;
use super::{text, work};
use crate::position::Position;
use crate::transfer::Truncate;

/// Writes a baseline for every instance that reaches back so far, then the old part of the log into an archive, then
/// removes it. History before the baselines is in the archive only.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Everything at or below this position goes.
    #[arg(value_name = "POSITION", value_parser = clap::value_parser!(i64).range(1..))]
    upto: i64,
    /// The archive, a file that is not there yet; `import` reads it.
    #[arg(long, value_name = "FILE")]
    archive: PathBuf,
    /// Confirms it: the position once more.
    #[arg(long, value_name = "POSITION")]
    yes: Option<String>,
}

pub(super) async fn run(args: &Args, opened: &Opened, out: &mut Out<'_>) -> Outcome {
    let upto = Position::new(args.upto);
    // All models, each with its code where that is needed: one that cannot be folded has no baseline.
    let models = work::choose(&[], opened)?;
    if let Some(model) = models.need_code.first() {
        let subject = format!("the log up to position {upto}");
        return Err(crate::Error::NeedsCode { subject, model: model.clone() }.into());
    }
    let what = format!("the log up to position {upto} will be moved to {}", args.archive.display());
    work::confirm(&what, &upto.to_string(), args.yes.as_deref(), out)?;
    let mut archive = work::create(&args.archive)?;
    let bar = out.bar("writing baselines");
    let replays = models.ready.into_iter().map(|(_, replay)| replay).collect();
    let truncate = Truncate::new(opened.reader.clone(), replays, upto).on_progress(bar.teller());
    let done = truncate.run(&mut archive).await.map_err(|error| {
        let archive = args.archive.display();
        Stop::from(error).hint(format!("keep {archive} if it holds events: what is in it may be removed already"))
    })?;
    drop(bar);
    if out.is_json() {
        out.document(&json!({
            "archive": args.archive.to_string_lossy(),
            "baselines": done.baselines,
            "archived": done.archived.events,
            "removed": done.removed,
        }))?;
    } else {
        out.line(format!(
            "{} archived in {}, {} entries removed, {} written",
            text::count(done.archived.events, "event"),
            text::clean(&args.archive.to_string_lossy()),
            done.removed,
            text::count(done.baselines, "baseline"),
        ))?;
    }
    Ok(Exit::Ok)
}
