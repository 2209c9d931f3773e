//! `dead-letters show`: one letter with everything that belongs to it.

use serde_json::{Value, json};

use super::json_of;
use crate::cli::exit::{Exit, Outcome};
use crate::cli::out::Out;
use crate::cli::{log, text};
use crate::events::DeadLetters;

pub(super) async fn run(letters: &DeadLetters, id: &str, out: &mut Out<'_>) -> Outcome {
    let shown = letters.show(id).await?;
    let letter = &shown.letter;
    if out.is_json() {
        let mut json = json_of(letter);
        if let Value::Object(parts) = &mut json {
            parts.insert("parked".to_owned(), shown.parked.into());
            parts.insert("causes".to_owned(), json!(shown.causes));
            let event = shown.event.as_ref().map(log::json_of).transpose()?;
            parts.insert("event".to_owned(), event.unwrap_or_default());
            parts.insert("data".to_owned(), shown.data.as_ref().map_or(Value::Null, text::json_of_document));
        }
        out.document(&json)?;
        return Ok(Exit::Ok);
    }
    let parts = [
        ("handler", letter.handler.clone()),
        ("event", format!("{} {}", letter.event_type, letter.event_id)),
        ("position", letter.position.to_string()),
        ("stream", format!("{} version {}", letter.stream, letter.version)),
        ("state", state(letter.requeued, shown.parked).to_owned()),
        ("reason", letter.reason.clone()),
        ("attempts", letter.attempts.to_string()),
        ("first", text::time(letter.first_failed_at)),
        ("last", text::time(letter.failed_at)),
        ("error", letter.error.clone()),
    ];
    for (name, value) in parts {
        out.line(format!("{name:<9} {}", text::clean(&value)))?;
    }
    if !shown.causes.is_empty() {
        out.heading("\ncaused by")?;
        for cause in &shown.causes {
            out.line(text::clean(cause))?;
        }
    }
    match &shown.event {
        None => out.note("the event is not in the log any more"),
        Some(event) => {
            out.heading("\nevent")?;
            out.document(&text::readable(event.data()?))?;
        }
    }
    if let Some(data) = &shown.data {
        out.heading("\nhanded over instead")?;
        out.document(&text::readable(data))?;
    }
    Ok(Exit::Ok)
}

fn state(requeued: bool, parked: bool) -> &'static str {
    match (requeued, parked) {
        (true, true) => "requeued; its stream waits for it",
        (true, false) => "requeued; its stream went on",
        (false, true) => "dead; its stream waits for it",
        (false, false) => "dead; its stream went on",
    }
}
