//! Personal data that can be erased without rewriting history.
//!
//! A field marked `#[model(personal)]` (an `Option` or a [`Personal`], never the id) stands in plain form in the state
//! document, so that indexes and filters work, and **sealed** in every event: encrypted with a key that belongs to one
//! *subject*, the person whom the data is about. The subject is the instance's id, or the field marked
//! `#[model(subject)]`: an invoice names its customer so. `#[event(personal)]` does the same for the fields of a domain
//! event, whose subject is that of the instance on whose stream it is raised.
//!
//! [`crate::database::Database::erase_subject`] destroys the subject's keys, appends an `erased` event to each of its
//! instances and blanks their documents. From then on the sealed values read as `None` or [`Personal::Erased`], also in
//! the past, while everything else in the history stays as it was. No event is rewritten.
//!
//! # What it does not do
//!
//! Destroying keys is accepted practice, not a legal guarantee; whether it is enough is for your lawyers to say. It
//! reaches what this library stores. Outside of it are:
//!
//! - **backups and copies**: a backup that holds both the log and the keys brings the data back, as does an old dump
//!   of the state documents. Keep keys elsewhere than the log's backups (a [`KeyStore`] of your own), and let backups of
//!   keys and documents expire;
//! - **what has left**: exports made in plain form, receivers of webhooks, handlers' side effects, systems fed from
//!   here, and other programs' memory, where keys that were read are kept for up to five minutes;
//! - **what was never sealed**: ids, subjects, metadata (`actor`, `extra`), events recorded before a field was marked,
//!   application events, and whatever your code computes from personal data into fields that are not marked. Use
//!   subjects that are names without a meaning, such as a `Uuid`, never an e-mail address. The length of a sealed value
//!   can be seen, and which subject it belongs to.
//!
//! # How it is sealed
//!
//! A sealed value is BSON binary of the user-defined subtype 0xE5: a format version, the key's id (16 bytes), a random
//! nonce (24 bytes) and the XChaCha20-Poly1305 ciphertext of the value. The event's id, stream and type and the field's
//! path are authenticated with it, so that a ciphertext that is changed, or moved to another place, does not open. Null
//! is not sealed. Values of your own in this subtype are refused.

mod changes;
mod cipher;
mod erase;
mod erase_instance;
mod key;
mod open;
mod ring;
mod seal;
mod stored;
mod subject;
mod value;
mod veil;

pub use cipher::SEALED_SUBTYPE;
pub use erase::ErasureReport;
pub use key::{DataKey, KeyId, KeyState, KeyStore};
pub use stored::StoredKeys;
pub use value::{Erasable, Personal, SubjectId};

pub(crate) use cipher::{SEALED_BYTES, is_sealed};
#[doc(hidden)]
pub use value::{personal_path, subject_path};

pub(crate) use open::{open_document, open_events};
pub(crate) use ring::KeyRing;
pub(crate) use seal::{seal_commit, seal_documents, seal_writes, settle_writes};
pub(crate) use subject::clash;
pub(crate) use veil::veil_name;
