//! What to type instead of a command that is not there: clap knows its neighbours, this knows the other branches.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory};

use super::args::Cli;
use super::nearest;

/// What people call things elsewhere.
const OTHER_WORDS: [(&str, &str); 12] = [
    ("events", "log tail"),
    ("history", "stream show ID --history"),
    ("diff", "stream show ID --diff"),
    ("status", "doctor"),
    ("health", "doctor"),
    ("check", "doctor"),
    ("fsck", "verify"),
    ("migrate", "upgrade"),
    ("replay", "rebuild"),
    ("restore", "import"),
    ("consumers", "handlers list"),
    ("dlq", "dead-letters list"),
];

/// A tip for a wrong command that stands on another branch of the tree: `tail` is `log tail`.
pub(super) fn elsewhere(error: &clap::Error, program: &str) -> Option<String> {
    if error.kind() != ErrorKind::InvalidSubcommand {
        return None;
    }
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidSubcommand) else { return None };
    let mut paths = Vec::new();
    collect(&Cli::command(), "", &mut paths);
    let known: Vec<_> = paths.iter().map(|(name, path)| (name.as_str(), path.as_str())).chain(OTHER_WORDS).collect();
    let near = nearest::nearest(typed, known.iter().map(|(name, _)| *name));
    let best = *near.first()?;
    if best != typed && error.get(ContextKind::SuggestedSubcommand).is_some() {
        return None;
    }
    let paths = known.iter().filter(|(name, _)| *name == best).map(|(_, path)| format!("`{program} {path}`"));
    Some(format!("type {}", paths.collect::<Vec<_>>().join(" or ")))
}

fn collect(command: &Command, above: &str, paths: &mut Vec<(String, String)>) {
    for sub in command.get_subcommands() {
        let path = if above.is_empty() { sub.get_name().to_owned() } else { format!("{above} {}", sub.get_name()) };
        paths.push((sub.get_name().to_owned(), path.clone()));
        collect(sub, &path, paths);
    }
}
