//! `log stats`: what is in the log, counted.

use std::collections::BTreeMap;

use bson::Document;
use indicatif::{HumanBytes, HumanCount};
use serde_json::{Value, json};

use crate::cli::exit::{Exit, Outcome};
use crate::cli::open::Opened;
use crate::cli::out::Out;
use crate::cli::table::Grid;
use crate::cli::text;
use crate::event::RecordedEvent;
use crate::position::Position;
use crate::store::{EntryQuery, LogEntry};

/// How many entries, and streams, are read at once.
const ENTRIES: usize = 1_000;
const STREAMS: usize = 10_000;

/// Reads the whole log and counts.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {}

#[derive(Debug, Default)]
struct Stats {
    types: BTreeMap<String, Count>,
    categories: BTreeMap<String, Category>,
    tombstones: u64,
    first: Option<RecordedEvent>,
    last: Option<RecordedEvent>,
    truncated: Position,
}

#[derive(Debug, Default, Clone, Copy)]
struct Count {
    events: u64,
    bytes: u64,
}

#[derive(Debug, Default)]
struct Category {
    all: Count,
    streams: u64,
    longest: u64,
}

impl Count {
    fn add(&mut self, bytes: u64) {
        self.events += 1;
        self.bytes += bytes;
    }
}

pub(super) async fn run(_: &Args, opened: &Opened, out: &mut Out<'_>) -> Outcome {
    let mut stats = Stats { truncated: opened.store().admin().truncated().await?, ..Stats::default() };
    stats.read(opened, out).await?;
    stats.count_streams(opened).await?;
    if out.is_json() {
        out.document(&stats.json())?
    } else {
        stats.say(out)?
    }
    Ok(Exit::Ok)
}

impl Stats {
    async fn read(&mut self, opened: &Opened, out: &Out<'_>) -> Outcome<()> {
        let upto = opened.store().high_water().await?;
        let (mut after, mut done) = (Position::START, 0);
        let bar = out.bar("counting");
        loop {
            let entries = opened.store().admin().entries(EntryQuery { after, upto, limit: ENTRIES }).await?;
            let Some(last) = entries.last() else { return Ok(()) };
            after = last.position();
            done += entries.len() as u64;
            bar.show(done, u64::try_from(upto.get() - self.truncated.get()).ok());
            for entry in entries {
                match entry {
                    LogEntry::Event { event, .. } => self.add(event)?,
                    LogEntry::Tombstone(_) => self.tombstones += 1,
                }
            }
        }
    }

    fn add(&mut self, event: RecordedEvent) -> crate::Result<()> {
        let bytes = size(event.data()?) + size(&event.metadata.extra) + ENVELOPE;
        self.types.entry(event.event_type.clone()).or_default().add(bytes);
        self.categories.entry(event.stream.category().to_owned()).or_default().all.add(bytes);
        if self.first.is_none() {
            self.first = Some(event.clone());
        }
        self.last = Some(event);
        Ok(())
    }

    async fn count_streams(&mut self, opened: &Opened) -> Outcome<()> {
        for (name, category) in &mut self.categories {
            let mut after: Option<String> = None;
            loop {
                let heads = opened.store().admin().streams(name, after.as_deref(), STREAMS).await?;
                category.streams += heads.len() as u64;
                category.longest = heads.iter().map(|head| head.last).max().unwrap_or(0).max(category.longest);
                match heads.last() {
                    Some(head) if heads.len() == STREAMS => after = Some(head.stream.key().to_owned()),
                    _ => break,
                }
            }
        }
        Ok(())
    }

    fn total(&self) -> Count {
        self.types.values().fold(Count::default(), |sum, count| Count {
            events: sum.events + count.events,
            bytes: sum.bytes + count.bytes,
        })
    }

    fn json(&self) -> Value {
        let total = self.total();
        let end = |event: &Option<RecordedEvent>| {
            event.as_ref().map(
                |event| json!({ "position": event.position.get(), "recorded_at": text::rfc3339(event.recorded_at) }),
            )
        };
        let types = self
            .types
            .iter()
            .map(|(name, count)| (name.clone(), json!({ "events": count.events, "bytes": count.bytes })));
        let categories = self.categories.iter().map(|(name, category)| {
            let Category { all, streams, longest } = category;
            let value = json!({
                "events": all.events, "bytes": all.bytes, "streams": streams, "longest_stream": longest,
            });
            (name.clone(), value)
        });
        json!({
            "events": total.events,
            "bytes": total.bytes,
            "tombstones": self.tombstones,
            "truncated_up_to": self.truncated.get(),
            "first": end(&self.first),
            "last": end(&self.last),
            "types": types.collect::<serde_json::Map<_, _>>(),
            "categories": categories.collect::<serde_json::Map<_, _>>(),
        })
    }

    fn say(&self, out: &mut Out<'_>) -> Outcome<()> {
        let total = self.total();
        let streams: u64 = self.categories.values().map(|category| category.streams).sum();
        out.line(format!(
            "{} in {}, about {}, {}",
            text::count(total.events, "event"),
            text::count(streams, "stream"),
            HumanBytes(total.bytes),
            text::count(self.tombstones, "tombstone"),
        ))?;
        for (name, event) in [("first", &self.first), ("last", &self.last)] {
            if let Some(event) = event {
                let (position, at, of) = (event.position, text::time(event.recorded_at), &event.event_type);
                out.line(format!("{name:<5} position {position}, {at}, {}", text::clean(of)))?;
            }
        }
        if self.truncated > Position::START {
            out.line(format!("truncated up to position {}", self.truncated))?;
        }
        if total.events == 0 {
            return Ok(());
        }
        out.line("")?;
        let mut grid = Grid::new(&["category", ">streams", ">events", ">longest", ">size"]);
        for (name, Category { all, streams, longest }) in &self.categories {
            let numbers = [*streams, all.events, *longest].map(|number| HumanCount(number).to_string());
            let [streams, events, longest] = numbers;
            grid.row([name.clone(), streams, events, longest, HumanBytes(all.bytes).to_string()]);
        }
        out.table(&grid)?;
        out.line("")?;
        let mut grid = Grid::new(&["type", ">events", ">size"]);
        for (name, count) in &self.types {
            grid.row([name.clone(), HumanCount(count.events).to_string(), HumanBytes(count.bytes).to_string()]);
        }
        out.table(&grid)
    }
}

/// What an entry has beside its data, roughly: names, ids, times.
const ENVELOPE: u64 = 200;

fn size(document: &Document) -> u64 {
    bson::serialize_to_vec(document).map_or(0, |bytes| bytes.len() as u64)
}
