//! Why an attempt did not become a commit, and what the database's answers say about that.

use earnorm_core::Error;
use earnorm_core::error::StoreError;
use mongodb::error::TRANSIENT_TRANSACTION_ERROR;

use super::attempt::{Range, Receipts};
use super::error::{STORE, code, is_passing, is_passing_code, store_error, text};
use super::raw::WriteFault;

/// Why an attempt did not become a commit.
#[derive(Debug)]
pub(super) enum Failure {
    /// Nothing was written. The members that are in the way are named: the others may go at once.
    Others,
    /// Nothing was written, and another attempt may succeed; `halve` if one with fewer members may sooner.
    Again { said: String, counter_behind: bool, halve: bool },
    /// It may be there or not.
    Unclear { range: Option<Range>, receipts: Receipts, said: String },
    /// Nothing was written, and another attempt would fail alike.
    Final(Error),
    /// A sabotaged writer is gone: nothing is cleaned up.
    Gone,
}

impl Failure {
    pub(super) fn again(said: impl Into<String>) -> Self {
        Self::Again { said: said.into(), counter_behind: false, halve: false }
    }

    /// The failure of a call inside the transaction, before the commit was sent.
    pub(super) fn of(what: &str, error: &mongodb::error::Error) -> Self {
        if error.contains_label(TRANSIENT_TRANSACTION_ERROR) || is_passing(error) {
            // A server that answers may have met a conflict of one member; one that does not would meet none of them.
            Self::Again { said: text(error), counter_behind: false, halve: code(error).is_some() }
        } else {
            Self::Final(store_error(what, error))
        }
    }

    /// A statement that failed for another reason than a duplicate.
    pub(super) fn of_code(fault: &WriteFault) -> Self {
        if is_passing_code(fault.code) {
            return Self::Again { said: fault.message.clone(), counter_behind: false, halve: true };
        }
        let said = format!("the server refused a write of the commit ({}): {}", fault.code, fault.message);
        Self::Final(StoreError::new(STORE, said).into())
    }
}
