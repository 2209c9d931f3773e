//! Patterns that match nothing: most are misspelt.

use std::sync::Arc;

use earnorm_core::Result;
use earnorm_core::database::Database;
use earnorm_core::pattern::EventPattern;
use earnorm_core::store::LogQuery;

use crate::handler::Handler;

/// How alike two names must be to be worth a hint.
const ALIKE: f64 = 0.8;
/// How many names a hint offers.
const OFFERS_MAX: usize = 3;

/// Warns of patterns that match neither a type that the program knows nor one that is in the log. Events that the program
/// publishes by their names alone are not known before the first one.
pub(super) async fn warn(db: &Database, handlers: &[Arc<Handler>]) -> Result<()> {
    let known = db.registry().event_types();
    for handler in handlers {
        for pattern in &handler.patterns {
            if known.iter().any(|known| pattern.matches(known)) {
                continue;
            }
            let query = LogQuery { types: vec![pattern.clone()], limit: 1, ..LogQuery::default() };
            if !db.store().read_log(query).await?.events.is_empty() {
                continue;
            }
            let nearest = nearest(pattern, &known).join(", ");
            tracing::warn!(
                handler = %handler.id, pattern = pattern.as_str(), nearest,
                "no event matches the handler's pattern: no model of the program records such events, and none is in the log"
            );
        }
    }
    Ok(())
}

/// The known types nearest to what a pattern may have meant, the nearest first.
fn nearest<'a>(pattern: &EventPattern, known: &'a [String]) -> Vec<&'a str> {
    let likeness = |known: &str| {
        let (asked, words): (Vec<_>, Vec<_>) = (pattern.as_str().split('.').collect(), known.split('.').collect());
        // A wildcard is like every word.
        let filled = asked.iter().enumerate().map(|(index, part)| match words.get(index) {
            Some(word) if part.contains('*') => word,
            _ => part,
        });
        strsim::jaro_winkler(&filled.copied().collect::<Vec<_>>().join("."), known)
    };
    let mut alike: Vec<_> = known.iter().map(|known| (likeness(known), known.as_str())).collect();
    alike.retain(|(likeness, _)| *likeness >= ALIKE);
    alike.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    alike.into_iter().map(|(_, known)| known).take(OFFERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_patterns_are_near_what_was_meant() {
        let known: Vec<_> = ["user.created", "user.deleted", "order.paid"].map(str::to_owned).to_vec();
        let near = |pattern| nearest(&EventPattern::new(pattern).unwrap_or_else(|error| panic!("{error}")), &known);
        assert_eq!(near("usr.created").first(), Some(&"user.created"));
        assert_eq!(near("user.craeted").first(), Some(&"user.created"));
        assert_eq!(near("ordr.*"), ["order.paid"]);
        assert_eq!(near("zebra.gallops"), [""; 0]);
    }
}
