//! The command line: what every command takes, and the list of commands.

use clap::{Parser, Subcommand};

use super::exit::CODES;
use super::out::Colour;
use super::{
    adopt, dead_letters, doctor, erase, export, handlers, hooks, import, log, models, rebuild, schema, stream,
    truncate, upgrade, verify,
};
use crate::backend::Secret;

/// Looks at a store of EarnORM, and keeps it in order.
#[derive(Debug, Parser)]
#[command(name = "earnorm", version, after_help = CODES, args_override_self = true)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) address: Address,
    #[command(flatten)]
    pub(super) style: Style,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Which store.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Store")]
pub(super) struct Address {
    /// The store's address, `mongodb://host/name?replicaSet=rs0`, or the path of a database file, `app.db`.
    ///
    /// Set the variable instead when it holds a password, which other users could read off the command line.
    #[arg(long, global = true, value_name = "URI", env = "EARNORM_STORE", hide_env_values = true, value_parser = secret)]
    pub(super) store: Option<Secret>,
    /// The database's name, whatever the address says.
    #[arg(long, global = true, value_name = "NAME", env = "EARNORM_DATABASE", hide_env_values = true)]
    pub(super) database: Option<String>,
    /// The start of the names of the library's own collections.
    #[arg(long, global = true, value_name = "TEXT", env = "EARNORM_PREFIX", hide_env_values = true)]
    pub(super) prefix: Option<String>,
    /// How many seconds to look for the server.
    #[arg(long, global = true, value_name = "SECONDS")]
    pub(super) connect_timeout: Option<u64>,
    /// Whether the command may make a store that is not there.
    #[arg(skip)]
    pub(super) makes: bool,
}

fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
}

/// How to say it.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Output")]
pub(super) struct Style {
    /// Write JSON: one document, or one a line for a series of events; errors too.
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Say nothing but results and errors: no progress, no asides.
    #[arg(long, short, global = true)]
    pub(super) quiet: bool,
    /// When to use colours; NO_COLOR turns them off too.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(super) color: Colour,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Read the log of all events.
    #[command(subcommand)]
    Log(log::Command),
    /// Read one stream: the history of one instance.
    #[command(subcommand)]
    Stream(stream::Command),
    /// List the models, with their collections and versions.
    Models(models::Args),
    /// List the hooks that run, in the order in which they run.
    Hooks(hooks::Args),
    /// Look at the handlers of events, and operate them.
    #[command(subcommand)]
    Handlers(handlers::Command),
    /// Look at the events that handlers have given up, and deal with them.
    #[command(subcommand)]
    DeadLetters(dead_letters::Command),
    /// Keep an eye on what is stored of models and events.
    #[command(subcommand)]
    Schema(schema::Command),
    /// Look for what is wrong with a store, or will be.
    Doctor(doctor::Args),
    /// Compare state documents with the log.
    Verify(verify::Args),
    /// Build state documents anew from the log.
    Rebuild(rebuild::Args),
    /// Bring state documents of older schema versions to today's shape.
    Upgrade(upgrade::Args),
    /// Take over documents that were there before the library.
    Adopt(adopt::Args),
    /// Write the log to a file.
    Export(export::Args),
    /// Read a log from a file.
    Import(import::Args),
    /// Move the beginning of the log into an archive.
    Truncate(truncate::Args),
    /// Erase the personal data of one person.
    Erase(erase::Args),
}
