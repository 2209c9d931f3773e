//! `handlers`: what reacts to events, how far it is, and operating it.

use clap::Subcommand;
use serde_json::{Value, json};

use super::exit::{Exit, Outcome, Stop};
use super::nearest;
use super::open::Opened;
use super::out::Out;
use super::table::{Grid, Tone};
use super::{text, work};
use crate::Error;
use crate::events::{HandlerInfo, Handlers, Operate};
use crate::position::Position;

/// What to do with handlers.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List every handler that the store knows, with how far it is.
    List,
    /// Pause a handler, or those of a group, in every process.
    Pause {
        /// The handler's id, or a group.
        #[arg(value_name = "HANDLER|GROUP")]
        name: String,
        /// Why, for those who find it paused.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Let a handler, or those of a group, go on.
    Resume {
        /// The handler's id, or a group.
        #[arg(value_name = "HANDLER|GROUP")]
        name: String,
    },
    /// Move a handler back, so that it handles events again: what it does happens again.
    Replay {
        /// The handler's id.
        #[arg(value_name = "HANDLER")]
        name: String,
        /// The first position that is handled again, or `beginning`.
        #[arg(long, value_name = "POSITION|beginning", value_parser = from)]
        from: Position,
        /// Confirms it: the handler once more.
        #[arg(long, value_name = "HANDLER")]
        yes: Option<String>,
    },
    /// Remove everything that the store keeps of a handler that no program has any more.
    Forget {
        /// The handler's id.
        #[arg(value_name = "HANDLER")]
        name: String,
        /// Confirms it: the handler once more.
        #[arg(long, value_name = "HANDLER")]
        yes: Option<String>,
    },
}

/// Everything behind the answer is handled again.
fn from(text: &str) -> Result<Position, String> {
    match text.parse::<i64>() {
        Ok(first) if first > 0 => Ok(Position::new(first - 1)),
        _ if text == "beginning" => Ok(Position::START),
        _ => Err("write a position such as 42, or `beginning`".to_owned()),
    }
}

pub(super) async fn run(command: &Command, opened: &Opened, out: &mut Out<'_>) -> Outcome {
    let handlers = opened.database().handlers();
    match command {
        Command::List => list(&handlers, out).await,
        Command::Pause { name, reason } => {
            let changed = handlers.pause(name, reason).await;
            say("paused", &known(&handlers, name, changed).await?, out)
        }
        Command::Resume { name } => {
            let changed = handlers.resume(name).await;
            say("resumed", &known(&handlers, name, changed).await?, out)
        }
        Command::Replay { name, from, yes } => {
            let what = format!("handler `{}` will handle everything behind position {from} again", text::clean(name));
            work::confirm(&what, name, yes.as_deref(), out)?;
            let done = handlers.replay(name, *from).await;
            known(&handlers, name, done).await?;
            say("moved back", std::slice::from_ref(name), out)
        }
        Command::Forget { name, yes } => {
            let what = format!("everything that is stored of handler `{}` will be removed", text::clean(name));
            work::confirm(&what, name, yes.as_deref(), out)?;
            let done = handlers.forget(name).await;
            known(&handlers, name, done).await?;
            say("forgotten", std::slice::from_ref(name), out)
        }
    }
}

/// Says which names there are where a name is unknown.
async fn known<T>(handlers: &Handlers, name: &str, answer: crate::Result<T>) -> Outcome<T> {
    let error = match answer {
        Ok(answer) => return Ok(answer),
        Err(error @ Error::InvalidName { .. }) => error,
        Err(error) => return Err(error.into()),
    };
    let ids: Vec<_> = handlers.list().await?.into_iter().map(|info| info.id).collect();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let stop = Stop::usage(error.to_string());
    Err(match nearest::instead("handlers", name, &ids) {
        Some(hint) => stop.hint(hint),
        None => stop,
    })
}

fn say(what: &str, ids: &[String], out: &mut Out<'_>) -> Outcome {
    if out.is_json() {
        out.document(&json!({ "done": what, "handlers": ids }))?;
    } else if ids.is_empty() {
        out.line(format!("nothing to do: none was left to be {what}"))?;
    }
    if !out.is_json() {
        for id in ids {
            out.line(format!("{} {what}", text::clean(id)))?;
        }
    }
    Ok(Exit::Ok)
}

async fn list(handlers: &Handlers, out: &mut Out<'_>) -> Outcome {
    let infos = handlers.list().await?;
    if out.is_json() {
        out.document(&Value::Array(infos.iter().map(json_of).collect()))?;
        return Ok(Exit::Ok);
    }
    if infos.is_empty() {
        out.note("the store knows no handlers yet: a program that starts an event bus notes them");
        return Ok(Exit::Ok);
    }
    let mut grid = Grid::new(&["handler", "group", "state", ">position", ">lag", ">parked", ">dead", "takes"]);
    for info in &infos {
        let (state, tone) = state(info);
        grid.row([
            info.id.clone(),
            info.group.clone().unwrap_or_default(),
            state,
            info.position.map(|position| position.to_string()).unwrap_or_default(),
            info.lag.to_string(),
            info.parked.to_string(),
            info.dead_letters.to_string(),
            info.patterns.join(", "),
        ]);
        grid.tone(2, tone);
        for (column, count) in [(5, info.parked), (6, info.dead_letters)] {
            if count > 0 {
                grid.tone(column, Tone::Warn);
            }
        }
    }
    out.table(&grid)?;
    Ok(Exit::Ok)
}

fn state(info: &HandlerInfo) -> (String, Tone) {
    match &info.paused {
        Some(pause) => (format!("paused: {}", pause.reason), if pause.by_itself { Tone::Bad } else { Tone::Warn }),
        None if info.running => ("running".to_owned(), Tone::Good),
        None if info.registered => ("waiting".to_owned(), Tone::Warn),
        None => ("unregistered".to_owned(), Tone::Dim),
    }
}

fn json_of(info: &HandlerInfo) -> Value {
    json!({
        "id": info.id,
        "group": info.group,
        "patterns": info.patterns,
        "except": info.except,
        "place": info.place,
        "position": info.position.map(Position::get),
        "lag": info.lag,
        "paused": info.paused.as_ref().map(|pause| json!({
            "reason": pause.reason,
            "at": text::rfc3339(pause.at),
            "by_itself": pause.by_itself,
        })),
        "parked": info.parked,
        "dead_letters": info.dead_letters,
        "running": info.running,
        "registered": info.registered,
    })
}
