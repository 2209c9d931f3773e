//! `stream show`: the state of an instance, now or then, and how it came about.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::fold::{self, State, Step};
use super::unknown;
use crate::cli::exit::{Exit, Outcome, Stop};
use crate::cli::log::{json_of, summary};
use crate::cli::open::{Opened, needs_code};
use crate::cli::out::Out;
use crate::cli::table::{Grid, Tone};
use crate::cli::{text, when};
use crate::event::RecordedEvent;
use crate::schema::{ModelInfo, ModelKind};
use crate::store::StreamQuery;
use crate::stream::StreamId;

/// How much of a value stands in one line of a difference.
const VALUE_CHARS: usize = 200;

/// Shows the state of an instance, folded from its events.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The stream, such as `user-42`.
    #[arg(value_name = "ID", value_parser = unknown::parse)]
    stream: StreamId,
    /// The state as it was at this version.
    #[arg(long, value_name = "N", conflicts_with = "as_of", value_parser = clap::value_parser!(u64).range(1..))]
    at_version: Option<u64>,
    /// The state as it was at this moment: 2026-01-31T12:00:00Z, 2026-01-31, or 10m, 2h, 3d ago.
    #[arg(long, value_name = "WHEN", value_parser = when::moment)]
    as_of: Option<DateTime<Utc>>,
    /// What each event changed; with --at-version or --as-of, the one event that led there.
    #[arg(long)]
    diff: bool,
    /// The events only, without folding them: needs no code, whatever the model.
    #[arg(long, conflicts_with = "diff")]
    history: bool,
}

pub(super) async fn run(args: &Args, opened: &Opened, out: &mut Out<'_>) -> Outcome {
    let events = read(args, opened).await?;
    if args.history {
        history(args, &events, out)?;
        return Ok(Exit::Ok);
    }
    let model = model(args, opened)?;
    let folder = fold::folder(opened, &model, &events).map_err(|error| advise(error, args))?;
    if args.diff {
        let one = args.at_version.is_some() || args.as_of.is_some();
        let from = events.last().filter(|_| one).map_or(1, |event| event.version);
        let steps = fold::steps(&*folder, &events, from).map_err(|stop| advise_stop(stop, args))?;
        diff(args, &steps, out)?;
    } else {
        let state = fold::state(&*folder, &events).map_err(|stop| advise_stop(stop, args))?;
        say(args, &model, &state, &events, out)?;
    }
    Ok(Exit::Ok)
}

/// The events up to the version or moment that was asked for.
async fn read(args: &Args, opened: &Opened) -> Outcome<Vec<RecordedEvent>> {
    let mut events = Vec::new();
    let to = args.at_version.unwrap_or(u64::MAX);
    opened
        .reader
        .walk(&args.stream, (1, to), |event| {
            let within = args.as_of.is_none_or(|moment| event.recorded_at <= moment);
            if within {
                events.push(event);
            }
            Ok(within)
        })
        .await?;
    let stream = &args.stream;
    let Some(last) = events.last() else {
        let first = opened.reader.read_stream(StreamQuery { limit: 1, ..StreamQuery::all(stream.clone()) }).await?;
        let Some(first) = first.first() else { return Err(unknown::unknown(stream, opened).await?) };
        let begins = format!("it begins with version {} at {}", first.version, text::rfc3339(first.recorded_at));
        return Err(Stop::failed(format!("{stream} has no events so early")).hint(begins));
    };
    match args.at_version {
        Some(version) if last.version < version => {
            let stop = Stop::failed(format!("{stream} has no version {version}"));
            Err(stop.hint(format!("its last version is {}", last.version)))
        }
        _ => Ok(events),
    }
}

fn model(args: &Args, opened: &Opened) -> Outcome<ModelInfo> {
    let name = args.stream.category();
    let found = opened.models().into_iter().find(|model| model.name == name);
    found.ok_or_else(|| advise_stop(needs_code(&format!("how to fold `{name}`")), args))
}

fn advise(error: crate::Error, args: &Args) -> Stop {
    advise_stop(error.into(), args)
}

/// Where the code is missing, the events can be shown all the same.
fn advise_stop(stop: Stop, args: &Args) -> Stop {
    match stop {
        Stop::Told { exit: Exit::NeedsCode, .. } => stop.hint(format!(
            "let the program with the models call `earnorm::cli::run()`; `stream show {} --history` shows the events as \
             they are",
            args.stream
        )),
        other => other,
    }
}

fn say(args: &Args, model: &ModelInfo, state: &State, events: &[RecordedEvent], out: &mut Out<'_>) -> Outcome<()> {
    let (first, last) = (events.first(), events.last());
    if out.is_json() {
        return out.document(&json!({
            "stream": args.stream.to_string(),
            "model": model.name,
            "version": state.version,
            "live": state.document.is_some(),
            "first_recorded_at": first.map(|event| text::rfc3339(event.recorded_at)),
            "recorded_at": last.map(|event| text::rfc3339(event.recorded_at)),
            "state": state.document.as_ref().map(text::json_of_document),
        }));
    }
    let kind = match model.kind {
        ModelKind::Tracked => "tracked",
        ModelKind::Sourced => "sourced",
    };
    let stream = args.stream.to_string();
    out.heading(text::clean(&stream))?;
    out.line(format!("model    {} ({kind})", text::clean(&model.name)))?;
    let deleted = if state.document.is_none() { out.toned(Tone::Bad, ", deleted") } else { String::new() };
    out.line(format!("version  {}{deleted}", state.version))?;
    if let (Some(first), Some(last)) = (first, last) {
        out.line(format!("begun    {}", text::time(first.recorded_at)))?;
        let actor = last.metadata.actor.as_ref().map(|actor| format!(" by {}", text::clean(actor)));
        let (at, event) = (text::time(last.recorded_at), text::clean(&last.event_type));
        out.line(format!("changed  {at}, {event}{}", actor.unwrap_or_default()))?;
    }
    if let Some(document) = &state.document {
        out.line("")?;
        out.document(&text::readable(document))?;
    }
    Ok(())
}

fn history(args: &Args, events: &[RecordedEvent], out: &mut Out<'_>) -> Outcome<()> {
    if out.is_json() {
        return events.iter().try_for_each(|event| out.json_line(&json_of(event)?));
    }
    let mut grid = Grid::new(&[">version", "recorded", "event", ">schema", ">position", "actor", "data"]).one_line();
    for event in events {
        grid.row([
            event.version.to_string(),
            text::time(event.recorded_at),
            event.event_type.clone(),
            event.schema_version.to_string(),
            event.position.to_string(),
            event.metadata.actor.clone().unwrap_or_default(),
            summary(event, 80),
        ]);
        grid.tone(6, Tone::Dim);
    }
    let stream = args.stream.to_string();
    out.heading(text::clean(&stream))?;
    out.table(&grid)
}

fn diff(args: &Args, steps: &[Step<'_>], out: &mut Out<'_>) -> Outcome<()> {
    if out.is_json() {
        return steps.iter().try_for_each(|step| out.json_line(&step_json(args, step)));
    }
    for (index, Step { event, changes }) in steps.iter().enumerate() {
        if index > 0 {
            out.line("")?;
        }
        let actor = event.metadata.actor.as_ref().map(|actor| format!(" by {actor}"));
        let about = format!("{}, {}{}", event.event_type, text::time(event.recorded_at), actor.unwrap_or_default());
        let version = format!("version {} ", event.version);
        let line = format!("{}{}", out.painted(bold(), version), text::clean(&about));
        out.line(line)?;
        if changes.is_empty() {
            let line = out.toned(Tone::Dim, "  the state did not change");
            out.line(line)?;
        }
        for change in changes {
            let sides = [(&change.old, '-', Tone::Bad), (&change.new, '+', Tone::Good)];
            for (value, sign, tone) in sides {
                if let Some(value) = value {
                    let value = text::clip(&text::value(value), VALUE_CHARS).into_owned();
                    let line = format!("{sign} {}: {}", text::clean(&change.path), text::clean(&value));
                    let line = out.toned(tone, line);
                    out.line(line)?;
                }
            }
        }
    }
    Ok(())
}

fn bold() -> clap::builder::styling::Style {
    clap::builder::styling::Style::new().bold()
}

fn step_json(args: &Args, step: &Step<'_>) -> Value {
    let changes = step.changes.iter().map(|change| {
        let mut entry = serde_json::Map::new();
        entry.insert("path".to_owned(), change.path.as_str().into());
        for (name, value) in [("old", &change.old), ("new", &change.new)] {
            if let Some(value) = value {
                entry.insert(name.to_owned(), text::json_of(value));
            }
        }
        Value::Object(entry)
    });
    json!({
        "stream": args.stream.to_string(),
        "version": step.event.version,
        "type": step.event.event_type,
        "recorded_at": text::rfc3339(step.event.recorded_at),
        "actor": step.event.metadata.actor,
        "changes": changes.collect::<Vec<_>>(),
    })
}
