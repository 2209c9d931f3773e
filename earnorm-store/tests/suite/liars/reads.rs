//! Lies about what is read.

use bson::{Bson, Document};
use chrono::Duration;
use earnorm_core::event::RecordedEvent;
use earnorm_core::position::Position;
use earnorm_core::predicate::{Comparison, Predicate, TextMatch};
use earnorm_core::regex::PortableRegex;
use earnorm_core::store::{AggregateRow, Aggregation, DocumentQuery, LogPage, LogQuery, Measure, Store, StreamQuery};
use earnorm_core::{Error, Result};

use super::Lie;
use super::liar::Liar;

pub(crate) fn stream_query(lie: Lie, mut query: StreamQuery) -> StreamQuery {
    match lie {
        Lie::StreamsIgnoreTheLimit => query.limit = usize::MAX,
        Lie::StreamsOnlyForwards => query.backwards = false,
        _ => {}
    }
    query
}

pub(crate) fn log_query(lie: Lie, mut query: LogQuery) -> LogQuery {
    match lie {
        Lie::UptoIsExclusive if query.upto != Position::END => query.upto = Position::new(query.upto.get() - 1),
        Lie::UntilIsInclusive => query.until = query.until.map(|until| until + Duration::milliseconds(1)),
        Lie::IgnoresActors => query.actor = None,
        _ => {}
    }
    query
}

pub(crate) fn event(liar: &Liar, mut event: RecordedEvent) -> RecordedEvent {
    match liar.lie {
        Lie::ReusesVersions => event.version = event.version.min(4),
        Lie::LosesMilliseconds => {
            event.recorded_at -= Duration::milliseconds(event.recorded_at.timestamp_millis() % 1000);
        }
        Lie::LetsTimeFall => {
            if let Some(sent) = liar.memory().sent.get(&event.id) {
                event.recorded_at = *sent;
            }
        }
        _ => {}
    }
    event
}

pub(crate) fn page(liar: &Liar, query: &LogQuery, mut page: LogPage) -> LogPage {
    page.high_water = mark(liar.lie, page.high_water);
    match liar.lie {
        Lie::SaysThereIsNoMore => page.more = false,
        Lie::AlwaysSaysThereIsMore => page.more = page.events.len() == query.limit,
        Lie::PagesSkipAnEvent if query.after > Position::START && page.events.len() > 1 => drop(page.events.remove(0)),
        // The first time, every third event is not there yet; those above it are.
        Lie::PassesHoles => {
            page.events.retain(|event| event.position.get() % 3 != 0 || !liar.memory().hidden.insert(event.id))
        }
        _ => {}
    }
    page.events = page.events.into_iter().map(|one| event(liar, one)).collect();
    page
}

pub(crate) fn mark(lie: Lie, mark: Position) -> Position {
    if lie == Lie::MarkIsPastTheEnd { mark.next() } else { mark }
}

pub(crate) fn document(lie: Lie, document: Document) -> Document {
    match lie {
        Lie::WidensIntegers => document.into_iter().map(|(name, value)| (name, widened(value))).collect(),
        Lie::SortsFields => {
            let mut fields: Vec<_> = document.into_iter().collect();
            fields.sort_by(|a, b| a.0.cmp(&b.0));
            fields.into_iter().collect()
        }
        _ => document,
    }
}

fn widened(value: Bson) -> Bson {
    match value {
        Bson::Int32(number) => Bson::Int64(number.into()),
        Bson::Array(items) => items.into_iter().map(widened).collect::<Vec<_>>().into(),
        other => other,
    }
}

pub(crate) fn document_query(lie: Lie, mut query: DocumentQuery) -> DocumentQuery {
    query.predicate = predicate(lie, query.predicate);
    match lie {
        Lie::IgnoresTheSecondKey => query.sort.truncate(1),
        Lie::IgnoresSkip => query.skip = 0,
        Lie::IgnoresProjections => query.projection = None,
        _ => {}
    }
    query
}

pub(crate) fn found(lie: Lie, query: &DocumentQuery, mut found: Vec<Document>) -> Vec<Document> {
    match lie {
        Lie::FindsTwice if found.len() > 100 => found.push(found[0].clone()),
        Lie::SortsNullLast => {
            if let Some(key) = query.sort.first() {
                found.sort_by_key(|document| matches!(document.get(&key.path), None | Some(Bson::Null)));
            }
        }
        _ => {}
    }
    found.into_iter().map(|one| document(lie, one)).collect()
}

pub(crate) fn predicate(lie: Lie, honest: Predicate) -> Predicate {
    let each = |parts: Vec<Predicate>| parts.into_iter().map(|part| predicate(lie, part)).collect();
    let twisted = match honest {
        Predicate::All(parts) => Predicate::All(each(parts)),
        Predicate::Any(parts) => Predicate::Any(each(parts)),
        Predicate::Not(inner) => Predicate::Not(Box::new(predicate(lie, *inner))),
        Predicate::Element { path, predicate: inner } => {
            Predicate::Element { path, predicate: Box::new(predicate(lie, *inner)) }
        }
        other => other,
    };
    twist(lie, twisted)
}

fn exists(path: &str) -> Predicate {
    Predicate::Exists { path: path.to_owned(), present: true }
}

fn twist(lie: Lie, honest: Predicate) -> Predicate {
    match (lie, honest) {
        (Lie::NullMissesMissing, Predicate::Compare { path, op: Comparison::Eq, value: Bson::Null }) => {
            exists(&path).and(Predicate::eq(path, Bson::Null))
        }
        (Lie::ExistsMissesNull, Predicate::Exists { path, present }) => {
            let there = !Predicate::eq(path, Bson::Null);
            if present { there } else { !there }
        }
        (Lie::ComparesAcrossKinds, Predicate::Compare { path, op: op @ (Comparison::Gt | Comparison::Gte), value }) => {
            let above = Predicate::Compare { path: path.clone(), op: Comparison::Gte, value: "".into() };
            Predicate::Compare { path, op, value }.or(above)
        }
        (Lie::FoldsCase, Predicate::Text { path, op, needle }) => {
            let text = |needle: String| Predicate::Text { path: path.clone(), op, needle };
            Predicate::Any(vec![text(needle.to_lowercase()), text(needle.to_uppercase()), text(needle)])
        }
        (Lie::ReadsTextAsAPattern, Predicate::Text { path, op: TextMatch::Contains, needle }) => {
            match PortableRegex::new(&needle) {
                Ok(regex) => Predicate::Regex { path, regex },
                Err(_) => Predicate::Any(Vec::new()),
            }
        }
        (Lie::ObeysOperatorsInValues, Predicate::Compare { path, value: Bson::Document(value), .. })
            if value.contains_key("$ne") =>
        {
            !Predicate::eq(path, value["$ne"].clone())
        }
        (Lie::InOfNothingHolds, Predicate::In { values, .. }) if values.is_empty() => Predicate::always(),
        (Lie::HasAllOfNothingHolds, Predicate::HasAll { values, .. }) if values.is_empty() => Predicate::always(),
        (Lie::NotMissesMissing, Predicate::Not(inner)) => match *inner {
            Predicate::Compare { path, op, value } => exists(&path).and(!Predicate::Compare { path, op, value }),
            other => !other,
        },
        (_, honest) => twist_arrays(lie, honest),
    }
}

fn twist_arrays(lie: Lie, honest: Predicate) -> Predicate {
    match (lie, honest) {
        (Lie::ElementsJoin, Predicate::Element { path, predicate: inner }) => join(&path, *inner),
        (Lie::SizeCountsScalars, Predicate::Size { path, len: 1 }) => exists(&path),
        (Lie::InvalidHolds, Predicate::Invalid { .. }) | (Lie::RawHolds, Predicate::Raw(_)) => Predicate::always(),
        (_, honest) => honest,
    }
}

/// The conditions on an element, each on its own.
fn join(at: &str, inner: Predicate) -> Predicate {
    match inner {
        Predicate::All(parts) => Predicate::All(parts.into_iter().map(|part| join(at, part)).collect()),
        Predicate::Compare { path, op, value } => Predicate::Compare { path: format!("{at}.{path}"), op, value },
        other => Predicate::Element { path: at.to_owned(), predicate: Box::new(other) },
    }
}

pub(crate) async fn aggregate(liar: &Liar, aggregation: Aggregation) -> Result<Vec<AggregateRow>> {
    let measures = aggregation.measures.clone();
    let grouped = aggregation.group_by.is_some();
    let mut rows = match liar.inner.aggregate(aggregation).await {
        Err(Error::InvalidQuery { .. }) if liar.lie == Lie::OverflowWraps => {
            return Ok(vec![AggregateRow { key: Bson::Null, values: vec![Bson::Int64(i64::MIN)] }]);
        }
        answer => answer?,
    };
    if liar.lie == Lie::GroupsWithoutNull && grouped {
        rows.retain(|row| row.key != Bson::Null);
    }
    for row in &mut rows {
        for (measure, value) in measures.iter().zip(&mut row.values) {
            match (liar.lie, measure, &*value) {
                (Lie::SumsWithoutDecimals, Measure::Sum(_), Bson::Decimal128(_)) => *value = Bson::Int64(0),
                (Lie::SumsDoublesPlainly, Measure::Sum(_), Bson::Double(_)) => *value = Bson::Double(0.0),
                (Lie::AverageOfNothingIsZero, Measure::Avg(_), Bson::Null) => *value = Bson::Double(0.0),
                _ => {}
            }
        }
    }
    Ok(rows)
}
