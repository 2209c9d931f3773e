//! `models`: what the program and the store know of models.

use serde_json::{Value, json};

use super::exit::{Exit, Outcome};
use super::open::Opened;
use super::out::Out;
use super::table::{Grid, Tone};
use super::text;
use crate::predicate::Predicate;
use crate::schema::{IndexSpec, ModelInfo, ModelKind};

/// Lists the models.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only these models.
    #[arg(value_name = "MODEL")]
    models: Vec<String>,
}

pub(super) async fn run(args: &Args, opened: &Opened, out: &mut Out<'_>) -> Outcome {
    let models = opened.chosen(&args.models)?;
    let mut rows = Vec::new();
    for model in models {
        let documents = opened.store().count(&model.collection, &Predicate::always()).await?;
        rows.push((model, documents));
    }
    if out.is_json() {
        let list = rows.iter().map(|(model, documents)| json_of(opened, model, *documents));
        out.document(&Value::Array(list.collect()))?;
        return Ok(Exit::Ok);
    }
    if rows.is_empty() {
        out.note("the store knows no models yet: a program that connects with its models notes them");
        return Ok(Exit::Ok);
    }
    let mut grid = Grid::new(&["model", "kind", ">schema", "collection", ">documents", "indexes", "known from"]);
    for (model, documents) in &rows {
        grid.row([
            model.name.clone(),
            kind(model),
            model.version.to_string(),
            model.collection.clone(),
            documents.to_string(),
            model.indexes.iter().map(index).collect::<Vec<_>>().join("; "),
            known_from(opened, model).to_owned(),
        ]);
        if !opened.is_linked(&model.name) {
            grid.tone(6, Tone::Dim);
        }
    }
    out.table(&grid)?;
    Ok(Exit::Ok)
}

fn kind(model: &ModelInfo) -> String {
    let kind = kind_name(model.kind);
    if model.soft_delete { format!("{kind}, soft delete") } else { kind.to_owned() }
}

fn kind_name(kind: ModelKind) -> &'static str {
    match kind {
        ModelKind::Tracked => "tracked",
        ModelKind::Sourced => "sourced",
    }
}

fn known_from(opened: &Opened, model: &ModelInfo) -> &'static str {
    if opened.is_linked(&model.name) { "the program" } else { "the store" }
}

/// An index in one line: `unique email`, `age desc, _id desc`.
fn index(index: &IndexSpec) -> String {
    let keys = index.keys.iter().map(|(path, down)| if *down { format!("{path} desc") } else { path.clone() });
    let keys = keys.collect::<Vec<_>>().join(", ");
    if index.unique { format!("unique {keys}") } else { keys }
}

fn json_of(opened: &Opened, model: &ModelInfo, documents: u64) -> Value {
    let indexes = model.indexes.iter().map(|index| {
        let keys = index.keys.iter().map(|(path, down)| json!({ "path": path, "descending": down }));
        json!({ "keys": keys.collect::<Vec<_>>(), "unique": index.unique, "live_only": index.live_only })
    });
    let noted = opened.notes.iter().find(|note| note.name == model.name);
    json!({
        "name": model.name,
        "kind": kind_name(model.kind),
        "version": model.version,
        "noted_version": noted.map(|note| note.version),
        "soft_delete": model.soft_delete,
        "collection": model.collection,
        "documents": documents,
        "indexes": indexes.collect::<Vec<_>>(),
        "rust_path": text::clean(&model.rust_path),
        "linked": opened.is_linked(&model.name),
    })
}
