//! Runs cases, each against a fresh store.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::{Fixture, Subject};

/// A case that takes longer hangs: every loop in the suite is bounded.
const CASE_TIME_MAX: Duration = Duration::from_secs(60);

/// One promise of the port.
#[derive(Clone, Copy)]
pub struct Case {
    /// The part of the contract.
    pub group: &'static str,
    /// What must hold, as a sentence.
    pub name: &'static str,
    pub(super) run: fn(Subject) -> BoxFuture<'static, ()>,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{}", self.group, self.name)
    }
}

/// All cases.
pub const CASES: &[Case] = crate::__conformance_list!(consts {});

/// What became of a case.
#[derive(Debug, Clone)]
pub struct CaseReport {
    /// The case.
    pub case: Case,
    /// Why it failed; `None` when the store keeps the promise.
    pub failure: Option<String>,
}

/// Runs every case, one after the other.
pub async fn run_all(fixture: Arc<dyn Fixture>) -> Vec<CaseReport> {
    let mut reports = Vec::with_capacity(CASES.len());
    for case in CASES {
        reports.push(run_case(*case, Arc::clone(&fixture)).await);
    }
    reports
}

/// Runs one case against a fresh store, which is discarded afterwards, however the case ends.
pub async fn run_case(case: Case, fixture: Arc<dyn Fixture>) -> CaseReport {
    let store = fixture.store().await;
    let subject = Subject::new(Arc::clone(&store), Arc::clone(&fixture));
    let examined = AssertUnwindSafe(async move {
        subject.prepare_plain().await;
        (case.run)(subject).await;
    })
    .catch_unwind();
    let failure = match tokio::time::timeout(CASE_TIME_MAX, examined).await {
        Ok(Ok(())) => None,
        Ok(Err(panic)) => Some(message(panic.as_ref())),
        Err(_) => Some(format!("took longer than {CASE_TIME_MAX:?}")),
    };
    fixture.discard(&store).await;
    CaseReport { case, failure }
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_else(|| "it panicked".to_owned())
}

/// Runs the case of this name (`group::name`) on a runtime of its own and panics when it fails; what
/// [`crate::conformance_tests!`] expands to.
///
/// # Panics
/// When the store breaks the promise.
pub fn check(name: &str, fixture: impl Fixture) {
    let case = CASES.iter().find(|case| case.to_string() == name).expect("the macro lists the same cases");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let report = runtime.block_on(run_case(*case, Arc::new(fixture)));
    if let Some(failure) = report.failure {
        panic!("{case}: {failure}");
    }
}
