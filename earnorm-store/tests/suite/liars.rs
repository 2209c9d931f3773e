//! Stores that are wrong in exactly one way: for each, the suite must say so, in the case that is about it.

mod admin;
mod answers;
mod filters;
pub(crate) mod idle;
mod liar;
mod list;
mod reads;
mod writes;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use earnorm_core::store::Store;
use earnorm_store::MemoryStore;
use earnorm_store::conformance::{CASES, Fixture, run_case};

use liar::Liar;
pub(crate) use list::Lie;
use list::{EXPOSED_BY, WITHOUT_A_LIAR};

#[async_trait]
impl Fixture for Lie {
    async fn store(&self) -> Arc<dyn Store> {
        Arc::new(Liar::new(MemoryStore::new(), *self))
    }
}

#[test]
fn every_lie_is_found_by_the_cases_that_are_about_it() {
    let mut believed = Vec::new();
    for (lie, name) in EXPOSED_BY.iter().flat_map(|(lie, cases)| cases.iter().map(move |case| (lie, case))) {
        let case = CASES.iter().find(|case| case.to_string() == *name);
        let case = case.unwrap_or_else(|| panic!("{name} is a case"));
        if block_on(run_case(*case, Arc::new(*lie))).failure.is_none() {
            believed.push((lie, name));
        }
    }
    assert!(believed.is_empty(), "these lies are believed: {believed:#?}");
}

#[test]
fn every_case_has_a_liar_or_a_reason_why_none_can_be() {
    let with: BTreeSet<&str> = EXPOSED_BY.iter().flat_map(|(_, cases)| cases.iter().copied()).collect();
    let without: BTreeSet<&str> = WITHOUT_A_LIAR.iter().map(|(case, _)| *case).collect();
    assert!(with.is_disjoint(&without), "{:?}", with.intersection(&without));
    assert!(WITHOUT_A_LIAR.iter().all(|(_, reason)| !reason.is_empty()));
    let all: BTreeSet<String> = CASES.iter().map(ToString::to_string).collect();
    let answered: BTreeSet<String> = with.union(&without).map(ToString::to_string).collect();
    let unlike: Vec<_> = answered.symmetric_difference(&all).collect();
    assert!(unlike.is_empty(), "a new case needs a store that is wrong in just the way that it is about: {unlike:?}");
}

/// Runs on a runtime of its own.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(future)
}
