//! The MongoDB store on a real server: a replica set at `EARNORM_TEST_MONGODB_URI`. Without one these tests fail.
#![cfg(all(feature = "mongo", feature = "conformance"))]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "this is test code: what does not hold is a panic that names it"
)]

#[path = "mongo/measured.rs"]
mod measured;
#[path = "mongo/server.rs"]
mod server;
#[path = "mongo/support.rs"]
mod support;

#[path = "mongo/answers.rs"]
mod answers;
#[path = "mongo/batches.rs"]
mod batches;
#[path = "mongo/commits.rs"]
mod commits;
#[path = "mongo/company.rs"]
mod company;
#[path = "mongo/connecting.rs"]
mod connecting;
#[path = "mongo/durability.rs"]
mod durability;
#[path = "mongo/elections.rs"]
mod elections;
#[path = "mongo/faults.rs"]
mod faults;
#[path = "mongo/holes.rs"]
mod holes;
#[path = "mongo/line.rs"]
mod line;
#[path = "mongo/mark.rs"]
mod mark;
#[path = "mongo/queries.rs"]
mod queries;
#[path = "mongo/standalone.rs"]
mod standalone;
#[path = "mongo/stress.rs"]
mod stress;
#[path = "mongo/upkeep.rs"]
mod upkeep;
#[path = "mongo/writers.rs"]
mod writers;
