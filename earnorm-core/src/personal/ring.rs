//! The keys of one database handle: those that were read are kept for a while.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};

use super::key::{DataKey, KeyId, KeyState, KeyStore};
use crate::entity::lock;
use crate::error::{Error, Result, StoreError};
use crate::ports::Clock;

/// How long a key that was read is kept: an erasure by another process is seen here after that.
const KEPT_FOR: TimeDelta = TimeDelta::minutes(5);
/// How many keys are kept.
const KEPT_MAX: usize = 10_000;
/// How many keys are asked for at once.
const BATCH: usize = 500;

/// A key store, and what was read from it.
#[derive(Debug)]
pub(crate) struct KeyRing {
    store: Arc<dyn KeyStore>,
    clock: Arc<dyn Clock>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    keys: HashMap<KeyId, (KeyState, DateTime<Utc>)>,
    /// Counts how often all was forgotten, so that an answer from before is not kept after.
    epoch: u64,
}

impl KeyRing {
    pub(crate) fn new(store: Arc<dyn KeyStore>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, kept: Mutex::default() }
    }

    /// The keys to seal with now, always asked for: a key that is gone must not seal.
    pub(super) async fn current(&self, subjects: &[String]) -> Result<Vec<DataKey>> {
        let mut keys = Vec::with_capacity(subjects.len());
        for batch in subjects.chunks(BATCH) {
            let answer = self.store.current(batch).await?;
            complete(batch.len(), answer.len())?;
            keys.extend(answer);
        }
        Ok(keys)
    }

    /// What became of keys, asked for where it is not known from the last minutes.
    pub(super) async fn find(&self, ids: BTreeSet<KeyId>) -> Result<HashMap<KeyId, KeyState>> {
        let mut found = HashMap::with_capacity(ids.len());
        let mut missing = Vec::new();
        let now = self.clock.now();
        let epoch = {
            let kept = lock(&self.kept);
            for id in ids {
                match kept.keys.get(&id) {
                    Some((state, at)) if fresh(*at, now) => drop(found.insert(id, state.clone())),
                    _ => missing.push(id),
                }
            }
            kept.epoch
        };
        if !missing.is_empty() {
            let states = self.ask(&missing).await?;
            self.keep(&missing, &states, epoch, now);
            found.extend(missing.into_iter().zip(states));
        }
        Ok(found)
    }

    /// What became of keys, as the store says at this moment.
    pub(super) async fn ask(&self, ids: &[KeyId]) -> Result<Vec<KeyState>> {
        let mut states = Vec::with_capacity(ids.len());
        for batch in ids.chunks(BATCH) {
            let answer = self.store.find(batch).await?;
            complete(batch.len(), answer.len())?;
            states.extend(answer);
        }
        Ok(states)
    }

    /// Destroys a subject's keys, and forgets all that was read.
    pub(super) async fn destroy(&self, subject: &str, at: DateTime<Utc>) -> Result<u64> {
        let destroyed = self.store.destroy(subject, at).await;
        let mut kept = lock(&self.kept);
        kept.keys.clear();
        kept.epoch += 1;
        destroyed
    }

    fn keep(&self, ids: &[KeyId], states: &[KeyState], epoch: u64, now: DateTime<Utc>) {
        let mut kept = lock(&self.kept);
        if kept.epoch != epoch {
            return;
        }
        let room = |kept: &Kept| kept.keys.len() + ids.len() <= KEPT_MAX;
        if !room(&kept) {
            kept.keys.retain(|_, (_, at)| fresh(*at, now));
        }
        if !room(&kept) {
            kept.keys.clear();
        }
        for (id, state) in ids.iter().zip(states).take(KEPT_MAX) {
            if !matches!(state, KeyState::Unknown) {
                kept.keys.insert(*id, (state.clone(), now));
            }
        }
    }
}

/// A clock that was set back makes nothing last longer.
fn fresh(at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    (TimeDelta::zero()..KEPT_FOR).contains(&(now - at))
}

fn complete(asked: usize, answered: usize) -> Result<()> {
    if asked == answered {
        return Ok(());
    }
    let message =
        format!("the key store answered {answered} of {asked} keys, and must answer each one it is asked for");
    Err(Error::from(StoreError::new("keys", message)))
}

#[cfg(test)]
mod tests;
