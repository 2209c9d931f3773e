//! The `earnorm` command, for programs that want it with their own models.
//!
//! ```no_run
//! use app as _; // the crate of the models
//! # mod app {}
//!
//! #[tokio::main]
//! async fn main() -> std::process::ExitCode {
//!     earnorm::cli::run().await
//! }
//! ```
//!
//! The `earnorm` binary is the same without models: it folds tracked models by what the store knows of them. Where only
//! the models' code can go on (upcasters, sourced models, the plan of hooks) it says so and ends with exit code 4.
//!
//! The store is an address, or the path of a database file: `earnorm --store app.db log stats`.
//!
//! | Command | What it does |
//! |---|---|
//! | `log tail [-n N] [--follow] [--type …] [--category …] [--stream …] [--actor …] [--since …] [--until …]` | the last events, and those that come |
//! | `log show POSITION\|EVENT-ID` | one event with everything in it |
//! | `log stats` | events by type, streams by category, tombstones, size |
//! | `stream show ID [--at-version N \| --as-of WHEN] [--diff \| --history]` | the state of an instance, now or then; what each event changed |
//! | `models [MODEL…]`, `hooks [MODEL…]` | the models; the hooks in the order in which they run |
//! | `handlers list\|pause\|resume\|replay\|forget` | the handlers of events: how far they are, stopping them, handling again |
//! | `dead-letters list\|show\|edit\|requeue\|discard` | the events that handlers have given up |
//! | `schema lock\|check [--file PATH]` | writes the shapes of models and events to a file to commit; compares with it |
//! | `doctor [--strict] [--brief] [--indexes]` | connection, replica set, clock, holes, models, indexes, consumers |
//! | `verify [MODEL…] [--record-outside-edits]` | compares state documents with the log |
//! | `rebuild MODEL…\|--all [--restart] [--drop-unknown --yes MODELS]` | makes state documents anew from the log |
//! | `upgrade [MODEL…]`, `adopt MODEL [--actor NAME]` | brings older shapes up to date; takes over documents from before |
//! | `export FILE\|-`, `import FILE` | the log as a file, and back |
//! | `truncate POSITION --archive FILE --yes POSITION` | moves the beginning of the log into an archive |
//! | `erase SUBJECT --yes SUBJECT` | erases the personal data of one person |
//!
//! | Exit code | Meaning |
//! |---|---|
//! | 0 | done, and all is well; also when whoever read the output went away |
//! | 1 | differences or problems were found: `verify`, `schema check`, `doctor` |
//! | 2 | the command line is wrong |
//! | 3 | the store is out of reach, or not fit |
//! | 4 | only a program that links the models can do this |
//! | 5 | the work failed |
//! | 130 | interrupted by Ctrl-C; long work says how to go on |
//!
//! Results go to standard output, everything else to standard error. With `--json` results are JSON for programs:
//! relaxed extended JSON for stored values, one document, or one a line for a series of events. Colours and progress bars
//! appear on terminals only; `NO_COLOR` is respected.

mod adopt;
mod args;
mod dead_letters;
mod doctor;
mod erase;
mod exit;
mod export;
mod file;
mod handlers;
mod hooks;
mod import;
mod instead;
mod io;
mod log;
mod models;
mod nearest;
mod open;
mod out;
mod progress;
mod rebuild;
mod schema;
mod stream;
mod table;
mod text;
mod truncate;
mod upgrade;
mod verify;
mod when;
mod work;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use args::{Cli, Command};
use exit::{Outcome, Stop};
use open::Opened;
use out::Out;

pub use exit::Exit;
pub use io::Io;
pub use open::Target;

/// Runs the command with the arguments of this process and the models that are linked into it.
pub async fn run() -> ExitCode {
    run_with(std::env::args_os(), Io::standard()).await.into()
}

/// Runs the command with other arguments. The first one is how users call it, as hints and help show it: `online_retail
/// cli`.
pub async fn run_with<A: Into<OsString>>(args: impl IntoIterator<Item = A>, io: Io<'_>) -> Exit {
    run_on(Target::Address, args, io).await
}

/// Runs the command on a store or database that is open already, whatever the address on the command line. It stays
/// open.
pub async fn run_on<A: Into<OsString>>(
    target: impl Into<Target>,
    args: impl IntoIterator<Item = A>,
    io: Io<'_>,
) -> Exit {
    let args: Vec<OsString> = args.into_iter().map(Into::into).collect();
    let program = args.first().map_or_else(|| "earnorm".to_owned(), program);
    let mut out = Out::new(io, program);
    for arg in &args {
        out.warn_of(&arg.to_string_lossy());
    }
    let cli = match parse(args, out.program()) {
        Ok(mut cli) => {
            cli.address.makes = matches!(cli.command, Command::Import(_));
            cli
        }
        Err(error) => {
            let extra = instead::elsewhere(&error, out.program());
            return out.clap(&error, extra.as_deref());
        }
    };
    out.set(cli.style.json, cli.style.quiet, cli.style.color);
    let target = target.into();
    let outcome = if out.signals() {
        until_interrupted(&target, &cli, &mut out).await
    } else {
        dispatch(&target, &cli, &mut out).await
    };
    match outcome.and_then(|exit| out.flush().map(|()| exit)) {
        Ok(exit) => exit,
        Err(stop) => out.stop(stop),
    }
}

fn parse(args: Vec<OsString>, program: &str) -> Result<Cli, clap::Error> {
    let command = Cli::command().bin_name(program);
    // The name of the program is set above: what stands first on the command line may be a whole path.
    let matches = command.no_binary_name(true).try_get_matches_from(args.into_iter().skip(1))?;
    Cli::from_arg_matches(&matches)
}

/// The program's name without its directories.
fn program(first: &OsString) -> String {
    let path = std::path::Path::new(first);
    path.file_name().unwrap_or(first.as_os_str()).to_string_lossy().into_owned()
}

/// Ctrl-C drops the work, which stops it at a page.
async fn until_interrupted(target: &Target, cli: &Cli, out: &mut Out<'_>) -> Outcome {
    tokio::select! {
        biased;
        signal = tokio::signal::ctrl_c() => {
            signal.map_err(|error| Stop::failed(format!("could not listen for Ctrl-C: {error}")))?;
        }
        outcome = dispatch(target, cli, out) => return outcome,
    }
    let stop = Stop::new(Exit::Interrupted, "interrupted");
    Err(match cli.command.resume() {
        Some(hint) => stop.hint(hint),
        None => stop,
    })
}

async fn dispatch(target: &Target, cli: &Cli, out: &mut Out<'_>) -> Outcome {
    // These are in the program: no store is needed.
    match &cli.command {
        Command::Hooks(args) => return hooks::run(args, target, out),
        Command::Schema(command) => return schema::run(command, target, out),
        _ => {}
    }
    let opened = Opened::open(target, &cli.address, out).await?;
    let outcome = match &cli.command {
        Command::Hooks(_) | Command::Schema(_) => Ok(Exit::Ok),
        Command::Log(command) => log::run(command, &opened, out).await,
        Command::Stream(command) => stream::run(command, &opened, out).await,
        Command::Models(args) => models::run(args, &opened, out).await,
        Command::Handlers(command) => handlers::run(command, &opened, out).await,
        Command::DeadLetters(command) => dead_letters::run(command, &opened, out).await,
        Command::Doctor(args) => doctor::run(args, &opened, out).await,
        Command::Verify(args) => verify::run(args, &opened, out).await,
        Command::Rebuild(args) => rebuild::run(args, &opened, out).await,
        Command::Upgrade(args) => upgrade::run(args, &opened, out).await,
        Command::Adopt(args) => adopt::run(args, &opened, out).await,
        Command::Export(args) => export::run(args, &opened, out).await,
        Command::Import(args) => import::run(args, &opened, out).await,
        Command::Truncate(args) => truncate::run(args, &opened, out).await,
        Command::Erase(args) => erase::run(args, &opened, out).await,
    };
    opened.close().await;
    outcome
}

impl Command {
    /// What to say after an interruption.
    fn resume(&self) -> Option<&'static str> {
        match self {
            Self::Rebuild(_) => Some("the old documents are in place; the same command goes on where it stopped"),
            Self::Upgrade(_) | Self::Adopt(_) => {
                Some("what is done stays done; the same command goes on with the rest")
            }
            Self::Import(_) => Some("what is written stays; the same command adds the rest"),
            Self::Export(_) => Some("no file was left; run it again"),
            Self::Truncate(_) => {
                Some("keep the archive that was begun, and run the command again with another archive file")
            }
            Self::Erase(_) => Some("the erasure is not complete: run the same command again"),
            Self::Verify(_) => Some("nothing was changed; run it again"),
            Self::Handlers(_) | Self::DeadLetters(_) => {
                Some("what is done stays done; the same command goes on with the rest")
            }
            Self::Log(_) | Self::Stream(_) | Self::Models(_) | Self::Hooks(_) | Self::Schema(_) | Self::Doctor(_) => {
                None
            }
        }
    }
}
