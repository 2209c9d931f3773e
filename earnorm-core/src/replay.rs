//! Replay and repair: rebuilding state documents from the log, comparing them with it, bringing them to a new shape,
//! taking over what was there before, and moving the log itself.
//!
//! Everything here reads events and never runs hooks. Long work goes page by page: dropping its future stops it at a
//! page, and the same call goes on from there.

mod adopt;
mod difference;
mod folds;
mod job;
mod outside;
mod progress;
mod rebuild;
mod repair;
mod upgrade;
mod verify;

use std::sync::Arc;

use crate::database::Database;
use crate::error::Result;
use crate::fold::Folder;
use crate::model::Model;
use crate::reader::Reader;

pub use adopt::{Adopt, Adopted};
pub use difference::{Difference, Kind};
pub(crate) use folds::{Folded, Folds};
pub use outside::OUTSIDE;
pub(crate) use progress::Teller;
pub use progress::{OnProgress, Progress};
pub use rebuild::{Rebuild, Rebuilt};
pub(crate) use repair::{repair, shape_of, version_of};
pub use upgrade::{Upgrade, Upgraded};
pub use verify::{Verified, Verify};

/// What replay works on: a reader of the log, and what folds one model. Tools without the model's code make one from
/// what the store knows of the model: see [`crate::fold::untyped`].
#[derive(Clone)]
pub struct Replay {
    pub(crate) reader: Reader,
    pub(crate) folder: Arc<dyn Folder>,
}

impl std::fmt::Debug for Replay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replay").field("model", &self.folder.info().name).finish_non_exhaustive()
    }
}

impl Replay {
    /// Replay of one model's streams.
    #[must_use]
    pub fn new(reader: Reader, folder: Arc<dyn Folder>) -> Self {
        Self { reader, folder }
    }

    /// Builds the collection anew: see [`Database::rebuild`].
    pub fn rebuild(&self) -> Rebuild {
        Rebuild::new(self.clone())
    }

    /// Compares the collection with the log: see [`Database::verify`].
    pub fn verify(&self) -> Verify {
        Verify::new(self.clone())
    }

    /// Brings stored documents to today's shape: see [`Database::upgrade`].
    pub fn upgrade(&self) -> Upgrade {
        Upgrade::new(self.clone())
    }

    /// Takes over documents without events: see [`Database::adopt`].
    pub fn adopt(&self) -> Adopt {
        Adopt::new(self.clone())
    }
}

impl Database {
    /// Replay of one model, by its name.
    ///
    /// # Errors
    /// As [`Database::folder`].
    pub fn replay(&self, model: &str) -> Result<Replay> {
        Ok(Replay::new(self.reader().clone(), self.folder(model)?))
    }

    /// Builds the state documents of `M` anew from the log: into a shadow collection with its indexes, which then takes
    /// the place of the old one; streams that moved meanwhile are folded again. Readers see the old documents until
    /// then. Where the database cannot rename a collection it repairs in place, and the answer says so.
    ///
    /// ```text
    /// let rebuilt = db.rebuild::<User>()?.on_progress(|p| println!("{p}")).run().await?;
    /// ```
    ///
    /// # Errors
    /// [`crate::Error::Unregistered`] when this database does not know the model.
    pub fn rebuild<M: Model>(&self) -> Result<Rebuild> {
        Ok(self.replay_of::<M>()?.rebuild())
    }

    /// Folds every stream of `M` and compares it with its state document; lists every difference.
    ///
    /// # Errors
    /// As [`Database::rebuild`].
    pub fn verify<M: Model>(&self) -> Result<Verify> {
        Ok(self.replay_of::<M>()?.verify())
    }

    /// Brings stored documents of `M` that an older program wrote to today's shape, in batches, through its upcasters.
    /// Their versions stay: nothing happened to the instances.
    ///
    /// # Errors
    /// As [`Database::rebuild`].
    pub fn upgrade<M: Model>(&self) -> Result<Upgrade> {
        Ok(self.replay_of::<M>()?.upgrade())
    }

    /// Takes over documents of `M` that were in the collection before this library: each gets a `created` event with
    /// its content, and version 1.
    ///
    /// # Errors
    /// As [`Database::rebuild`].
    pub fn adopt<M: Model>(&self) -> Result<Adopt> {
        Ok(self.replay_of::<M>()?.adopt())
    }

    fn replay_of<M: Model>(&self) -> Result<Replay> {
        self.plan::<M>()?;
        self.replay(M::SCHEMA.name)
    }
}
