//! What can be asked of a run.

use std::time::Duration;

use clap::{Parser, ValueEnum};
use serde::{Deserialize, Serialize};

/// Hostile writers against readers: counts events that a reader missed or saw twice.
#[derive(Debug, Clone, Parser, Serialize, Deserialize)]
#[command(name = "stress")]
pub(crate) struct Options {
    /// The replica set to run on.
    #[arg(long, default_value = "mongodb://127.0.0.1:27017/?replicaSet=rs0")]
    pub(crate) uri: String,
    /// The store to run on. A file has no holes, and is made in the directory for temporary files; on the memory store
    /// everything runs in one process, too.
    #[arg(long, value_enum, default_value_t = Backend::Mongo)]
    pub(crate) store: Backend,
    /// How long to write: `90s`, `10m`, `1h`.
    #[arg(long, value_parser = parse_time, default_value = "1m")]
    pub(crate) time: Duration,
    /// Where the writers' decisions come from; drawn and printed unless given.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// How many hostile writers.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..1_000))]
    pub(crate) writers: u32,
    /// How many commits each writer sends at the same time.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..1_000))]
    pub(crate) tasks: u32,
    /// Over how many processes the writers are spread, and over how many others the readers.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..100))]
    pub(crate) processes: u32,
    /// How many readers: in turn a loop over the log, a subscription, a catch-up reader and a live one.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..1_000))]
    pub(crate) readers: u32,
    /// The longest time that a stalling writer stands still.
    #[arg(long, value_parser = parse_time, default_value = "3s")]
    pub(crate) stall: Duration,
    /// Adds a reader that works by a wrong rule and must be caught missing events.
    #[arg(long, value_enum)]
    pub(crate) control: Option<Control>,
    /// How many processes of bankers, who move money between accounts.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(..100))]
    pub(crate) bankers: u32,
    /// How many processes with handlers of the bank's events.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(..100))]
    pub(crate) handlers: u32,
    /// Control: handlers count without a transaction, and must be caught counting an event twice. Only they are killed,
    /// between the one and the other.
    #[arg(long, requires = "kill_writers")]
    pub(crate) loose_handlers: bool,
    /// Kills a process now and then and starts another: of writers, bankers, handlers and readers in turn.
    #[arg(long)]
    pub(crate) kill_writers: bool,
    /// Writes until the standard input ends, for `--time` at most. A line `7` there asks for how long it then took until
    /// a commit that was sent after it was acknowledged.
    #[arg(long)]
    pub(crate) driven: bool,
    /// The database, which must not exist; a new one unless given.
    #[arg(long)]
    pub(crate) database: Option<String>,
    /// Leaves the database there for a look at it; else it is dropped.
    #[arg(long)]
    pub(crate) keep: bool,
    /// Prints what others may read, one JSON value a line: `"writing"`, `first_ack`, and at last `report`.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Options {
    /// Whether there is a bank.
    pub(crate) fn has_bank(&self) -> bool {
        self.bankers > 0
    }

    /// How the bank's events are counted.
    pub(crate) fn counts(&self) -> Counts {
        match (self.handlers, self.loose_handlers) {
            (0, _) => Counts::NotAtAll,
            (_, false) => Counts::Once,
            (_, true) => Counts::AtLeastOnce,
        }
    }
}

/// How often an event of the bank is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Counts {
    #[default]
    NotAtAll,
    Once,
    /// That is wrong on purpose.
    AtLeastOnce,
}

/// Which store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub(crate) enum Backend {
    Mongo,
    Sqlite,
    Memory,
}

/// A wrong way to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub(crate) enum Control {
    /// Reads `position > last`, past the high-water mark.
    Naive,
    /// Waits 200 ms for a missing position, then goes on without it.
    GapTimeout,
}

/// Reads `90`, `90s`, `500ms`, `10m` and `1h`.
fn parse_time(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| format!("`{text}` is no time: write it as `90s` or `10m`"))?;
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "" | "s" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(number * 60)),
        "h" => Ok(Duration::from_secs(number * 3_600)),
        _ => Err(format!("`{unit}` is no unit of time: write `ms`, `s`, `m` or `h`")),
    }
}
