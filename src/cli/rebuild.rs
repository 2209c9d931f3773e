//! `rebuild`: state documents anew from the log.

use serde_json::json;

use super::exit::{Outcome, Stop};
use super::open::Opened;
use super::out::Out;
use super::table::Grid;
use super::work;

/// Folds every stream into a new collection that then takes the place of the old one. Readers see the old documents
/// until then; others may go on writing.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only these models.
    #[arg(value_name = "MODEL")]
    models: Vec<String>,
    /// Begin from the first stream, also where an earlier run had stopped half-way.
    #[arg(long)]
    restart: bool,
    /// Let documents go that have no events; without it, a collection that has some is not rebuilt.
    #[arg(long)]
    drop_unknown: bool,
    /// Confirms --drop-unknown: the models' names once more, joined by commas, or `all`.
    #[arg(long, value_name = "MODELS", requires = "drop_unknown")]
    yes: Option<String>,
}

pub(super) async fn run(args: &Args, opened: &Opened, out: &mut Out<'_>) -> Outcome {
    let mut chosen = work::choose(&args.models, opened)?;
    if args.drop_unknown {
        let subject = if args.models.is_empty() { "all".to_owned() } else { args.models.join(",") };
        work::confirm("documents without events will be lost", &subject, args.yes.as_deref(), out)?;
    }
    let mut results = Vec::new();
    for (model, replay) in &chosen.ready {
        let bar = out.bar(&model.name);
        let mut rebuild = replay.rebuild().on_progress(bar.teller());
        if args.restart {
            rebuild = rebuild.restart();
        }
        if args.drop_unknown {
            rebuild = rebuild.drop_unknown();
        }
        match rebuild.run().await {
            Ok(rebuilt) => results.push((model.name.clone(), rebuilt)),
            Err(crate::Error::NeedsCode { .. }) if args.models.is_empty() => chosen.need_code.push(model.name.clone()),
            Err(error @ crate::Error::NeedsCode { .. }) => return Err(error.into()),
            Err(error) => {
                let hint = format!("the old documents of `{}` are in place, nothing is lost", model.name);
                return Err(Stop::from(error).hint(hint));
            }
        }
    }
    if out.is_json() {
        let list = results.iter().map(|(model, rebuilt)| {
            json!({
                "model": model,
                "streams": rebuilt.streams,
                "documents": rebuilt.documents,
                "in_place": rebuilt.in_place,
                "resumed": rebuilt.resumed,
            })
        });
        out.document(&json!({ "models": list.collect::<Vec<_>>(), "need_code": chosen.need_code }))?;
    } else {
        let mut grid = Grid::new(&["model", ">streams", ">documents", "how"]);
        for (model, rebuilt) in &results {
            let place = if rebuilt.in_place { "repaired in place" } else { "swapped" };
            let how = if rebuilt.resumed { format!("{place}, resumed") } else { place.to_owned() };
            grid.row([model.clone(), rebuilt.streams.to_string(), rebuilt.documents.to_string(), how]);
        }
        out.table(&grid)?;
    }
    Ok(chosen.end(out))
}
