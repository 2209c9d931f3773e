//! The suite itself: no case is forgotten, none is content with a store that does nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use earnorm_core::store::Store;
use earnorm_store::conformance::{CASES, Fixture, run_all};

use crate::liars::idle::Idle;

#[test]
fn every_case_is_listed_once() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/conformance");
    let mut written = BTreeSet::new();
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let group = path.file_stem().unwrap().to_str().unwrap().to_owned();
        for line in fs::read_to_string(&path).unwrap().lines() {
            let Some(rest) = line.strip_prefix("pub(super) async fn ") else { continue };
            let (name, arguments) = rest.split_once('(').unwrap();
            assert_eq!(arguments, "s: Subject) {", "{group}::{name} is a case");
            assert!(written.insert(format!("{group}::{name}")));
        }
    }
    let listed: BTreeSet<String> = CASES.iter().map(ToString::to_string).collect();
    assert_eq!(listed.len(), CASES.len(), "no case is listed twice");
    assert_eq!(listed, written);
}

#[test]
fn no_case_is_content_with_a_store_that_does_nothing() {
    struct Nothing;

    #[async_trait]
    impl Fixture for Nothing {
        async fn store(&self) -> Arc<dyn Store> {
            Arc::new(Idle::default())
        }
    }

    let reports = crate::liars::block_on(run_all(Arc::new(Nothing)));
    let content: Vec<_> = reports.iter().filter(|report| report.failure.is_none()).map(|report| report.case).collect();
    assert!(content.is_empty(), "these cases show nothing: {content:?}");
    assert_eq!(reports.len(), CASES.len());
}
