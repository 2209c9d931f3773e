//! A run of the stress program, for the program and for the tests that run it shortly.

mod audit;
mod bank;
mod check;
mod crew;
mod dice;
mod handling;
mod keys;
mod kills;
mod ledger;
mod line;
mod live;
mod marks;
mod options;
pub(crate) mod parent;
mod patience;
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
