//! `log tail`: the last events, and those that come.

use futures::StreamExt;

use super::{json_of, summary};
use crate::cli::exit::{Exit, Outcome, Stop};
use crate::cli::open::Opened;
use crate::cli::out::Out;
use crate::cli::table::{Grid, Tone};
use crate::cli::{nearest, text, when};
use crate::event::{DELETED, ERASED, RecordedEvent};
use crate::events::SubscriptionBuilder;
use crate::pattern::EventPattern;
use crate::position::Position;
use crate::store::LogQuery;
use crate::stream::StreamId;

/// How much of an event's data stands in the table.
const SUMMARY_CHARS: usize = 60;
/// How many rows are drawn at once.
const CHUNK: usize = 500;

/// Shows the last events that match, oldest first.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// How many events, from the end.
    #[arg(short = 'n', long = "lines", value_name = "N", default_value_t = 20)]
    count: usize,
    /// Go on with events as they come, until Ctrl-C.
    #[arg(long, short)]
    follow: bool,
    /// Only types that match, such as `user.*` or `**.created`; may be repeated.
    #[arg(long = "type", value_name = "PATTERN")]
    types: Vec<EventPattern>,
    /// Only streams of this category, a model's name; may be repeated.
    #[arg(long = "category", value_name = "NAME")]
    categories: Vec<String>,
    /// Only this stream, such as `user-42`; may be repeated.
    #[arg(long = "stream", value_name = "ID", value_parser = StreamId::parse)]
    streams: Vec<StreamId>,
    /// Only what this actor caused.
    #[arg(long)]
    actor: Option<String>,
    /// Only events of this flow.
    #[arg(long = "correlation", value_name = "ID")]
    correlation_id: Option<String>,
    /// Only from this moment on: 2026-01-31T12:00:00Z, 2026-01-31, or 10m, 2h, 3d ago.
    #[arg(long, value_name = "WHEN", value_parser = when::moment)]
    since: Option<chrono::DateTime<chrono::Utc>>,
    /// Only before this moment.
    #[arg(long, value_name = "WHEN", value_parser = when::moment, conflicts_with = "follow")]
    until: Option<chrono::DateTime<chrono::Utc>>,
}

impl Args {
    fn query(&self) -> LogQuery {
        LogQuery {
            streams: self.streams.clone(),
            categories: self.categories.clone(),
            types: self.types.clone(),
            since: self.since,
            until: self.until,
            actor: self.actor.clone(),
            correlation_id: self.correlation_id.clone(),
            ..LogQuery::default()
        }
    }
}

pub(super) async fn run(args: &Args, opened: &Opened, out: &mut Out<'_>) -> Outcome {
    let (events, end) = last(args, opened).await?;
    let mut grid = Grid::new(&[">position", "recorded", "stream", ">v", "type", "actor", "data"]).one_line();
    if events.is_empty() && !args.follow {
        nothing(args, opened, end, out).await?;
        return Ok(Exit::Ok);
    }
    say(&events, &mut grid, out)?;
    if !args.follow {
        return Ok(Exit::Ok);
    }
    out.flush()?;
    let mut coming = SubscriptionBuilder::over(opened.reader.clone(), args.query()).after(end).stream();
    while let Some(event) = coming.next().await {
        say(&[event?], &mut grid, out)?;
        out.flush()?;
    }
    Ok(Exit::Ok)
}

/// The last events, oldest first, and the position up to which they are all.
async fn last(args: &Args, opened: &Opened) -> Outcome<(Vec<RecordedEvent>, Position)> {
    let end = opened.store().high_water().await?;
    let mut query = LogQuery { upto: end, backwards: true, ..args.query() };
    let mut events = Vec::new();
    while events.len() < args.count {
        query.limit = (args.count - events.len()).min(1_000);
        let page = opened.reader.read_log(query.clone()).await?;
        let Some(last) = page.events.last() else { break };
        query.upto = Position::new(last.position.get() - 1);
        let more = page.more && last.position.get() > 1;
        events.extend(page.events);
        if !more {
            break;
        }
    }
    events.reverse();
    Ok((events, end))
}

fn say(events: &[RecordedEvent], grid: &mut Grid, out: &mut Out<'_>) -> Outcome<()> {
    if out.is_json() {
        return events.iter().try_for_each(|event| out.json_line(&json_of(event)?));
    }
    for events in events.chunks(CHUNK) {
        rows(events, grid);
        out.table(grid)?;
        grid.go_on();
    }
    Ok(())
}

fn rows(events: &[RecordedEvent], grid: &mut Grid) {
    for event in events {
        grid.row([
            event.position.to_string(),
            text::time(event.recorded_at),
            event.stream.to_string(),
            event.version.to_string(),
            event.event_type.clone(),
            event.metadata.actor.clone().unwrap_or_default(),
            summary(event, SUMMARY_CHARS),
        ]);
        if [DELETED, ERASED].contains(&event.name()) {
            grid.tone(4, Tone::Bad);
        }
        grid.tone(6, Tone::Dim);
    }
}

/// No event matches: says so, and names the nearest category when there is none of the given name.
async fn nothing(args: &Args, opened: &Opened, end: Position, out: &mut Out<'_>) -> Outcome<()> {
    if end == Position::START {
        out.note("the log is empty");
        return Ok(());
    }
    let asked = args.categories.iter().map(String::as_str).chain(args.streams.iter().map(StreamId::category));
    let asked: Vec<_> = asked.collect();
    if !asked.is_empty() {
        let known = opened.store().admin().categories().await?;
        let known: Vec<_> = known.iter().map(String::as_str).collect();
        if let Some(unknown) = asked.iter().find(|name| !known.contains(name)) {
            let stop = Stop::failed(format!("no stream has the category `{unknown}`"));
            return Err(match nearest::instead("categories", unknown, &known) {
                Some(hint) => stop.hint(hint),
                None => stop,
            });
        }
    }
    out.note("no event matches");
    Ok(())
}
