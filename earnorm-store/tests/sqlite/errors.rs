//! Files that will not do, and what is said of them.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::time::Duration;

use bson::doc;
use earnorm_core::Error;
use earnorm_core::error::Applied;
use earnorm_core::predicate::Predicate;
use earnorm_core::store::{DocumentQuery, Severity, Store};
use earnorm_store::SqliteStore;

use crate::support::{Scratch, command, commit, events, found, pair};

/// The refusal of a file, which names it and says these words.
async fn refused(uri: &str, words: &[&str]) -> String {
    let error = SqliteStore::connect(uri).await.unwrap_err();
    assert!(matches!(error, Error::Connect { .. }), "{error:?}");
    let error = error.to_string();
    for word in words {
        assert!(error.contains(word), "`{word}` is not in: {error}");
    }
    error
}

#[tokio::test]
async fn a_full_file_refuses_commits_and_keeps_what_it_has() {
    let scratch = Scratch::new();
    let store = scratch.open("full.db?max_pages=100").await;
    let mut written = 0;
    let error = loop {
        let text = "x".repeat(20_000);
        let sent = commit(written, vec![doc! { "text": &text }], vec![doc! { "_id": written, "text": &text }]);
        match store.commit(sent).await {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
    };
    let said = error.to_string();
    assert!(said.contains("full.db") && said.contains("is full") && said.contains("make room"), "{said}");
    assert_eq!((error.was_applied(), error.is_retryable()), (Applied::No, true));
    assert!(written > 2);
    for store in [store.clone(), scratch.open("full.db").await] {
        assert_eq!(events(&store).await, usize::try_from(written).unwrap());
        let all = DocumentQuery::new("things", Predicate::always());
        assert_eq!(found(&store, all).await.len(), usize::try_from(written).unwrap());
    }
    let findings = store.admin().examine().await.unwrap();
    assert!(findings.iter().any(|finding| finding.subject == "space" && finding.severity > Severity::Fine));
    store.close().await.unwrap();
    let roomy = scratch.open("full.db").await;
    let receipt = roomy.commit(pair("next")).await.unwrap();
    assert_eq!(receipt.events[0].position.get(), i64::from(written) + 1, "what was refused left no hole");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_commits_that_wait_together_only_those_without_room_are_refused() {
    let scratch = Scratch::new();
    let store = scratch.open("full.db?max_pages=60").await;
    store.commit(pair("first")).await.unwrap();
    let commits = (0..64).map(|n| {
        let text = "x".repeat(if n % 2 == 0 { 60_000 } else { 10 });
        let (store, sent) = (store.clone(), commit(n, vec![doc! { "text": text }], vec![]));
        tokio::spawn(async move { (n, store.commit(sent).await) })
    });
    let mut there = 1;
    for answer in futures::future::join_all(commits).await {
        let (n, answer) = answer.unwrap();
        match answer {
            Ok(_) => there += 1,
            Err(error) => assert!(n % 2 == 0 && error.to_string().contains("is full"), "{n}: {error}"),
        }
    }
    assert_eq!(events(&store).await, there);
    assert_eq!(store.high_water().await.unwrap().get(), i64::try_from(there).unwrap());
}

#[tokio::test]
async fn a_file_for_reading_only_is_read_and_not_written() {
    let scratch = Scratch::new();
    let store = scratch.open("a.db").await;
    store.commit(pair("one")).await.unwrap();
    let reading = scratch.open("a.db?mode=ro").await;
    assert_eq!(events(&reading).await, 1);
    let error = reading.commit(pair("two")).await.unwrap_err();
    let said = error.to_string();
    assert!(said.contains("a.db") && said.contains("reading only") && said.contains("mode=ro"), "{said}");
    assert_eq!((error.was_applied(), error.is_retryable()), (Applied::No, false));
    assert!(reading.admin().prepare(&[]).await.is_err());
    store.commit(pair("two")).await.unwrap();
    assert_eq!(events(&reading).await, 2, "it sees what others write");
    reading.close().await.unwrap();
    refused(&scratch.uri("none.db?mode=ro"), &["none.db", "does not exist", "without"]).await;
}

/// Names the file in the process of a user who may not write it.
const FILE: &str = "EARNORM_TEST_SQLITE_READ_ONLY";

/// What a process does that the test below started.
#[tokio::test]
async fn a_user_without_rights() {
    if let Ok(uri) = std::env::var(FILE) {
        refused(&uri, &["a.db", "read-only", "mode=ro"]).await;
    }
}

#[tokio::test]
async fn a_file_that_may_not_be_written_is_refused() {
    let scratch = Scratch::new();
    scratch.open("a.db").await.close().await.unwrap();
    std::fs::set_permissions(scratch.path("a.db"), std::fs::Permissions::from_mode(0o444)).unwrap();
    let uri = scratch.uri("a.db");
    // Whoever may do everything becomes someone who may not.
    let mut other = command("errors::a_user_without_rights", &[(FILE, &uri)]);
    if std::fs::write(scratch.path("a.db-probe"), "").is_ok()
        && std::fs::OpenOptions::new().write(true).open(scratch.path("a.db")).is_ok()
    {
        other.uid(65_534).gid(65_534);
    }
    let output = other.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "the other process ran its test");
}

#[tokio::test]
async fn what_is_no_file_of_ours_is_refused_and_left_alone() {
    let scratch = Scratch::new();
    std::fs::write(scratch.path("text.db"), "dear diary, ".repeat(500)).unwrap();
    refused(&scratch.uri("text.db"), &["text.db", "no SQLite file"]).await;
    assert!(std::fs::read_to_string(scratch.path("text.db")).unwrap().starts_with("dear diary"));

    scratch.look("other.db").execute_batch("CREATE TABLE users (id); PRAGMA user_version = 7").unwrap();
    let before = std::fs::read(scratch.path("other.db")).unwrap();
    refused(&scratch.uri("other.db"), &["other.db", "another program", "a file of its own"]).await;
    assert!(std::fs::read(scratch.path("other.db")).unwrap() == before, "nothing was changed");

    std::fs::create_dir(scratch.path("dir")).unwrap();
    refused(&scratch.uri("dir"), &["dir", "is a directory"]).await;
    refused(&scratch.uri("none/a.db"), &["none", "does not exist", "make it first"]).await;
    assert!(!scratch.path("none").exists());
}

#[tokio::test]
async fn a_file_of_a_newer_program_is_refused() {
    let scratch = Scratch::new();
    scratch.open("a.db").await.close().await.unwrap();
    scratch.look("a.db").execute_batch("PRAGMA user_version = 9").unwrap();
    refused(&scratch.uri("a.db"), &["a.db", "newer program", "layout 9", "knows 1"]).await;
    scratch.look("a.db").execute_batch("PRAGMA user_version = 0").unwrap();
    refused(&scratch.uri("a.db"), &["a.db", "layout 0", "no program wrote", "restore a copy"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_another_process_keeps_locked_is_told_of() {
    let scratch = Scratch::new();
    let store = scratch.open("a.db?busy_timeout=100ms").await;
    store.commit(pair("one")).await.unwrap();
    let other = scratch.look("a.db");
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = store.commit(pair("two")).await.unwrap_err();
    let said = error.to_string();
    assert!(said.contains("a.db") && said.contains("locked for 100ms") && said.contains("busy_timeout"), "{said}");
    assert_eq!((error.was_applied(), error.is_retryable()), (Applied::No, true));
    assert_eq!(events(&store).await, 1, "readers do not wait");
    other.execute_batch("ROLLBACK").unwrap();
    store.commit(pair("two")).await.unwrap();

    // One that ends in time is waited for.
    let patient = scratch.open("a.db?busy_timeout=1m").await;
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let waiting = tokio::spawn(async move { patient.commit(pair("three")).await });
    let early = tokio::time::timeout(Duration::from_millis(100), store.commit(pair("four"))).await;
    assert!(early.is_err() || early.unwrap().is_err());
    other.execute_batch("ROLLBACK").unwrap();
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_damaged_file_is_told_of() {
    let scratch = Scratch::new();
    let store = scratch.open("a.db").await;
    for n in 0..50 {
        store.commit(commit(n, vec![doc! { "text": "x".repeat(3_000) }], vec![])).await.unwrap();
    }
    store.close().await.unwrap();
    let mut bytes = std::fs::read(scratch.path("a.db")).unwrap();
    bytes[4_096..].fill(0x5a);
    std::fs::write(scratch.path("a.db"), bytes).unwrap();
    let error = match SqliteStore::connect(&scratch.uri("a.db")).await {
        Ok(store) => store.high_water().await.unwrap_err().to_string(),
        Err(error) => error.to_string(),
    };
    assert!(error.contains("a.db") && error.contains("damaged") && error.contains(".recover"), "{error}");
}

#[tokio::test]
async fn a_name_for_the_database_is_refused() {
    let scratch = Scratch::new();
    let mut options = earnorm_core::backend::OpenOptions::new(scratch.uri("a.db"));
    options.database = Some("app".to_owned());
    let error = options.open().await.unwrap_err().to_string();
    assert!(error.contains("leave the name out"), "{error}");
}
