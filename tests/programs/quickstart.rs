//! The first example keeps its data in a file: a second run goes on where the first one ended.

use earnorm::prelude::*;

use crate::{Scratch, quickstart};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_run_knows_what_the_first_one_did() {
    let file = Scratch::new("quickstart");
    let uri = file.uri();
    let mut counts = Vec::new();
    for run in 1..=2 {
        quickstart::tell(&uri).await.unwrap();
        let db = Database::connect(&uri).await.unwrap();
        counts.push(db.events().all().await.unwrap().len());
        let archived = db.store().count("archived_users", &earnorm::predicate::Predicate::always()).await.unwrap();
        assert_eq!(archived, run);
        db.close().await.unwrap();
    }
    assert!(counts[0] > 0);
    assert_eq!(counts[1], 2 * counts[0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_needs_no_file() {
    quickstart::tell("memory:").await.unwrap();
}
