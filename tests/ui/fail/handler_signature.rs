//! What a handler may look like.
use earnorm::prelude::*;

#[event]
#[derive(Debug, Clone)]
struct Paid {
    cents: i64,
}

struct NotAnEvent;

#[event_handler]
fn any(_: &RecordedEvent) {}

#[event_handler(batch(max = 1, wait = "1s"))]
fn any_of_many(_: Vec<std::sync::Arc<RecordedEvent>>) -> Vec<Handled> {
    Vec::new()
}

#[event_handler("user.*")]
fn nothing() {}

#[event_handler("user.*")]
fn only_context(_: &EventContext) {}

#[event_handler]
fn changes(_: &mut Recorded<Paid>) {}

#[event_handler]
fn owned_context(_: &Recorded<Paid>, _: EventContext) {}

#[event_handler]
fn other_context(_: &Recorded<Paid>, _: &TransactionContext) {}

#[event_handler(transactional)]
fn other_context_too(_: &Recorded<Paid>, _: &EventContext) {}

#[event_handler]
fn three(_: &Recorded<Paid>, _: &EventContext, _: u8) {}

#[event_handler("user.*")]
fn generic<T>(_: &RecordedEvent) {}

#[event_handler("user.*")]
unsafe fn not_safe(_: &RecordedEvent) {}

#[event_handler("user.*")]
extern "C" fn foreign(_: &RecordedEvent) {}

#[event_handler("user.*")]
const fn constant(_: &RecordedEvent) {}

#[event_handler("user.*")]
struct NotAFunction;

struct Free;

impl Free {
    #[event_handler("user.*")]
    fn method(&self, _: &RecordedEvent) {}

    #[on_event("user.*")]
    fn no_model(&self) {}
}

#[on_event("user.*")]
fn free(_: &RecordedEvent) {}

#[on_startup(after = 2)]
fn wrong_key() {}

#[on_startup]
fn owned_database(_: Database) {}

#[on_shutdown]
fn two(_: &Database, _: u8) {}

fn main() {}
