//! The driver's errors in our words: what happened, whether trying again may help, and what was written.

use std::fmt;

use earnorm_core::backend::redact;
use earnorm_core::error::{Applied, StoreError};
use earnorm_core::{Error, Result};
use mongodb::error::{
    ErrorKind, RETRYABLE_ERROR, RETRYABLE_WRITE_ERROR, TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT,
    WriteFailure,
};

/// The store's name in errors.
pub(super) const STORE: &str = "mongodb";
/// Two documents agree on a unique index.
pub(super) const DUPLICATE_KEY: i32 = 11_000;
/// Someone else's transaction holds what this one wants to write.
pub(super) const WRITE_CONFLICT: i32 = 112;
/// The collection or database is there already.
pub(super) const NAMESPACE_EXISTS: i32 = 48;
/// A collection or index is newer than the snapshot that was asked for.
pub(super) const SNAPSHOT_UNAVAILABLE: i32 = 246;
/// A snapshot was needed for longer than the server keeps it, five minutes unless configured.
const SNAPSHOT_TOO_OLD: i32 = 239;
/// A collection was dropped or renamed under a query.
const QUERY_PLAN_KILLED: i32 = 175;
/// A cursor ended with its server, or after a long rest.
const CURSOR_NOT_FOUND: i32 = 43;
/// A lock was not given in time.
const LOCK_TIMEOUT: i32 = 24;
/// Codes that pass by themselves: time-outs, fail-overs, shutdowns, the end of a transaction by the server.
const PASSING: [i32; 22] = [
    6,
    7,
    50,
    64,
    LOCK_TIMEOUT,
    CURSOR_NOT_FOUND,
    89,
    91,
    WRITE_CONFLICT,
    134,
    QUERY_PLAN_KILLED,
    189,
    SNAPSHOT_TOO_OLD,
    SNAPSHOT_UNAVAILABLE,
    251,
    262,
    9_001,
    10_107,
    11_600,
    11_602,
    13_435,
    13_436,
];
/// Codes for queries that the server cannot read: bad value, failed to parse, type mismatch, unknown stage or operator,
/// projection collision, bad regular expression.
const BAD_QUERY: [i32; 9] = [2, 9, 14, 168, 15_952, 31_249, 31_250, 40_324, 51_091];

/// What the driver said, without credentials. It is the source of our errors, so that no driver type is.
#[derive(Debug)]
pub(super) struct DriverError(String);

impl DriverError {
    /// Keeps `text`, which holds no secret.
    pub(super) fn new(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for DriverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DriverError {}

/// What the driver said, without its labels and raw responses, and without stored values.
pub(super) fn text(error: &mongodb::error::Error) -> String {
    match error.kind.as_ref() {
        ErrorKind::Command(command) => {
            format!("{} ({}): {}", command.code_name, command.code, without_values(&command.message))
        }
        ErrorKind::Write(WriteFailure::WriteError(write)) => {
            format!("the server refused a write ({}): {}", write.code, without_values(&write.message))
        }
        other => redact(&other.to_string()),
    }
}

/// A message of the server without the documents in it: `dup key: {…}`. They hold stored values, which may be about people.
pub(super) fn without_values(message: &str) -> String {
    match (message.find('{'), message.rfind('}')) {
        (Some(from), Some(to)) if from < to => {
            let (before, after) = (message.get(..from).unwrap_or_default(), message.get(to + 1..).unwrap_or_default());
            format!("{before}{{…}}{after}")
        }
        _ => message.to_owned(),
    }
}

/// The server's code, also of write errors.
pub(super) fn code(error: &mongodb::error::Error) -> Option<i32> {
    match error.kind.as_ref() {
        ErrorKind::Command(command) => Some(command.code),
        ErrorKind::Write(WriteFailure::WriteError(write)) => Some(write.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(concern)) => Some(concern.code),
        _ => None,
    }
}

/// Whether `code` passes by itself.
pub(super) fn is_passing_code(code: i32) -> bool {
    PASSING.contains(&code)
}

/// Whether the same call may succeed later.
pub(super) fn is_passing(error: &mongodb::error::Error) -> bool {
    let labels =
        [TRANSIENT_TRANSACTION_ERROR, RETRYABLE_WRITE_ERROR, RETRYABLE_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT];
    labels.iter().any(|label| error.contains_label(label))
        || matches!(
            error.kind.as_ref(),
            ErrorKind::Io(_) | ErrorKind::ConnectionPoolCleared { .. } | ErrorKind::ServerSelection { .. }
        )
        || code(error).is_some_and(is_passing_code)
}

/// Our error for a failed call that wrote nothing. `what` completes "could not …".
pub(super) fn store_error(what: &str, error: &mongodb::error::Error) -> Error {
    if matches!(error.kind.as_ref(), ErrorKind::Shutdown) {
        return Error::Closed;
    }
    let said = text(error);
    let mapped = StoreError::new(STORE, format!("could not {what}: {said}")).source(DriverError::new(said));
    if is_passing(error) { mapped.retryable().into() } else { mapped.into() }
}

/// Our error for a failed query.
pub(super) fn query_error(collection: &str, error: &mongodb::error::Error) -> Error {
    match code(error) {
        Some(code) if BAD_QUERY.contains(&code) => Error::InvalidQuery {
            path: collection.to_owned(),
            reason: format!("the server refused it: {}", text(error)),
        },
        _ => store_error(&format!("read `{collection}`"), error),
    }
}

/// Our error for a commit whose fate the store could not learn in time.
pub(super) fn unknown(said: &str) -> Error {
    let message = format!("the commit got no clear answer in time ({said}); send the same commit again");
    StoreError::new(STORE, message).retryable().applied(Applied::Unknown).into()
}

/// Our error for a commit that wrote nothing although it was tried until its deadline.
pub(super) fn gave_up(said: &str) -> Error {
    StoreError::new(STORE, format!("the commit did not succeed within its time-out: {said}")).retryable().into()
}

/// Adds our words to the driver's results.
pub(super) trait Explain<T> {
    /// What was done, to complete "could not …".
    fn explain(self, what: &str) -> Result<T>;
}

impl<T> Explain<T> for mongodb::error::Result<T> {
    fn explain(self, what: &str) -> Result<T> {
        self.map_err(|error| store_error(what, &error))
    }
}

#[cfg(test)]
mod tests {
    //! Messages of real servers.

    use super::without_values;

    #[test]
    fn messages_keep_everything_but_stored_values() {
        for (message, shown) in [
            (
                "E11000 duplicate key error collection: app.users index: earnorm_email dup key: { email: \"ada@x.org\" }",
                "E11000 duplicate key error collection: app.users index: earnorm_email dup key: {…}",
            ),
            (
                "Cannot create field 'city' in element {address: \"} 12 Row\"}",
                "Cannot create field 'city' in element {…}",
            ),
            ("Transaction with { txnNumber: 3 } has been aborted.", "Transaction with {…} has been aborted."),
            ("not primary", "not primary"),
            ("} odd {", "} odd {"),
        ] {
            assert_eq!(without_values(message), shown);
        }
    }
}
