//! What stands in the parentheses of a handler is checked, and said what to write instead.
use earnorm::prelude::*;

#[event_handler("User.*", "user.", except = "user.*x", id = "a/b", group = "")]
fn names(_: &RecordedEvent) {}

#[event_handler("user.*", timeout = "30", rate = "10", batch(max = 0, wait = "soon"), breaker(failures = 5))]
fn numbers(_: &RecordedEvent) {}

#[event_handler("user.*", start = "begining", retry = "slow", on_dead = 3, concurrency = 0, parked_max = -1)]
fn choices(_: &RecordedEvent) {}

#[event_handler("user.*", prority = 1, key = |_| None, timeout = "1s", timeout = "2s", may_cycle = true, after, when)]
fn keys(_: &RecordedEvent) {}

#[event_handler("user.*", transactional, batch(max = 1, wait = "1s"), concurrency = 2)]
fn both(_: &RecordedEvent) {}

#[event_handler("user.*", breaker = 5, batch(max = 1, wait = "1s", most = 2), rate = "0/s", priority = "high")]
fn pairs(_: &RecordedEvent) {}

#[event_handler("user.*" id = "x")]
fn comma(_: &RecordedEvent) {}

#[event_handler("user.*", retry = 5_u8 as u64, timeout = std::time::Instant::now())]
fn expressions(_: &RecordedEvent) {}

fn main() {}
