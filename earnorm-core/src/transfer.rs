//! Moving the log: export and import as lines of JSON, and truncation.
//!
//! A file is a header, one line an entry (tombstones too), and an end. Values are extended JSON ([`crate::extjson`]),
//! so that reading gives back the same BSON types. Each line ends with a SHA-256 over the line before it and itself: a
//! file that was cut, edited or put together is found, with the line named, before anything is written.

mod export;
mod import;
mod line;
mod truncate;

use crate::database::Database;
use crate::error::{Error, Result};
use crate::position::Position;
use crate::replay::Replay;

pub use export::{Export, Exported};
pub use import::{Import, Imported};
pub use truncate::{Truncate, Truncated};

impl Database {
    /// Writes the whole log to a file or another writer: see [`Export`].
    pub fn export(&self) -> Export {
        Export::new(self.store().clone())
    }

    /// Reads a log from a file into this store, with its order, ids and times: see [`Import`].
    pub fn import(&self) -> Import {
        Import::new(self.store().clone())
    }

    /// Moves everything at or below a position into an archive: see [`Truncate`].
    ///
    /// # Errors
    /// [`Error::Registry`] when a model cannot be folded.
    pub fn truncate_below(&self, position: Position) -> Result<Truncate> {
        let models = self.models().into_iter().map(|schema| self.replay(schema.name));
        let models: Vec<Replay> = models.collect::<Result<_>>()?;
        Ok(Truncate::new(self.reader().clone(), models, position))
    }
}

fn io(what: &str, error: std::io::Error) -> Error {
    Error::other(std::io::Error::new(error.kind(), format!("could not {what}: {error}")))
}
