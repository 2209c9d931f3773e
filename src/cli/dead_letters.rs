//! `dead-letters`: the events that handlers have given up.

mod show;

use std::io::Read;

use bson::{Bson, Document};
use chrono::{DateTime, Utc};
use clap::Subcommand;
use serde_json::{Value, json};

use super::exit::{Exit, Outcome, Stop};
use super::open::Opened;
use super::out::Out;
use super::table::Grid;
use super::when::moment;
use super::{text, work};
use crate::events::{DeadLetter, DeadLetters, LetterFilter, Operate};

/// How many letters are read at once.
const PAGE: usize = 500;

/// What to do with dead letters.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List them.
    List {
        #[command(flatten)]
        filter: Filter,
        /// At most so many.
        #[arg(short, long, value_name = "N")]
        limit: Option<usize>,
    },
    /// Show one with its event, the error and what led to it.
    Show {
        /// The letter's id: `HANDLER/EVENT-ID`.
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Let the handler try an event again with other data; the log stays as it is.
    Edit {
        /// The letter's id: `HANDLER/EVENT-ID`.
        #[arg(value_name = "ID")]
        id: String,
        /// The whole data as extended JSON, as `show --json` has them: a file, or `-` for standard input.
        #[arg(value_name = "FILE")]
        file: std::path::PathBuf,
    },
    /// Let the handler try again.
    Requeue(Which),
    /// Give events up for good: the handler goes on without them.
    Discard {
        #[command(flatten)]
        which: Which,
        /// Confirms it: the id once more, or `all`.
        #[arg(long, value_name = "ID|all")]
        yes: Option<String>,
    },
}

/// Which letters.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Filter {
    /// Only those of a handler.
    #[arg(long, value_name = "HANDLER")]
    handler: Option<String>,
    /// Only events whose type matches: `user.*`.
    #[arg(long = "type", value_name = "PATTERN")]
    event_type: Option<String>,
    /// Only those given up for this reason: exhausted, fatal, cycle.
    #[arg(long, value_name = "REASON")]
    reason: Option<String>,
    /// Only those that failed at or after a moment.
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    since: Option<DateTime<Utc>>,
    /// Only those that failed before a moment.
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    until: Option<DateTime<Utc>>,
}

/// One letter, or all that match.
#[derive(Debug, clap::Args)]
pub(super) struct Which {
    /// The letter's id: `HANDLER/EVENT-ID`.
    #[arg(value_name = "ID", conflicts_with = "all")]
    id: Option<String>,
    /// All that match the conditions below.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    filter: Filter,
}

impl Which {
    /// Refuses a command line that names no letter.
    fn check(&self) -> Outcome<()> {
        if self.all {
            return Ok(());
        }
        Err(Stop::usage("no dead letter is named").hint("name one by its id, or add --all for those that match"))
    }
}

impl Filter {
    fn read(&self) -> LetterFilter {
        let mut filter = LetterFilter::new();
        if let Some(handler) = &self.handler {
            filter = filter.handler(handler);
        }
        if let Some(pattern) = &self.event_type {
            filter = filter.event_type(pattern);
        }
        if let Some(reason) = &self.reason {
            filter = filter.reason(reason);
        }
        if let Some(since) = self.since {
            filter = filter.since(since);
        }
        if let Some(until) = self.until {
            filter = filter.until(until);
        }
        filter
    }
}

pub(super) async fn run(command: &Command, opened: &Opened, out: &mut Out<'_>) -> Outcome {
    let letters = opened.database().dead_letters();
    match command {
        Command::List { filter, limit } => list(&letters, filter.read(), limit.unwrap_or(usize::MAX), out).await,
        Command::Show { id } => show::run(&letters, id, out).await,
        Command::Edit { id, file } => {
            letters.edit_and_requeue(id, &data(file)?).await?;
            say("requeued", 1, out)
        }
        Command::Requeue(Which { id: Some(id), .. }) => {
            letters.requeue(id).await?;
            say("requeued", 1, out)
        }
        Command::Requeue(which) => {
            which.check()?;
            let count = letters.requeue_where(&which.filter.read()).await?;
            say("requeued", count, out)
        }
        Command::Discard { which: Which { id: Some(id), .. }, yes } => {
            work::confirm(&format!("dead letter {} will be discarded", text::clean(id)), id, yes.as_deref(), out)?;
            letters.discard(id).await?;
            say("discarded", 1, out)
        }
        Command::Discard { which, yes } => {
            which.check()?;
            work::confirm("every dead letter that matches will be discarded", "all", yes.as_deref(), out)?;
            let count = letters.discard_where(&which.filter.read()).await?;
            say("discarded", count, out)
        }
    }
}

fn say(what: &str, count: u64, out: &mut Out<'_>) -> Outcome {
    if out.is_json() {
        out.document(&json!({ "done": what, "dead_letters": count }))?;
    } else {
        out.line(format!("{} {what}", text::count(count, "dead letter")))?;
    }
    Ok(Exit::Ok)
}

async fn list(letters: &DeadLetters, mut filter: LetterFilter, mut left: usize, out: &mut Out<'_>) -> Outcome {
    let mut grid = Grid::new(&["id", "event", "stream", "failed at", ">attempts", "reason", "error"]).one_line();
    let mut none = true;
    while left > 0 {
        let page = letters.list(&filter.clone().limit(PAGE.min(left))).await?;
        left -= page.len();
        let last = page.last().filter(|_| page.len() == PAGE).map(|last| last.id.clone());
        for letter in &page {
            none = false;
            if out.is_json() {
                out.json_line(&json_of(letter))?;
            } else {
                let state = if letter.requeued { "requeued" } else { letter.reason.as_str() };
                grid.row([
                    letter.id.clone(),
                    letter.event_type.clone(),
                    letter.stream.to_string(),
                    text::time(letter.failed_at),
                    letter.attempts.to_string(),
                    state.to_owned(),
                    text::clip(&letter.error, 100).into_owned(),
                ]);
            }
        }
        if !grid.is_empty() {
            out.table(&grid)?;
            grid.go_on();
        }
        match last {
            Some(last) => filter = filter.after(last),
            None => break,
        }
    }
    if none {
        out.note("no dead letters");
    }
    Ok(Exit::Ok)
}

fn json_of(letter: &DeadLetter) -> Value {
    json!({
        "id": letter.id,
        "handler": letter.handler,
        "event": letter.event_id.to_string(),
        "type": letter.event_type,
        "stream": letter.stream.to_string(),
        "version": letter.version,
        "position": letter.position.get(),
        "reason": letter.reason,
        "error": letter.error,
        "attempts": letter.attempts,
        "first_failed_at": text::rfc3339(letter.first_failed_at),
        "failed_at": text::rfc3339(letter.failed_at),
        "requeued": letter.requeued,
        "edited": letter.edited,
    })
}

/// Reads data that a person has written.
fn data(file: &std::path::Path) -> Outcome<Document> {
    let mut text = String::new();
    let read = if file == std::path::Path::new("-") {
        std::io::stdin().read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|mut file| file.read_to_string(&mut text))
    };
    let name = file.display();
    read.map_err(|error| Stop::failed(format!("could not read {name}: {error}")))?;
    let json: Value =
        serde_json::from_str(&text).map_err(|error| Stop::usage(format!("{name} holds no JSON: {error}")))?;
    match Bson::try_from(json) {
        Ok(Bson::Document(data)) => Ok(data),
        Ok(_) => Err(Stop::usage(format!("{name} holds no JSON object"))),
        Err(error) => Err(Stop::usage(format!("{name} is no extended JSON: {error}"))),
    }
}
