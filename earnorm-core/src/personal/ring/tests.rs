//! Which keys are kept, and for how long.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{OnceLock, Weak};

use async_trait::async_trait;

use super::*;

/// Answers every key, and counts for how many it was asked. It may answer one too few, or destroy a subject's keys while
/// it answers.
#[derive(Debug, Default)]
struct Vault {
    asked: AtomicUsize,
    forgets: AtomicUsize,
    erases: OnceLock<Weak<KeyRing>>,
    millis: AtomicI64,
}

#[derive(Debug, Clone)]
struct Shared(Arc<Vault>);

fn key(id: KeyId) -> DataKey {
    DataKey::new(id, [7; 32])
}

#[async_trait]
impl KeyStore for Shared {
    async fn current(&self, subjects: &[String]) -> Result<Vec<DataKey>> {
        let kept = subjects.len() - self.0.forgets.load(Ordering::SeqCst);
        Ok((0..kept).map(|_| key(KeyId::new([1; 16]))).collect())
    }

    async fn find(&self, ids: &[KeyId]) -> Result<Vec<KeyState>> {
        self.0.asked.fetch_add(ids.len(), Ordering::SeqCst);
        if let Some(ring) = self.0.erases.get().and_then(Weak::upgrade) {
            ring.destroy("ada", self.now()).await?;
        }
        let kept = ids.len() - self.0.forgets.load(Ordering::SeqCst);
        Ok(ids.iter().take(kept).map(|id| KeyState::Live(key(*id))).collect())
    }

    async fn destroy(&self, _: &str, _: DateTime<Utc>) -> Result<u64> {
        Ok(1)
    }
}

impl Clock for Shared {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0.millis.load(Ordering::SeqCst)).unwrap()
    }
}

fn ring() -> (Arc<KeyRing>, Arc<Vault>) {
    let vault = Arc::new(Vault::default());
    let shared = Shared(Arc::clone(&vault));
    (Arc::new(KeyRing::new(Arc::new(shared.clone()), Arc::new(shared))), vault)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn ids(range: std::ops::Range<u128>) -> BTreeSet<KeyId> {
    range.map(|id| KeyId::new(id.to_be_bytes())).collect()
}

/// How many of these keys the store is asked for. All are found.
fn asked(ring: &KeyRing, vault: &Vault, range: std::ops::Range<u128>) -> usize {
    let before = vault.asked.load(Ordering::SeqCst);
    let wanted = ids(range);
    let found = block_on(ring.find(wanted.clone())).unwrap();
    assert!(found.len() == wanted.len() && wanted.iter().all(|id| matches!(found.get(id), Some(KeyState::Live(_)))));
    vault.asked.load(Ordering::SeqCst) - before
}

const MAX: u128 = KEPT_MAX as u128;

#[test]
fn keys_are_asked_for_once_while_there_is_room_for_them() {
    let (ring, vault) = ring();
    assert_eq!(asked(&ring, &vault, 0..200), 200);
    assert_eq!(asked(&ring, &vault, 0..300), 100);
    assert_eq!(asked(&ring, &vault, 0..MAX - 1), KEPT_MAX - 301);
    assert_eq!(asked(&ring, &vault, 0..MAX), 1, "there is room for the last one");
    assert_eq!(asked(&ring, &vault, 0..MAX), 0);
    assert_eq!(asked(&ring, &vault, MAX..MAX + 1), 1);
    assert_eq!(lock(&ring.kept).keys.len(), 1, "where there is none left, all go");
    assert_eq!(asked(&ring, &vault, MAX - 1..MAX + 1), 1);
    assert_eq!(asked(&ring, &vault, 0..2 * MAX), 2 * KEPT_MAX - 2);
    assert_eq!(lock(&ring.kept).keys.len(), KEPT_MAX, "of too many some are kept");
}

#[test]
fn those_that_are_too_old_make_room_for_others_first() {
    let (ring, vault) = ring();
    assert_eq!(asked(&ring, &vault, 0..MAX / 2), KEPT_MAX / 2);
    vault.millis.store(KEPT_FOR.num_milliseconds() - 1, Ordering::SeqCst);
    assert_eq!(asked(&ring, &vault, 0..MAX), KEPT_MAX / 2);
    vault.millis.store(KEPT_FOR.num_milliseconds(), Ordering::SeqCst);
    assert_eq!(asked(&ring, &vault, MAX..MAX + 1), 1);
    assert_eq!(asked(&ring, &vault, MAX / 2..MAX + 1), 0, "the fresh ones stayed");
    assert_eq!(lock(&ring.kept).keys.len(), KEPT_MAX / 2 + 1);
}

#[test]
fn an_answer_from_before_an_erasure_is_not_kept_after_it() {
    let (ring, vault) = ring();
    vault.erases.set(Arc::downgrade(&ring)).unwrap();
    for _ in 0..3 {
        assert_eq!(asked(&ring, &vault, 0..1), 1);
    }
}

#[test]
fn a_key_store_that_answers_too_little_is_an_error() {
    let (ring, vault) = ring();
    vault.forgets.store(1, Ordering::SeqCst);
    let found = block_on(ring.find(ids(0..2))).unwrap_err().to_string();
    assert!(found.contains("answered 1 of 2 keys"), "{found}");
    let current = block_on(ring.current(&["a".to_owned(), "b".to_owned()])).unwrap_err().to_string();
    assert!(current.contains("answered 1 of 2 keys"), "{current}");
}
