//! What the doctor looks at beside the store itself: models, indexes, categories, consumers.

use crate::cli::exit::Outcome;
use crate::cli::open::Opened;
use crate::cli::text;
use crate::position::Position;
use crate::schema::ModelInfo;
use crate::store::{Drift, Finding, Severity};

/// It answered, or nothing of this would be shown.
pub(super) fn connection(opened: &Opened) -> Finding {
    let name = opened.store().capabilities().name;
    Finding::new("connection", Severity::Fine, format!("the {name} store answers"))
}

/// The models of the program beside what the store knew of them before.
pub(super) fn models(opened: &Opened) -> Vec<Finding> {
    let mut findings = Vec::new();
    for model in opened.models() {
        let note = opened.notes.iter().find(|note| note.name == model.name);
        if opened.is_linked(&model.name) {
            findings.extend(note.and_then(|note| compare(&model, note)));
        } else if opened.db.is_some() {
            let message = "the store knows this model, this program does not: its streams cannot be checked here";
            findings.push(Finding::new(subject(&model), Severity::Warning, message));
        }
    }
    for name in &opened.unreadable {
        let message = "what the store notes of this model cannot be read: connect once with the program that has it";
        findings.push(Finding::new(format!("model {name}"), Severity::Warning, message));
    }
    if findings.is_empty() {
        let known = text::count(opened.models().len() as u64, "model");
        let message = match &opened.db {
            Some(_) => format!("{known}, as the store notes them"),
            None => format!("the store notes {known}; this program has none of its own"),
        };
        findings.push(Finding::new("models", Severity::Fine, message));
    }
    findings
}

fn subject(model: &ModelInfo) -> String {
    format!("model {}", model.name)
}

fn compare(model: &ModelInfo, note: &ModelInfo) -> Option<Finding> {
    let (ours, theirs) = (model.version, note.version);
    let (severity, message) = if model.kind != note.kind {
        (Severity::Problem, "it changed between tracked and sourced: its old events cannot be folded".to_owned())
    } else if model.collection != note.collection {
        let message = format!("its collection was `{}`: rename that, or `rebuild` it", note.collection);
        (Severity::Problem, message)
    } else if ours < theirs {
        (
            Severity::Problem,
            format!("schema version {theirs} is in use, this program knows {ours}: deploy the newer one"),
        )
    } else if ours > theirs {
        (Severity::Warning, format!("schema version {ours} follows {theirs}: `upgrade` brings old documents along"))
    } else if model.soft_delete != note.soft_delete {
        (Severity::Warning, "soft delete was switched: `verify` shows the documents that are not as they should".into())
    } else {
        return None;
    };
    Some(Finding::new(subject(model), severity, message))
}

/// Indexes that are not as the models say.
pub(super) async fn indexes(opened: &Opened, without_code: bool) -> Outcome<Vec<Finding>> {
    let drift: Vec<Drift> = match &opened.db {
        Some(db) => db.drift().to_vec(),
        None if without_code => {
            let specs: Vec<_> = opened.notes.iter().map(|note| note.collection_spec(&note.collection)).collect();
            opened.store().admin().prepare(&specs).await?
        }
        None => return Ok(Vec::new()),
    };
    if drift.is_empty() {
        let wanted: usize = opened.models().iter().map(|model| model.indexes.len()).sum();
        let message = format!("{} as the models say", text::count(wanted as u64, "index"));
        return Ok(vec![Finding::new("indexes of models", Severity::Fine, message)]);
    }
    let finding = |drift: &Drift| {
        let message = format!("{drift}; drop it, and connect again");
        Finding::new(format!("index {}.{}", drift.collection, drift.index), Severity::Warning, message)
    };
    Ok(drift.iter().map(finding).collect())
}

/// Categories of the log that no model is known for: domain events, or a model that is gone.
pub(super) async fn categories(opened: &Opened) -> Outcome<Vec<Finding>> {
    let models = opened.models();
    let mut others = opened.store().admin().categories().await?;
    others.retain(|category| !models.iter().any(|model| &model.name == category));
    if others.is_empty() {
        return Ok(Vec::new());
    }
    let message = format!("no model is known for {}: application events, or a model that is gone", others.join(", "));
    Ok(vec![Finding::new("categories", Severity::Fine, message)])
}

/// How far consumers are.
pub(super) async fn checkpoints(opened: &Opened) -> Outcome<Vec<Finding>> {
    let end = opened.store().high_water().await?;
    let mut findings = Vec::new();
    for (consumer, checkpoint) in opened.store().admin().checkpoints().await? {
        let position = checkpoint.position;
        if position == Position::END {
            let message = "it reads nothing of the log".to_owned();
            findings.push(Finding::new(format!("consumer {consumer}"), Severity::Fine, message));
            continue;
        }
        let behind = end.get() - position.get();
        let (severity, message) = match behind {
            0 => (Severity::Fine, format!("it is at the end of the log, position {end}")),
            1.. => (Severity::Fine, format!("it is at position {position}, {behind} behind the end of the log")),
            _ => {
                let message = format!(
                    "its checkpoint {position} lies behind the end of the log, {end}: the log was restored from an \
                     older backup; set the checkpoint back"
                );
                (Severity::Problem, message)
            }
        };
        findings.push(Finding::new(format!("consumer {consumer}"), severity, message).value(behind.max(0)));
    }
    Ok(findings)
}
