//! `log`: the events of all streams, in their one order.

mod show;
mod stats;
mod tail;

use clap::Subcommand;
use serde_json::{Map, Value, json};

use super::exit::Outcome;
use super::open::Opened;
use super::out::Out;
use super::text;
use crate::event::{RecordedEvent, UPDATED};

/// What to do with the log.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show the last events, and those that come.
    Tail(tail::Args),
    /// Show one event with everything in it.
    Show(show::Args),
    /// Count events by type, and streams by category.
    Stats(stats::Args),
}

pub(super) async fn run(command: &Command, opened: &Opened, out: &mut Out<'_>) -> Outcome {
    match command {
        Command::Tail(args) => tail::run(args, opened, out).await,
        Command::Show(args) => show::run(args, opened, out).await,
        Command::Stats(args) => stats::run(args, opened, out).await,
    }
}

/// An event for programs.
pub(super) fn json_of(event: &RecordedEvent) -> crate::Result<Value> {
    Ok(json!({
        "position": event.position.get(),
        "id": event.id.to_string(),
        "stream": event.stream.to_string(),
        "version": event.version,
        "type": event.event_type,
        "schema_version": event.schema_version,
        "recorded_at": text::rfc3339(event.recorded_at),
        "data": text::json_of_document(event.data()?),
        "metadata": metadata(event),
    }))
}

fn metadata(event: &RecordedEvent) -> Value {
    let mut map = Map::new();
    let own = &event.metadata;
    let texts = [
        ("actor", &own.actor),
        ("correlation_id", &own.correlation_id),
        ("causation_id", &own.causation_id),
        ("traceparent", &own.traceparent),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            map.insert(name.to_owned(), Value::String(text.clone()));
        }
    }
    if !own.extra.is_empty() {
        map.insert("extra".to_owned(), text::json_of_document(&own.extra));
    }
    Value::Object(map)
}

/// What an event is about, in one cell: the changed paths, or the data.
pub(super) fn summary(event: &RecordedEvent, chars_max: usize) -> String {
    if event.name() == UPDATED
        && let Ok(changes) = event.read_changes()
    {
        return text::clip(&changes.paths().join(", "), chars_max).into_owned();
    }
    let fields = event.data().map_or_else(|_| event.data.to_string(), text::fields);
    text::clip(&fields, chars_max).into_owned()
}
