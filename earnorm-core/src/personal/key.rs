//! Keys, and the port that keeps them.

use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::error::{Result, StoreError};

/// The name of one key, which stands in every value that was sealed with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(Uuid);

impl KeyId {
    /// The id of 16 bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// Its 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A key of 256 bits. `Debug` shows its id only, and the bytes are wiped from memory when it is dropped.
#[derive(Clone)]
pub struct DataKey {
    id: KeyId,
    bytes: Zeroizing<[u8; 32]>,
}

impl DataKey {
    /// A key that was made before.
    #[must_use]
    pub fn new(id: KeyId, bytes: [u8; 32]) -> Self {
        Self { id, bytes: Zeroizing::new(bytes) }
    }

    /// A new key, from the operating system's randomness.
    ///
    /// # Errors
    /// [`crate::Error::Store`] when the system has no randomness to give.
    pub fn generate(id: KeyId) -> Result<Self> {
        let mut bytes = Zeroizing::new([0; 32]);
        random(&mut *bytes)?;
        Ok(Self { id, bytes })
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// The secret itself, for a [`KeyStore`] to keep.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What became of a key.
#[derive(Debug, Clone)]
pub enum KeyState {
    /// It opens and seals.
    Live(DataKey),
    /// It was destroyed at this time: what it sealed reads as erased.
    Destroyed(DateTime<Utc>),
    /// This store never had it. Reading what it sealed is an error, not an erasure.
    Unknown,
}

/// Where the keys of personal data are kept.
///
/// Without one of your own they are in the library's store ([`super::StoredKeys`]); then a backup of the store holds
/// keys and log together, and undoes every erasure after it. Keep them elsewhere where that matters: in another
/// database, in a vault, or wrapped by a key of a key management service. Each call may be made at any time by many processes.
///
/// ```
/// use std::collections::BTreeMap;
/// use std::sync::Mutex;
///
/// use earnorm_core::Result;
/// use earnorm_core::personal::{DataKey, KeyId, KeyState, KeyStore};
/// # use chrono::{DateTime, Utc};
/// # use uuid::Uuid;
///
/// /// Keys in memory, each with its subject. A real one asks a vault here.
/// #[derive(Debug, Default)]
/// struct Vault(Mutex<BTreeMap<KeyId, (String, KeyState)>>);
///
/// #[async_trait::async_trait]
/// impl KeyStore for Vault {
///     async fn current(&self, subjects: &[String]) -> Result<Vec<DataKey>> {
///         let mut keys = self.0.lock().unwrap();
///         let mut answer = Vec::new();
///         for subject in subjects {
///             let live = keys.values().find_map(|(of, state)| match state {
///                 KeyState::Live(key) if of == subject => Some(key.clone()),
///                 _ => None,
///             });
///             let key = match live {
///                 Some(key) => key,
///                 None => DataKey::generate(KeyId::new(Uuid::new_v4().into_bytes()))?,
///             };
///             keys.insert(key.id(), (subject.clone(), KeyState::Live(key.clone())));
///             answer.push(key);
///         }
///         Ok(answer)
///     }
///
///     async fn find(&self, ids: &[KeyId]) -> Result<Vec<KeyState>> {
///         let keys = self.0.lock().unwrap();
///         Ok(ids.iter().map(|id| keys.get(id).map_or(KeyState::Unknown, |(_, state)| state.clone())).collect())
///     }
///
///     async fn destroy(&self, subject: &str, at: DateTime<Utc>) -> Result<u64> {
///         let mut destroyed = 0;
///         for (of, state) in self.0.lock().unwrap().values_mut() {
///             if of == subject && matches!(state, KeyState::Live(_)) {
///                 *state = KeyState::Destroyed(at);
///                 destroyed += 1;
///             }
///         }
///         Ok(destroyed)
///     }
/// }
/// ```
#[async_trait]
pub trait KeyStore: fmt::Debug + Send + Sync + 'static {
    /// The key with which new data of each subject is sealed, in the order of `subjects`, each of which stands there
    /// once. A subject without a live key gets a new one with a new id; two callers at once get the same. A key is
    /// durable before it is answered, and is never one that was destroyed.
    ///
    /// # Errors
    /// When the keys are out of reach: nothing is saved then. [`crate::Error::Store`] says whether to try again.
    async fn current(&self, subjects: &[String]) -> Result<Vec<DataKey>>;

    /// What became of each key, in the order of `ids`. It sees every [`KeyStore::destroy`] that has answered.
    ///
    /// # Errors
    /// When the keys are out of reach: nothing sealed is read then. [`crate::Error::Store`] says whether to try again.
    async fn find(&self, ids: &[KeyId]) -> Result<Vec<KeyState>>;

    /// Destroys all live keys of a subject and answers how many they were. It remembers their ids and the time, and
    /// changes nothing about keys that are destroyed already. It answers when no copy is left.
    ///
    /// # Errors
    /// When the keys are out of reach; the call can be made again.
    async fn destroy(&self, subject: &str, at: DateTime<Utc>) -> Result<u64>;
}

/// Fills `bytes` with randomness of the operating system.
pub(super) fn random(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes).map_err(|error| {
        StoreError::new("keys", format!("the operating system gives no randomness: {error}")).retryable().into()
    })
}
