//! The default key store: keys in the library's own collection.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use bson::spec::BinarySubtype;
use bson::{Binary, Bson, Document, doc};
use chrono::{DateTime, Utc};
use futures::StreamExt;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::key::{DataKey, KeyId, KeyState, KeyStore};
use crate::error::{Error, Result};
use crate::predicate::Predicate;
use crate::store::{DocumentQuery, Own, PutRule, Store};
use crate::value::read_date;

/// Keys in the store that holds the log, one document each: its id, and either the key or when it was destroyed.
///
/// A key's id comes from its subject and its generation by SHA-256: so two processes that make a subject's first key
/// make the same document, and one of them wins. Destroying a key replaces its document; what the database keeps of the
/// old one, in its journal and in backups, is beyond reach until those are overwritten. So this is where to begin, and
/// for what must be erased for certain keep the keys elsewhere: see [`KeyStore`].
#[derive(Debug, Clone)]
pub struct StoredKeys {
    store: Arc<dyn Store>,
    collection: String,
}

/// How many generations of a subject's keys are looked at in one reading: one more than it was ever erased.
const GENERATIONS: u32 = 4;

impl StoredKeys {
    /// Keeps keys in `store`: the one that holds the log, or another.
    pub fn new(store: Arc<dyn Store>) -> Self {
        let collection = store.admin().own(Own::Keys);
        Self { store, collection }
    }

    async fn read(&self, ids: &[KeyId]) -> Result<HashMap<KeyId, Document>> {
        let values = ids.iter().map(|id| stored_id(*id)).collect();
        let predicate = Predicate::In { path: "_id".to_owned(), values };
        let mut documents = self.store.find(DocumentQuery::new(&self.collection, predicate)).await?;
        let mut found = HashMap::with_capacity(ids.len());
        while let Some(document) = documents.next().await {
            let document = document?;
            if let Some(id) = document.get("_id").and_then(read_id) {
                found.insert(id, document);
            }
        }
        Ok(found)
    }

    /// One step towards the current keys of `subjects`, each at the generation where its search stands: the live ones
    /// are put into `keys`, those that are not there are made, and the others go on.
    async fn step(&self, waiting: &mut Vec<Search<'_>>, keys: &mut [Option<DataKey>]) -> Result<()> {
        let ids: Vec<_> = waiting.iter().flat_map(Search::ids).collect();
        let found = self.read(&ids).await?;
        let mut made = Vec::new();
        for search in waiting.iter_mut() {
            for id in search.ids().collect::<Vec<_>>() {
                match found.get(&id).map(|document| self.state(id, document)).transpose()? {
                    Some(KeyState::Live(key)) => {
                        search.done = true;
                        if let Some(slot) = keys.get_mut(search.index) {
                            *slot = Some(key);
                        }
                    }
                    Some(_) => {
                        search.generation += 1;
                        continue;
                    }
                    None => made.push(new_key(id)?),
                }
                break;
            }
        }
        waiting.retain(|search| !search.done);
        if !made.is_empty() {
            // Another process may be first, here and there: the next step reads who won.
            self.store.admin().put(&self.collection, made, PutRule::Absent).await?;
        }
        Ok(())
    }

    fn state(&self, id: KeyId, document: &Document) -> Result<KeyState> {
        if let Some(at) = document.get("destroyed").and_then(read_date) {
            return Ok(KeyState::Destroyed(at));
        }
        let bytes = document.get_binary_generic("key").ok().and_then(|bytes| <[u8; 32]>::try_from(&**bytes).ok());
        bytes.map(|bytes| KeyState::Live(DataKey::new(id, *Zeroizing::new(bytes)))).ok_or_else(|| Error::Corrupt {
            subject: format!("key {id} in {}", self.collection),
            reason: "it has neither a key of 32 bytes nor the time when it was destroyed".to_owned(),
        })
    }
}

#[async_trait]
impl KeyStore for StoredKeys {
    async fn current(&self, subjects: &[String]) -> Result<Vec<DataKey>> {
        let mut keys: Vec<Option<DataKey>> = vec![None; subjects.len()];
        let mut waiting: Vec<_> = subjects.iter().enumerate().map(|(index, of)| Search::new(index, of)).collect();
        while !waiting.is_empty() {
            self.step(&mut waiting, &mut keys).await?;
        }
        Ok(keys.into_iter().flatten().collect())
    }

    async fn find(&self, ids: &[KeyId]) -> Result<Vec<KeyState>> {
        let found = self.read(ids).await?;
        let state = |id: &KeyId| found.get(id).map_or(Ok(KeyState::Unknown), |document| self.state(*id, document));
        ids.iter().map(state).collect()
    }

    async fn destroy(&self, subject: &str, at: DateTime<Utc>) -> Result<u64> {
        let mut search = Search::new(0, subject);
        let mut destroyed = 0;
        loop {
            let ids: Vec<_> = search.ids().collect();
            let found = self.read(&ids).await?;
            let mut blank = Vec::new();
            for id in &ids {
                let Some(document) = found.get(id) else { break };
                search.generation += 1;
                if let KeyState::Live(_) = self.state(*id, document)? {
                    let at = bson::DateTime::from_millis(at.timestamp_millis());
                    blank.push(doc! { "_id": stored_id(*id), "destroyed": at });
                }
            }
            let last = found.len() < ids.len();
            if !blank.is_empty() {
                destroyed += self.store.admin().put(&self.collection, blank, PutRule::Always).await?;
            }
            if last {
                return Ok(destroyed);
            }
        }
    }
}

/// The search for a subject's key, from its first generation on.
struct Search<'a> {
    index: usize,
    subject: &'a str,
    generation: u32,
    done: bool,
}

impl<'a> Search<'a> {
    fn new(index: usize, subject: &'a str) -> Self {
        Self { index, subject, generation: 1, done: false }
    }

    fn ids(&self) -> impl Iterator<Item = KeyId> + use<'a> {
        let (subject, from) = (self.subject, self.generation);
        (from..from.saturating_add(GENERATIONS)).map(move |generation| id_of(subject, generation))
    }
}

/// The id of a subject's key: the same in every process.
fn id_of(subject: &str, generation: u32) -> KeyId {
    let mut hash = Sha256::new();
    hash.update(b"earnorm key\0");
    hash.update(generation.to_be_bytes());
    hash.update(subject.as_bytes());
    let mut id = [0; 16];
    for (to, from) in id.iter_mut().zip(hash.finalize()) {
        *to = from;
    }
    KeyId::new(id)
}

fn new_key(id: KeyId) -> Result<Document> {
    let key = DataKey::generate(id)?;
    let bytes = Binary { subtype: BinarySubtype::Generic, bytes: key.bytes().to_vec() };
    Ok(doc! { "_id": stored_id(id), "key": bytes })
}

fn stored_id(id: KeyId) -> Bson {
    Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes: id.as_bytes().to_vec() })
}

fn read_id(stored: &Bson) -> Option<KeyId> {
    match stored {
        Bson::Binary(binary) => <[u8; 16]>::try_from(&*binary.bytes).ok().map(KeyId::new),
        _ => None,
    }
}
