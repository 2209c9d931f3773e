//! `upgrade`: state documents of older schema versions.

use serde_json::json;

use super::exit::{Exit, Outcome};
use super::open::Opened;
use super::out::Out;
use super::table::Grid;
use super::work;

/// Brings state documents that an older program wrote to today's shape, through the models' upcasters.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only these models.
    #[arg(value_name = "MODEL")]
    models: Vec<String>,
}

pub(super) async fn run(args: &Args, opened: &Opened, out: &mut Out<'_>) -> Outcome {
    let mut chosen = work::choose(&args.models, opened)?;
    let mut results = Vec::new();
    for (model, replay) in &chosen.ready {
        let bar = out.bar(&model.name);
        match replay.upgrade().on_progress(bar.teller()).run().await {
            Ok(upgraded) => results.push((model.name.clone(), upgraded)),
            Err(crate::Error::NeedsCode { .. }) if args.models.is_empty() => chosen.need_code.push(model.name.clone()),
            Err(error) => return Err(error.into()),
        }
    }
    if out.is_json() {
        let list = results.iter().map(|(model, upgraded)| {
            json!({
                "model": model,
                "found": upgraded.found,
                "upgraded": upgraded.upgraded,
                "overtaken": upgraded.overtaken,
            })
        });
        out.document(&json!({ "models": list.collect::<Vec<_>>(), "need_code": chosen.need_code }))?;
    } else {
        let mut grid = Grid::new(&["model", ">older documents", ">upgraded", ">saved by others"]);
        for (model, upgraded) in &results {
            let numbers = [upgraded.found, upgraded.upgraded, upgraded.overtaken].map(|number| number.to_string());
            grid.row([model.clone()].into_iter().chain(numbers));
        }
        if !grid.is_empty() {
            out.table(&grid)?;
        }
    }
    let code: Exit = chosen.end(out);
    Ok(code)
}
