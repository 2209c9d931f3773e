//! Stores that are wrong in one way: the machine must find each of them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use earnorm::bson::{Bson, Document};
use earnorm::commit::{Commit, Committed};
use earnorm::error::Result;
use earnorm::event::RecordedEvent;
use earnorm::schema::CollectionSpec;
use earnorm::store::{Drift, PutRule, Store, StoreAdmin, StreamQuery};

use crate::support::front::{Front, Twist};

/// What a liar gets wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lie {
    /// One document of many is not written, though its event is.
    LosesADocument,
    /// One document of many is answered as it was before.
    AnswersTheVersionBefore,
    /// Two live documents may have the same code.
    ForgetsWhatIsUnique,
    /// Of a unit that is refused, the first instance is written all the same.
    WritesHalfOfWhatItRefuses,
    /// A stream of more than three events is read without its last one.
    LosesTheLastEvent,
    /// A shadow that fills up gets no first document.
    RebuildsWithoutTheFirst,
}

pub(super) const LIES: [Lie; 6] = [
    Lie::LosesADocument,
    Lie::AnswersTheVersionBefore,
    Lie::ForgetsWhatIsUnique,
    Lie::WritesHalfOfWhatItRefuses,
    Lie::LosesTheLastEvent,
    Lie::RebuildsWithoutTheFirst,
];

pub(super) struct Liar {
    lie: Lie,
    calls: AtomicU64,
    answered: Mutex<HashMap<String, Document>>,
}

impl Liar {
    pub(super) fn over(inner: Arc<dyn Store>, lie: Lie) -> Arc<Front<Self>> {
        Front::of(inner, Self { lie, calls: AtomicU64::new(0), answered: Mutex::default() })
    }

    fn tells(&self, lie: Lie) -> bool {
        self.lie == lie
    }

    /// Every so many calls.
    fn now_and_then(&self, lie: Lie, every: u64) -> bool {
        self.tells(lie) && self.calls.fetch_add(1, Ordering::Relaxed) % every == every - 1
    }

    fn first_half(commit: &Commit) -> Option<Commit> {
        let first = commit.appends.first().filter(|_| commit.appends.len() > 1)?;
        let mut half = commit.clone();
        half.appends.truncate(1);
        let key = first.stream.key();
        half.documents.retain(|write| write.id == Bson::Int64(key.parse().unwrap_or_default()));
        Some(half)
    }
}

#[async_trait]
impl Twist for Liar {
    async fn commit(&self, behind: &dyn Store, mut commit: Commit) -> Result<Committed> {
        if self.now_and_then(Lie::LosesADocument, 5) {
            commit.documents.pop();
        }
        let half = Self::first_half(&commit).filter(|_| self.tells(Lie::WritesHalfOfWhatItRefuses));
        let answer = behind.commit(commit).await;
        if let Some(half) = half.filter(|_| answer.is_err()) {
            let _ = behind.commit(half).await;
        }
        answer
    }
    async fn read_stream(&self, behind: &dyn Store, query: StreamQuery) -> Result<Vec<RecordedEvent>> {
        let mut events = behind.read_stream(query).await?;
        if self.tells(Lie::LosesTheLastEvent) && events.len() > 3 {
            events.pop();
        }
        Ok(events)
    }
    async fn get(&self, behind: &dyn Store, collection: &str, id: &Bson) -> Result<Option<Document>> {
        let found = behind.get(collection, id).await?;
        let before = match &found {
            Some(found) => self.answered.lock().unwrap().insert(format!("{collection} {id}"), found.clone()),
            None => None,
        };
        Ok(if self.now_and_then(Lie::AnswersTheVersionBefore, 3) { before.or(found) } else { found })
    }
    async fn prepare(&self, behind: &dyn StoreAdmin, collections: &[CollectionSpec]) -> Result<Vec<Drift>> {
        let mut collections = collections.to_vec();
        if self.tells(Lie::ForgetsWhatIsUnique) {
            collections.iter_mut().flat_map(|spec| &mut spec.indexes).for_each(|index| index.unique = false);
        }
        behind.prepare(&collections).await
    }
    async fn put(
        &self,
        behind: &dyn StoreAdmin,
        collection: &str,
        mut documents: Vec<Document>,
        rule: PutRule,
    ) -> Result<u64> {
        if self.tells(Lie::RebuildsWithoutTheFirst) && documents.iter().any(|document| document.contains_key("parts")) {
            documents.remove(0);
        }
        behind.put(collection, documents, rule).await
    }
}
