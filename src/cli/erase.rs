//! `erase`: the personal data of one person.

use serde_json::json;

use super::exit::{Exit, Outcome};
use super::open::{Opened, needs_code};
use super::out::Out;
use super::{text, work};

/// Destroys the keys of the subject's personal data and blanks its documents. The history keeps everything else, and
/// the past reads those fields as erased. Backups and what left the store are out of its reach.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The person whom the data is about: the id that stands in the subject's fields.
    #[arg(value_name = "SUBJECT")]
    subject: String,
    /// Confirms it: the subject once more.
    #[arg(long, value_name = "SUBJECT")]
    yes: Option<String>,
}

pub(super) async fn run(args: &Args, opened: &Opened, out: &mut Out<'_>) -> Outcome {
    let Some(db) = &opened.db else { return Err(needs_code("which fields are personal")) };
    let what = format!("the personal data of `{}` will be erased", text::clean(&args.subject));
    work::confirm(&what, &args.subject, args.yes.as_deref(), out)?;
    let bar = out.bar("erasing");
    let report = db.erase_subject(&args.subject).await?;
    drop(bar);
    if out.is_json() {
        out.document(&json!({
            "subject": args.subject,
            "keys": report.keys,
            "instances": report.instances,
            "events": report.events,
            "documents": report.documents,
            "dead_letters": report.dead_letters,
            "parked": report.parked,
            "snapshots": report.snapshots,
            "projections_to_rebuild": report.projections,
        }))?;
        return Ok(Exit::Ok);
    }
    let instances = text::count(report.instances as u64, "instance");
    let (keys, documents) = (text::count(report.keys, "key"), text::count(report.documents as u64, "document"));
    out.line(format!("{keys} destroyed, {documents} blanked, of {instances}"))?;
    if (report.keys, report.instances) == (0, 0) {
        out.note("no personal data of this subject was there: is the subject written as the models store it?");
    }
    for projection in &report.projections {
        out.note(format!("projection `{}` may hold copies: rebuild it", text::clean(projection)));
    }
    Ok(Exit::Ok)
}
