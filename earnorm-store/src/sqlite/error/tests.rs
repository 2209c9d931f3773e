//! What is told of each kind of failure: what it was, whether it may pass, and whether the write may be there.

use std::error::Error as _;

use rusqlite::ffi;

use super::*;

/// What SQLite answers with a result code.
fn said(code: i32) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)
}

/// The message, whether it may pass, and whether the write may be there.
fn told(error: &Error) -> (String, bool, Applied) {
    (error.to_string(), error.is_retryable(), error.was_applied())
}

const BUSY: &str =
    "another process has it locked; try again, wait longer with `?busy_timeout=30s`, or look who has it open";
const FULL: &str = "it is full: the disk, or the most pages that it may have; make room and try again";
const READ_ONLY: &str =
    "it is open for reading only; let this user write the file and its directory, and open it without `mode=ro`";

#[test]
fn every_reason_says_what_to_do_next() {
    assert_eq!(reason(&said(ffi::SQLITE_BUSY)), BUSY);
    assert_eq!(reason(&said(ffi::SQLITE_LOCKED)), BUSY);
    assert_eq!(reason(&said(ffi::SQLITE_FULL)), FULL);
    assert_eq!(reason(&said(ffi::SQLITE_READONLY)), READ_ONLY);
    assert_eq!(reason(&said(ffi::SQLITE_NOTADB)), "it is no SQLite file; name another one");
    for (code, advice) in [
        (ffi::SQLITE_CORRUPT, "restore a copy, or save what can be read with `sqlite3 FILE .recover`"),
        (ffi::SQLITE_CANTOPEN, "look whether it is there and whether this user may read and write it"),
        (ffi::SQLITE_IOERR, "look at the disk"),
    ] {
        let error = said(code);
        let reason = reason(&error);
        assert!(reason.contains(&format!("({error})")) && reason.ends_with(advice), "{reason}");
    }
    let other = said(ffi::SQLITE_TOOBIG);
    assert_eq!(reason(&other), other.to_string());
}

#[test]
fn a_call_that_wrote_nothing_says_whether_it_may_pass() {
    let file = Path::new("app.db");
    for (code, retryable) in [
        (ffi::SQLITE_BUSY, true),
        (ffi::SQLITE_LOCKED, true),
        (ffi::SQLITE_FULL, true),
        (ffi::SQLITE_READONLY, false),
        (ffi::SQLITE_IOERR, false),
    ] {
        let error = said(code);
        let message = format!("sqlite store: could not read `users` in `app.db`: {}", reason(&error));
        let mapped = Failure::from(said(code)).explain(file, "read `users`");
        assert_eq!(told(&mapped), (message, retryable, Applied::No));
        let Error::Store(mapped) = mapped else { panic!("{mapped:?}") };
        assert_eq!(mapped.source().unwrap().to_string(), error.to_string(), "SQLite's own words are kept");
    }
}

#[test]
fn a_commit_whose_last_step_failed_may_be_there_only_where_the_disk_failed() {
    let file = Path::new("app.db");
    let uncommitted = |code| told(&uncommitted(file, "commit", &said(code)));
    let (text, retryable, applied) = uncommitted(ffi::SQLITE_IOERR);
    assert!(text.contains("`app.db`") && text.ends_with("; send the same commit again"), "{text}");
    assert_eq!((retryable, applied), (true, Applied::Unknown));
    let full = format!("sqlite store: could not commit in `app.db`: {FULL}; nothing of it was written");
    assert_eq!(uncommitted(ffi::SQLITE_FULL), (full, true, Applied::No));
    let read_only = format!("sqlite store: could not commit in `app.db`: {READ_ONLY}; nothing of it was written");
    assert_eq!(uncommitted(ffi::SQLITE_READONLY), (read_only, false, Applied::No));
}
