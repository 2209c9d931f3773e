//! A stream that is not there: what to type instead.

use crate::cli::exit::{Outcome, Stop};
use crate::cli::nearest;
use crate::cli::open::Opened;
use crate::stream::StreamId;

/// How many streams a hint looks at.
const LOOK_AT: usize = 2_000;

/// The end of a command that found no events.
pub(super) async fn unknown(stream: &StreamId, opened: &Opened) -> Outcome<Stop> {
    let admin = opened.store().admin();
    let categories = admin.categories().await?;
    let stop = Stop::failed(format!("the stream {stream} has no events"));
    if categories.is_empty() {
        return Ok(stop.hint("the log is empty"));
    }
    let category = stream.category();
    if !categories.iter().any(|known| known == category) {
        let known: Vec<_> = categories.iter().map(String::as_str).collect();
        return Ok(match nearest::instead("categories", category, &known) {
            Some(hint) => stop.hint(hint),
            None => stop,
        });
    }
    // Keys that begin as this one does stand right behind it.
    let mut keys: Vec<String> = Vec::new();
    for after in [Some(stream.key()), None] {
        let heads = admin.streams(category, after, LOOK_AT).await?;
        keys.extend(heads.into_iter().map(|head| head.stream.key().to_owned()));
    }
    keys.sort_unstable();
    keys.dedup();
    let near = nearest::nearest(stream.key(), keys.iter().map(String::as_str));
    let near: Vec<_> = near.into_iter().map(|key| format!("{category}-{key}")).collect();
    Ok(if near.is_empty() {
        stop.hint(format!("`log tail --category {category}` shows streams that are there"))
    } else {
        stop.hint(format!("did you mean {}?", near.join(" or ")))
    })
}

/// Reads the argument: a hint stands in the error.
pub(super) fn parse(text: &str) -> Result<StreamId, String> {
    StreamId::parse(text).map_err(|error| error.to_string())
}
