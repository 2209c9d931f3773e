//! The chain of causes of an event, which travels in the metadata of what handlers write, so that loops are found.

use bson::Bson;
use earnorm_core::event::RecordedEvent;

/// The field of the metadata that holds the chain: `handler stream`, oldest first.
pub(crate) const FIELD: &str = "earnorm_chain";

/// How long a chain may be: handlers that react to handlers.
pub(crate) const DEPTH_MAX: usize = 16;

/// The chain that led to an event.
pub(crate) fn of(event: &RecordedEvent) -> Vec<String> {
    let stored = event.metadata.extra.get_array(FIELD).map(Vec::as_slice).unwrap_or_default();
    stored.iter().filter_map(Bson::as_str).map(ToOwned::to_owned).collect()
}

/// The chain of what a handler writes because of an event.
pub(crate) fn after(event: &RecordedEvent, handler: &str) -> Vec<String> {
    let mut chain = of(event);
    chain.push(link(handler, event));
    chain
}

/// Why a handler must not handle an event, with the chain in words.
pub(crate) fn loops(event: &RecordedEvent, handler: &str, may_cycle: bool) -> Option<String> {
    let (chain, whole) = (of(event), after(event, handler).join(" → "));
    if chain.len() >= DEPTH_MAX {
        return Some(format!("it is caused by {DEPTH_MAX} handlers one after the other: {whole}"));
    }
    let seen = !may_cycle && chain.contains(&link(handler, event));
    seen.then(|| format!("it goes round in a circle: {whole}; allow it with `may_cycle`, or narrow the pattern"))
}

fn link(handler: &str, event: &RecordedEvent) -> String {
    format!("{handler} {}", event.stream)
}
