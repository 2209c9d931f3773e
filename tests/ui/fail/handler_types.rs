//! What a handler takes and returns.
use earnorm::prelude::*;

#[event]
#[derive(Debug, Clone)]
struct Paid {
    cents: i64,
}

struct NotAnEvent;

#[event_handler("user.*")]
fn by_reference(_: &NotAnEvent) {}

#[event_handler]
async fn by_value(_: Recorded<NotAnEvent>) {}

#[event_handler]
fn number(_: &Recorded<Paid>) -> u32 {
    1
}

#[event_handler(batch(max = 1, wait = "1s"))]
fn one_answer(_: Vec<Recorded<Paid>>) -> Handled {
    Ok(())
}

#[event_handler(batch(max = 1, wait = "1s"))]
fn one_event(_: &Recorded<Paid>) -> Vec<Handled> {
    Vec::new()
}

#[event_handler(when = |event: &Recorded<Paid>| event.cents)]
fn condition(_: &Recorded<Paid>) {}

#[event_handler]
async fn not_send(_: &Recorded<Paid>) {
    let shared = std::rc::Rc::new(1);
    std::future::ready(()).await;
    drop(shared);
}

#[on_startup]
fn startup() -> u8 {
    1
}

fn main() {}
