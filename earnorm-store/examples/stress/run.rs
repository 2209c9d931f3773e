//! A run of the stress program, for the program and for the tests that run it shortly.

mod check;
mod crew;
mod dice;
mod keys;
mod ledger;
mod line;
mod live;
mod options;
pub(crate) mod parent;
mod place;
mod provoke;
mod reader;
pub(crate) mod report;
mod truth;
pub(crate) mod worker;
mod writer;
mod wrong;

pub(crate) use crew::Launch;
pub(crate) use options::Options;
