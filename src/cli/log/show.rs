//! `log show`: one event with everything in it.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::json_of;
use crate::cli::exit::{Exit, Outcome, Stop};
use crate::cli::open::Opened;
use crate::cli::out::Out;
use crate::cli::text;
use crate::event::RecordedEvent;
use crate::position::Position;
use crate::store::{EntryQuery, LogEntry, LogQuery};

/// Shows one event.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The event's position in the log, or its id.
    #[arg(value_name = "POSITION|EVENT-ID", value_parser = key)]
    event: Key,
}

#[derive(Debug, Clone, Copy)]
enum Key {
    Position(Position),
    Id(Uuid),
}

fn key(text: &str) -> Result<Key, String> {
    match (text.parse::<i64>(), Uuid::parse_str(text)) {
        (Ok(number), _) if number > 0 => Ok(Key::Position(Position::new(number))),
        (_, Ok(id)) => Ok(Key::Id(id)),
        _ => Err("write a position such as 42, or an event's id, a UUID".to_owned()),
    }
}

pub(super) async fn run(args: &Args, opened: &Opened, out: &mut Out<'_>) -> Outcome {
    let entry = match args.event {
        Key::Position(position) => at(position, opened).await?,
        Key::Id(id) => find(id, opened, out).await?,
    };
    match entry {
        LogEntry::Event { event, .. } => say(&event, out)?,
        LogEntry::Tombstone(position) if out.is_json() => {
            out.document(&serde_json::json!({ "position": position.get(), "tombstone": true }))?;
        }
        LogEntry::Tombstone(position) => {
            out.line(format!(
                "position {position} holds a tombstone: its writer gave up, and no event will stand there"
            ))?;
        }
    }
    Ok(Exit::Ok)
}

fn say(event: &RecordedEvent, out: &mut Out<'_>) -> Outcome<()> {
    let json = json_of(event)?;
    if out.is_json() {
        return out.document(&json);
    }
    let parts = [
        ("event", event.event_type.clone()),
        ("id", event.id.to_string()),
        ("position", event.position.to_string()),
        ("stream", event.stream.to_string()),
        ("version", event.version.to_string()),
        ("schema", event.schema_version.to_string()),
        ("recorded", text::time(event.recorded_at)),
    ];
    for (name, value) in parts {
        out.line(format!("{name:<9} {}", text::clean(&value)))?;
    }
    let metadata = json.get("metadata").cloned().unwrap_or_default();
    for (name, part) in [("metadata", metadata), ("data", text::readable(event.data()?))] {
        if part.as_object().is_some_and(|map| !map.is_empty()) {
            out.heading(format!("\n{name}"))?;
            out.document(&part)?;
        }
    }
    Ok(())
}

/// What stands at a position.
async fn at(position: Position, opened: &Opened) -> Outcome<LogEntry> {
    let after = Position::new(position.get() - 1);
    let page = opened.reader.read_log(LogQuery { after, upto: position, limit: 1, ..LogQuery::default() }).await?;
    if let Some(event) = page.events.into_iter().next() {
        return Ok(LogEntry::Event { event, commit: None });
    }
    if position > page.high_water {
        let stop = Stop::failed(format!("the log has no position {position} yet"));
        return Err(stop.hint(format!("it reaches to {}", page.high_water)));
    }
    let admin = opened.store().admin();
    if position <= admin.truncated().await? {
        return Err(Stop::failed(format!("position {position} was truncated")).hint("look in the archive"));
    }
    let entries = admin.entries(EntryQuery { after, upto: position, limit: 1 }).await?;
    entries.into_iter().next().ok_or_else(|| Stop::failed(format!("position {position} holds nothing")))
}

/// An event by its id. The log has no such order; but the id tells about when it was made.
async fn find(id: Uuid, opened: &Opened, out: &mut Out<'_>) -> Outcome<LogEntry> {
    let bar = out.bar("looking for the event");
    let end = opened.store().high_water().await?;
    if let Some((since, until)) = about(id) {
        let near = LogQuery { since: Some(since), until: Some(until), ..LogQuery::default() };
        if let Some(event) = scan(near, id, opened, |_| {}).await? {
            return Ok(LogEntry::Event { event, commit: None });
        }
    }
    let total = u64::try_from(end.get()).ok();
    let tell = |position: Position| bar.show(u64::try_from(position.get()).unwrap_or(0), total);
    match scan(LogQuery::default(), id, opened, tell).await? {
        Some(event) => Ok(LogEntry::Event { event, commit: None }),
        None => Err(Stop::failed(format!("no event of the log has the id {id}"))),
    }
}

/// The minutes around the time that is in the id.
fn about(id: Uuid) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let (seconds, nanos) = id.get_timestamp()?.to_unix();
    let made = DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)?;
    let slack = TimeDelta::try_minutes(10)?;
    Some((made.checked_sub_signed(slack)?, made.checked_add_signed(slack)?))
}

async fn scan(
    mut query: LogQuery,
    id: Uuid,
    opened: &Opened,
    tell: impl Fn(Position),
) -> Outcome<Option<RecordedEvent>> {
    loop {
        let page = opened.reader.read_log(query.clone()).await?;
        let Some(last) = page.events.last() else { return Ok(None) };
        query.after = last.position;
        tell(query.after);
        if let Some(event) = page.events.into_iter().find(|event| event.id == id) {
            return Ok(Some(event));
        }
        if !page.more {
            return Ok(None);
        }
    }
}
