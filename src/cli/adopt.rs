//! `adopt`: documents that were there before the library.

use serde_json::json;

use super::exit::{Exit, Outcome};
use super::open::Opened;
use super::out::Out;
use super::table::Grid;
use super::text;
use crate::metadata::Metadata;

/// Gives every document without a version a `created` event with its content. What does not fit the model stays as it
/// is and is listed; exit code 1 then.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The model whose collection it is.
    #[arg(value_name = "MODEL")]
    model: String,
    /// Who does it, as the events will say.
    #[arg(long, value_name = "NAME", default_value = "adopt")]
    actor: String,
}

pub(super) async fn run(args: &Args, opened: &Opened, out: &mut Out<'_>) -> Outcome {
    let model = opened.model(&args.model)?;
    let bar = out.bar(&model.name);
    let adopt = opened.replay(&model)?.adopt().metadata(Metadata::new().actor(&args.actor)).on_progress(bar.teller());
    let adopted = adopt.run().await?;
    drop(bar);
    if out.is_json() {
        let refused = adopted.refused.iter();
        let refused = refused.map(|(id, reason)| json!({ "id": text::json_of(id), "reason": reason }));
        out.document(&json!({
            "model": model.name,
            "adopted": adopted.adopted,
            "refused": refused.collect::<Vec<_>>(),
        }))?;
    } else {
        let (name, count) = (text::clean(&model.collection), text::count(adopted.adopted, "document"));
        out.line(format!("{count} of {name} adopted, {} left as they are", adopted.refused.len()))?;
        let mut grid = Grid::new(&["id", "reason"]);
        for (id, reason) in &adopted.refused {
            grid.row([text::value(id), reason.clone()]);
        }
        if !grid.is_empty() {
            out.line("")?;
            out.table(&grid)?;
        }
    }
    Ok(if adopted.refused.is_empty() { Exit::Ok } else { Exit::Found })
}
