//! SQLite's errors in our words: what happened to which file, and what to do next.

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use earnorm_core::Error;
use earnorm_core::error::{Applied, StoreError};
use rusqlite::ErrorCode;

/// The store's name in errors and capabilities.
pub(super) const NAME: &str = "sqlite";

/// What a step on a connection gives.
pub(super) type Done<T> = Result<T, Failure>;

/// Why a step on a connection failed. Where the file is known it becomes an [`Error`].
#[derive(Debug)]
pub(super) enum Failure {
    /// SQLite refused it.
    Sqlite(rusqlite::Error),
    /// We did.
    Refused(Box<Error>),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Refused(Box::new(error))
    }
}

impl Failure {
    /// Our error; `what` completes "could not …".
    pub(super) fn explain(self, file: &Path, what: &str) -> Error {
        match self {
            Self::Sqlite(error) => sqlite_error(file, what, &error),
            Self::Refused(error) => *error,
        }
    }
}

/// What SQLite said. It is the source of our errors, so that no type of the binding is.
#[derive(Debug)]
pub(super) struct SqliteSaid(String);

impl fmt::Display for SqliteSaid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SqliteSaid {}

/// What kind of failure it was.
pub(super) fn code(error: &rusqlite::Error) -> Option<ErrorCode> {
    error.sqlite_error_code()
}

/// Why a file will not do, and what to do, where SQLite's own words are not enough.
pub(super) fn reason(error: &rusqlite::Error) -> String {
    match code(error) {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another process has it locked; try again, wait longer with `?busy_timeout=30s`, or look who has it open"
                .to_owned()
        }
        Some(ErrorCode::DiskFull) => {
            "it is full: the disk, or the most pages that it may have; make room and try again".to_owned()
        }
        Some(ErrorCode::ReadOnly) => {
            "it is open for reading only; let this user write the file and its directory, and open it without `mode=ro`"
                .to_owned()
        }
        Some(ErrorCode::NotADatabase) => "it is no SQLite file; name another one".to_owned(),
        Some(ErrorCode::DatabaseCorrupt) => {
            format!("it is damaged ({error}); restore a copy, or save what can be read with `sqlite3 FILE .recover`")
        }
        Some(ErrorCode::CannotOpen) => {
            format!(
                "it cannot be opened ({error}); look whether it is there and whether this user may read and write it"
            )
        }
        Some(ErrorCode::SystemIoFailure) => {
            format!("the operating system could not read or write it ({error}); look at the disk")
        }
        _ => error.to_string(),
    }
}

/// Our error for a call that wrote nothing.
fn sqlite_error(file: &Path, what: &str, error: &rusqlite::Error) -> Error {
    let message = format!("could not {what} in `{}`: {}", file.display(), reason(error));
    let mapped = StoreError::new(NAME, message).source(SqliteSaid(error.to_string()));
    match code(error) {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::DiskFull) => mapped.retryable().into(),
        _ => mapped.into(),
    }
}

/// Our error for a write while another process kept the file locked.
pub(super) fn locked(file: &Path, what: &str, waited: Duration) -> Error {
    let file = file.display();
    let message = format!(
        "could not {what} in `{file}`: another process has kept it locked for {waited:?}; nothing was written, try \
         again, wait longer with `?busy_timeout=30s`, or look who has it open"
    );
    StoreError::new(NAME, message).retryable().into()
}

/// Our error for a write whose last step failed, after which SQLite took it back.
pub(super) fn uncommitted(file: &Path, what: &str, error: &rusqlite::Error) -> Error {
    let file = file.display();
    let said = SqliteSaid(error.to_string());
    if code(error) == Some(ErrorCode::SystemIoFailure) {
        // The last bytes may be on the disk all the same, and come back after a crash.
        let message = format!(
            "could not {what} in `{file}`: the operating system could not write it ({error}); send the same commit again"
        );
        return StoreError::new(NAME, message).retryable().applied(Applied::Unknown).source(said).into();
    }
    let message = format!("could not {what} in `{file}`: {}; nothing of it was written", reason(error));
    let mapped = StoreError::new(NAME, message).source(said);
    if code(error) == Some(ErrorCode::DiskFull) { mapped.retryable().into() } else { mapped.into() }
}

/// Our error when what is stored is not what this store writes.
pub(super) fn corrupt(subject: impl Into<String>, reason: impl Into<String>) -> Failure {
    Error::Corrupt { subject: subject.into(), reason: reason.into() }.into()
}
