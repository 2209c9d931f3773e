//! What stands in the parentheses of a periodic function, and what it takes, is checked, and said what to write instead.
use earnorm::prelude::*;

#[periodic]
fn no_time() {}

#[periodic("0 25 * * *")]
fn no_such_hour() {}

#[periodic("0 3 * *")]
fn too_few_fields() {}

#[periodic("0 3 * * MOM")]
fn no_such_day() {}

#[periodic("0s")]
fn zero() {}

#[periodic("often")]
fn neither() {}

#[periodic("60s", tz = "Europe/Rome", misfire = "twice", overlap = "later", tolerance = "0m")]
fn choices() {}

#[periodic("60s", "120s", when = |_| true, batch(max = 1, wait = "1s"), id = "Not ok", jitter = "1s")]
fn keys() {}

#[periodic("60s")]
fn takes_an_event(_: &RecordedEvent) {}

#[periodic("60s")]
fn owned(_: earnorm::events::Firing, _: EventContext) {}

#[periodic("60s")]
fn context_first(_: &EventContext, _: &earnorm::events::Firing) {}

#[periodic("60s")]
fn other_context(_: &TransactionContext) {}

#[periodic("60s", transactional)]
fn other_context_too(_: &EventContext) {}

#[periodic("60s")]
async fn three(_: &earnorm::events::Firing, _: &EventContext, _: u8) {}

#[periodic("60s")]
fn answers_a_number() -> u8 {
    1
}

#[periodic("60s")]
fn generic<T>() {}

#[periodic("60s")]
struct NotAFunction;

struct Free;

impl Free {
    #[periodic("60s")]
    fn method(&self) {}
}

fn main() {}
