//! The conformance suite: every promise of the [`Store`](earnorm_core::store::Store) port, one case each.
//!
//! A backend enrols with a [`Fixture`] and one line, which makes one `#[test]` a case:
//!
//! ```text
//! earnorm_store::conformance_tests!(MyFixture::new());
//! ```
//!
//! No case is ever skipped: what a store declares that it cannot do must be refused with the right error. A case says
//! what must hold in its name; [`CASES`] lists them all, and [`run_all`] runs them without a test harness.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "this module is test code: a broken promise is a panic that names it, and seeds are printed"
)]

mod draft;
mod fixture;
mod list;
mod runner;
mod subject;

mod adoption;
mod aggregates;
mod capabilities;
mod checkpoints;
mod checks;
mod commit;
mod concurrency;
mod documents;
mod entries;
mod explain;
mod filter_arrays;
mod filter_compare;
mod filter_hostile;
mod filter_logic;
mod filter_null;
mod filter_text;
mod holes;
mod idempotence;
mod import;
mod limits;
mod log;
mod log_pages;
mod moved;
mod oracle;
mod patches;
mod prepare;
mod projection;
mod put;
mod sorting;
mod streams;
mod swap;
mod time;
mod truncation;
mod unique;
mod upkeep;
mod values;
mod versions;

pub use crate::sabotage::Sabotage;
pub use fixture::Fixture;
pub use runner::{CASES, Case, CaseReport, check, run_all, run_case};
pub use subject::Subject;
