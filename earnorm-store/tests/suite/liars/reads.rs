//! Lies about what is read.

use std::collections::HashSet;

use bson::{Bson, Document};
use chrono::Duration;
use earnorm_core::event::RecordedEvent;
use earnorm_core::position::Position;
use earnorm_core::predicate::Predicate;
use earnorm_core::store::{
    AggregateRow, Aggregation, DocumentQuery, Explanation, LogPage, LogQuery, Measure, Store, StreamQuery,
};
use earnorm_core::stream::StreamId;
use earnorm_core::{Error, Result};

use super::liar::Liar;
use super::{Lie, filters};

pub(crate) fn stream_query(lie: Lie, mut query: StreamQuery) -> StreamQuery {
    match lie {
        Lie::StreamsIgnoreTheLimit => query.limit = usize::MAX,
        Lie::StreamsOnlyForwards => query.backwards = false,
        Lie::RangesAreHalfOpen if query.to < u64::MAX => query.to -= 1,
        Lie::ForgetsCaseOfStreams => query.stream = lowered(&query.stream),
        _ => {}
    }
    query
}

pub(crate) fn log_query(lie: Lie, mut query: LogQuery) -> LogQuery {
    match lie {
        Lie::UptoIsExclusive if query.upto != Position::END => query.upto = Position::new(query.upto.get() - 1),
        Lie::UntilIsInclusive => query.until = query.until.map(|until| until + Duration::milliseconds(1)),
        Lie::IgnoresActors => query.actor = None,
        Lie::IgnoresStreams => query.streams.clear(),
        Lie::IgnoresCategories => query.categories.clear(),
        Lie::IgnoresTypes => query.types.clear(),
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
        Lie::InventsActors => event.metadata.actor = event.metadata.actor.or_else(|| Some("somebody".to_owned())),
        Lie::ChangesEvents => {
            let reads = liar.memory().count();
            event.data_mut().unwrap().insert("read", reads);
        }
        Lie::WidensIntegersOfEvents => {
            let data = event.data_mut().unwrap();
            *data = std::mem::take(data).into_iter().map(|(name, value)| (name, widened(value))).collect();
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
    page.high_water = mark(liar, page.high_water);
    match liar.lie {
        Lie::SaysThereIsNoMore => page.more = false,
        Lie::PagesTellAnOlderMark => page.high_water = Position::new((page.high_water.get() - 1).max(0)),
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

pub(crate) fn mark(liar: &Liar, mark: Position) -> Position {
    match liar.lie {
        Lie::MarkIsPastTheEnd => mark.next(),
        Lie::MarkFalls if liar.memory().count() % 2 == 1 => Position::START,
        _ => mark,
    }
}

/// The stream of this name without regard to case.
pub(crate) fn lowered(stream: &StreamId) -> StreamId {
    StreamId::new(stream.category(), stream.key().to_lowercase()).unwrap()
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
    query.predicate = filters::predicate(lie, query.predicate);
    match lie {
        Lie::IgnoresTheSecondKey => query.sort.truncate(1),
        Lie::IgnoresSkip => query.skip = 0,
        Lie::ZeroIsNoLimit => query.limit = query.limit.filter(|limit| *limit > 0),
        Lie::PathsEndAtDots => query.sort.retain(|key| !key.path.contains('.')),
        Lie::IgnoresProjections => query.projection = None,
        Lie::CutsToOnePathOfEachField => {
            let mut fields = HashSet::new();
            let mut is_first = |path: &String| fields.insert(path.split('.').next().unwrap().to_owned());
            query.projection = query.projection.map(|paths| paths.into_iter().filter(&mut is_first).collect());
        }
        _ => {}
    }
    query
}

pub(crate) fn found(lie: Lie, query: &DocumentQuery, mut found: Vec<Document>) -> Vec<Document> {
    match lie {
        Lie::FindsTwice if found.len() > 100 => found.push(found[0].clone()),
        Lie::SortsNumbersAsText => sort_by(query, &mut found, |value| value.to_string()),
        Lie::SortsTextByLetters => sort_by(query, &mut found, |value| value.to_string().to_lowercase()),
        Lie::SortsArraysAsWholes => sort_by(query, &mut found, |value| matches!(value, Bson::Array(_))),
        Lie::SortsNullLast => {
            if let Some(key) = query.sort.first() {
                found.sort_by_key(|document| matches!(document.get(&key.path), None | Some(Bson::Null)));
            }
        }
        _ => {}
    }
    found.into_iter().map(|one| document(lie, one)).collect()
}

fn sort_by<K: Ord>(query: &DocumentQuery, found: &mut [Document], key: impl Fn(&Bson) -> K) {
    if let Some(sort) = query.sort.first() {
        found.sort_by_key(|document| document.get(&sort.path).map(&key));
    }
}

pub(crate) async fn aggregate(liar: &Liar, mut aggregation: Aggregation) -> Result<Vec<AggregateRow>> {
    match liar.lie {
        Lie::MeasuresEverything => aggregation.predicate = Predicate::always(),
        Lie::GroupsByWholes => {
            aggregation.group_by = aggregation.group_by.map(|path| path.split('.').next().unwrap().to_owned());
        }
        _ => {}
    }
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
                (Lie::FindsNoHighest, Measure::Max(_), _) => *value = Bson::Null,
                (Lie::SumsWithoutDecimals, Measure::Sum(_), Bson::Decimal128(_)) => *value = Bson::Int64(0),
                (Lie::SumsDoublesPlainly, Measure::Sum(_), Bson::Double(_)) => *value = Bson::Double(0.0),
                (Lie::AverageOfNothingIsZero, Measure::Avg(_), Bson::Null) => *value = Bson::Double(0.0),
                _ => {}
            }
        }
    }
    Ok(rows)
}

pub(crate) fn distinct(lie: Lie, mut values: Vec<Bson>) -> Vec<Bson> {
    match lie {
        Lie::RepeatsDistinctValues => values.extend(values.first().cloned()),
        Lie::LosesADistinctValue => drop(values.pop()),
        _ => {}
    }
    values
}

pub(crate) fn got(liar: &Liar, collection: &str, id: &Bson, found: Option<Document>) -> Option<Document> {
    match (liar.lie, id) {
        (Lie::ReadsLate, _) if liar.memory().fresh.remove(&format!("{collection} {id}")) => None,
        (Lie::InventsDocuments, _) => found.or_else(|| Some(bson::doc! { "_id": id.clone() })),
        (Lie::KnowsCommonIdsOnly, Bson::Int32(_) | Bson::String(_)) => found,
        (Lie::KnowsCommonIdsOnly, _) | (Lie::KeepsKindsOfIds, Bson::Int64(_) | Bson::Double(_)) => None,
        _ => found,
    }
    .map(|one| document(liar.lie, one))
}

pub(crate) fn explained(lie: Lie, mut honest: Explanation) -> Explanation {
    match lie {
        Lie::NamesNoIndexes => honest.indexes.clear(),
        Lie::TestsNothingAfter => honest.after.clear(),
        _ => {}
    }
    honest
}
