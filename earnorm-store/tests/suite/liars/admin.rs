//! Lies about upkeep.

use async_trait::async_trait;
use bson::Document;
use chrono::DateTime;
use earnorm_core::commit::{Append, Checkpoint, Commit};
use earnorm_core::error::StoreError;
use earnorm_core::event::{NewEvent, RecordedEvent};
use earnorm_core::metadata::Metadata;
use earnorm_core::ports::{Ids, RandomIds};
use earnorm_core::position::Position;
use earnorm_core::predicate::Predicate;
use earnorm_core::schema::CollectionSpec;
use earnorm_core::store::{
    DocumentQuery, Drift, EntryQuery, Finding, LogEntry, Own, PutRule, Severity, Store, StoreAdmin, StreamHead,
};
use earnorm_core::stream::{ExpectedVersion, StreamId};
use earnorm_core::{Error, Result};
use futures::TryStreamExt;

use super::Lie;
use super::liar::Liar;
use super::writes;

#[async_trait]
impl StoreAdmin for Liar {
    async fn prepare(&self, specs: &[CollectionSpec]) -> Result<Vec<Drift>> {
        let specs: Vec<_> = specs.iter().cloned().map(|spec| writes::spec(self.lie, spec)).collect();
        let mut drift = self.inner.prepare(&specs).await.map_err(|error| match (self.lie, error) {
            (Lie::NamesNoBrokenIndexes, Error::Unique(_)) => StoreError::new("liar", "an index was not built").into(),
            (_, error) => error,
        })?;
        match self.lie {
            Lie::NeverReportsDrift => drift.clear(),
            Lie::ReportsDriftAgain => {
                for spec in specs.iter().filter(|spec| !spec.indexes.is_empty()) {
                    if !self.memory().prepared.insert(spec.name.clone()) {
                        drift.push(Drift::new(&spec.name, "some", "it was there before"));
                    }
                }
            }
            _ => {}
        }
        Ok(drift)
    }

    fn own(&self, what: Own) -> String {
        self.inner.own(if self.lie == Lie::SharesOneCollection { Own::Jobs } else { what })
    }

    async fn put(&self, collection: &str, mut documents: Vec<Document>, rule: PutRule) -> Result<u64> {
        let rule = match (self.lie, rule) {
            (Lie::PutsWhereSomethingIs, PutRule::Absent)
            | (Lie::PutsOlderVersions, PutRule::Newer)
            | (Lie::PutsOtherVersions, PutRule::SameVersion) => PutRule::Always,
            (Lie::PutsNothingNewer, PutRule::Newer) => PutRule::Absent,
            (_, rule) => rule,
        };
        let count = documents.len() as u64;
        match self.lie {
            Lie::PutsOneBatch => documents.truncate(1_000),
            Lie::PutsLeaveEvents => drop(self.inner.commit(note()).await?),
            _ => {}
        }
        match self.inner.put(collection, documents, rule).await {
            Err(_) if self.lie == Lie::PutsAnything => Ok(count),
            Err(Error::Unique(_)) if self.lie == Lie::PutsOverUniqueValues => Ok(count),
            answer => answer,
        }
    }

    async fn remove(&self, collection: &str, predicate: &Predicate) -> Result<u64> {
        match self.lie {
            Lie::RemovesNothing => self.inner.count(collection, predicate).await,
            _ => self.inner.remove(collection, predicate).await,
        }
    }

    async fn swap(&self, shadow: &str, live: &str) -> Result<()> {
        let moves_documents = matches!(self.lie, Lie::SwapsDocumentsOnly | Lie::SwapsInTwoSteps);
        if moves_documents && self.inner.count(shadow, &Predicate::always()).await? > 0 {
            let found = self.inner.find(DocumentQuery::new(shadow, Predicate::always())).await?;
            let found = found.try_collect().await?;
            self.inner.remove(live, &Predicate::always()).await?;
            if self.lie == Lie::SwapsInTwoSteps {
                // Time for a reader to look between the two.
                for _ in 0..10_000 {
                    tokio::task::yield_now().await;
                }
            }
            self.inner.put(live, found, PutRule::Always).await?;
            return self.inner.drop_collection(shadow).await;
        }
        if self.lie == Lie::SwapsOverWhatIsThere && self.inner.count(live, &Predicate::always()).await? == 0 {
            return Ok(());
        }
        match self.inner.swap(shadow, live).await {
            Err(_) if self.lie == Lie::SwapsWhatIsNotThere => Ok(()),
            answer => answer,
        }
    }

    async fn drop_collection(&self, collection: &str) -> Result<()> {
        match self.lie {
            Lie::DropsDocumentsOnly => self.inner.remove(collection, &Predicate::always()).await.map(drop),
            _ => self.inner.drop_collection(collection).await,
        }
    }

    async fn streams(&self, category: &str, after: Option<&str>, limit: usize) -> Result<Vec<StreamHead>> {
        let mut heads = self.inner.streams(category, after, limit).await?;
        match self.lie {
            Lie::ListsStreamsByLength => heads.sort_by_key(|head| head.stream.key().len()),
            Lie::ListsLongStreamsTwice => {
                heads =
                    heads.into_iter().flat_map(|head| vec![head.clone(); if head.last > 1 { 2 } else { 1 }]).collect();
            }
            Lie::StreamsBeginAtOne => heads.iter_mut().for_each(|head| head.first = 1),
            _ => {}
        }
        Ok(heads)
    }

    async fn scan(&self, category: &str, after: Option<(&str, u64)>, limit: usize) -> Result<Vec<RecordedEvent>> {
        let mut events = self.inner.scan(category, after, limit).await?;
        match self.lie {
            Lie::ScansByPosition => events.sort_by_key(|event| event.position),
            Lie::ScansAStreamAgain => {
                let again = self.inner.scan(category, after.map(|(key, _)| (key, 0)), limit).await?;
                events = again;
            }
            _ => {}
        }
        Ok(events)
    }

    async fn categories(&self) -> Result<Vec<String>> {
        let mut categories = self.inner.categories().await?;
        if self.lie == Lie::ForgetsACategory {
            categories.retain(|category| !category.contains('.'));
        }
        Ok(categories)
    }

    async fn entries(&self, mut query: EntryQuery) -> Result<Vec<LogEntry>> {
        if self.lie == Lie::EntriesIgnoreTheLimit {
            query.limit = usize::MAX;
        }
        let mut entries = self.inner.entries(query).await?;
        if self.lie == Lie::HidesTombstones {
            entries.retain(|entry| matches!(entry, LogEntry::Event { .. }));
        }
        Ok(entries)
    }

    async fn append_entries(&self, entries: Vec<LogEntry>) -> Result<u64> {
        let count = entries.len() as u64;
        match self.lie {
            Lie::ForgetsCommits => self.inner.append_entries(entries.into_iter().map(without_commit).collect()).await,
            Lie::AppendsWithoutLooking => match self.inner.append_entries(entries).await {
                Err(Error::Corrupt { .. }) => Ok(count),
                answer => answer,
            },
            Lie::AppendsAnew => {
                for entry in entries {
                    self.inner.commit(anew(entry)).await?;
                }
                Ok(count)
            }
            _ => self.inner.append_entries(entries).await,
        }
    }

    async fn truncate(&self, upto: Position, kept: &[Position]) -> Result<u64> {
        match self.lie {
            Lie::TruncatesNothing => Ok(upto.get().unsigned_abs()),
            Lie::TruncatesWhatIsKept => self.inner.truncate(upto, &[]).await,
            Lie::TruncatesWhatIsNotRead => match self.inner.truncate(upto, kept).await {
                Err(Error::InvalidQuery { .. }) => Ok(0),
                answer => answer,
            },
            _ => self.inner.truncate(upto, kept).await,
        }
    }

    async fn truncated(&self) -> Result<Position> {
        let honest = self.inner.truncated().await?;
        Ok(match self.lie {
            Lie::ForgetsTheTruncation => Position::START,
            Lie::ClaimsTruncations => honest.next(),
            _ => honest,
        })
    }

    async fn checkpoints(&self) -> Result<Vec<(String, Checkpoint)>> {
        let mut checkpoints = self.inner.checkpoints().await?;
        if self.lie == Lie::HidesCheckpoints {
            checkpoints.pop();
        }
        Ok(checkpoints)
    }

    async fn remove_checkpoint(&self, consumer: &str, expected: Checkpoint) -> Result<bool> {
        let expected = match self.lie {
            Lie::RemovesMovedCheckpoints => self.inner.checkpoint(consumer).await?.unwrap_or(expected),
            _ => expected,
        };
        self.inner.remove_checkpoint(consumer, expected).await
    }

    async fn examine(&self) -> Result<Vec<Finding>> {
        let mut findings = self.inner.examine().await?;
        if self.lie == Lie::HasProblems {
            findings.push(Finding::new("mood", Severity::Problem, "it is bad"));
        }
        Ok(findings)
    }
}

fn without_commit(entry: LogEntry) -> LogEntry {
    match entry {
        LogEntry::Event { event, .. } => LogEntry::Event { event, commit: None },
        other => other,
    }
}

/// A commit that nobody asked for.
fn note() -> Commit {
    let event = NewEvent {
        id: RandomIds.next(),
        event_type: "put.noted".to_owned(),
        schema_version: 1,
        data: Document::new(),
        metadata: Metadata::new(),
        recorded_at: DateTime::UNIX_EPOCH,
    };
    let stream = StreamId::new("put", "1").unwrap();
    let append = Append { stream, expected: ExpectedVersion::Any, not_before: None, events: vec![event] };
    Commit { appends: vec![append], ..Commit::new(RandomIds.next()) }
}

/// The entry as a commit of today.
fn anew(entry: LogEntry) -> Commit {
    let mut commit = Commit::new(RandomIds.next());
    if let LogEntry::Event { event, .. } = entry {
        let new = NewEvent {
            id: event.id,
            event_type: event.event_type,
            schema_version: event.schema_version,
            data: event.data.into_document().unwrap(),
            metadata: event.metadata,
            recorded_at: event.recorded_at,
        };
        let append =
            Append { stream: event.stream, expected: ExpectedVersion::Any, not_before: None, events: vec![new] };
        commit.appends.push(append);
    }
    commit
}
