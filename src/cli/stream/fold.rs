//! Folding one stream step by step, with the model's code or without.

use std::sync::Arc;

use bson::Document;

use crate::cli::exit::Outcome;
use crate::cli::open::Opened;
use crate::diff::Changes;
use crate::event::{RESERVED_EVENTS, RecordedEvent};
use crate::fold::{self, Folder, Folding};
use crate::schema::ModelInfo;

/// The state at a version.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) version: u64,
    /// `None` where the instance is deleted.
    pub(super) document: Option<Document>,
}

/// What one event changed.
#[derive(Debug)]
pub(super) struct Step<'a> {
    pub(super) event: &'a RecordedEvent,
    pub(super) changes: Changes,
}

/// What folds the streams of `model`, as far as these events go.
///
/// Without the model's code the shape is the one that the events have: states are shown as they were stored, up to the
/// first change of schema version.
pub(super) fn folder(opened: &Opened, model: &ModelInfo, events: &[RecordedEvent]) -> crate::Result<Arc<dyn Folder>> {
    match &opened.db {
        Some(db) if opened.is_linked(&model.name) => db.folder(&model.name),
        _ => {
            let own = events.iter().filter(|event| RESERVED_EVENTS.contains(&event.name()));
            let mut info = model.clone();
            info.version = own.map(|event| event.schema_version).max().unwrap_or(info.version);
            fold::untyped(info)
        }
    }
}

/// The state after all events.
pub(super) fn state(folder: &dyn Folder, events: &[RecordedEvent]) -> Outcome<State> {
    let mut fold = folder.begin();
    for event in events {
        fold.add(event)?;
    }
    Ok(State { version: fold.version(), document: fold.document()? })
}

/// What each event from `from` on changed.
pub(super) fn steps<'a>(folder: &dyn Folder, events: &'a [RecordedEvent], from: u64) -> Outcome<Vec<Step<'a>>> {
    let mut fold = folder.begin();
    let mut before = Document::new();
    let mut steps = Vec::new();
    for event in events {
        fold.add(event)?;
        if event.version + 1 < from {
            continue;
        }
        let after = visible(&*fold)?;
        if event.version >= from {
            steps.push(Step { event, changes: Changes::between(&before, &after) });
        }
        before = after;
    }
    Ok(steps)
}

/// The state after an event. Where the stream's beginning was truncated there is none before its baseline.
fn visible(fold: &dyn Folding) -> Outcome<Document> {
    match fold.document() {
        Ok(document) => Ok(document.unwrap_or_default()),
        Err(crate::Error::Corrupt { .. }) => Ok(Document::new()),
        Err(error) => Err(error.into()),
    }
}
