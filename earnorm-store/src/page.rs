//! Which events a page of the log holds.

use earnorm_core::event::RecordedEvent;
use earnorm_core::store::LogQuery;

/// Whether an event within the positions and streams of `query` is asked for.
pub(crate) fn wanted(query: &LogQuery, event: &RecordedEvent) -> bool {
    let one_of = |wanted: &Option<String>, found: &Option<String>| wanted.is_none() || wanted == found;
    (query.categories.is_empty() || query.categories.iter().any(|category| category == event.stream.category()))
        && query.since.is_none_or(|since| event.recorded_at >= since)
        && query.until.is_none_or(|until| event.recorded_at < until)
        && one_of(&query.actor, &event.metadata.actor)
        && one_of(&query.correlation_id, &event.metadata.correlation_id)
        && (query.types.is_empty() || query.types.iter().any(|pattern| pattern.matches(&event.event_type)))
}
