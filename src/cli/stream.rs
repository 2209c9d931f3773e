//! `stream`: the history of one instance.

mod fold;
mod show;
mod unknown;

use clap::Subcommand;

use super::exit::Outcome;
use super::open::Opened;
use super::out::Out;

/// What to do with a stream.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show the state of an instance, now or then, and how it came about.
    Show(show::Args),
}

pub(super) async fn run(command: &Command, opened: &Opened, out: &mut Out<'_>) -> Outcome {
    match command {
        Command::Show(args) => show::run(args, opened, out).await,
    }
}
