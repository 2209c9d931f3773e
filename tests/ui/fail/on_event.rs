//! Methods that handle events.
use earnorm::prelude::*;

#[event]
#[derive(Debug, Clone)]
struct Paid {
    cents: i64,
}

#[model]
#[derive(Debug, Clone)]
struct User {
    #[model(id)]
    id: i64,
}

#[model(sourced)]
#[derive(Debug, Clone)]
struct Order {
    #[model(id)]
    id: i64,
}

#[model]
impl Order {
    #[on_event("paid")]
    fn sourced(&mut self) {}
}

#[model]
impl User {
    #[on_event]
    fn which(&self) {}

    #[on_event]
    fn which_too(&self, _: &RecordedEvent) {}

    #[on_event("paid")]
    fn no_instance(_: &Recorded<Paid>) {}

    #[on_event("paid")]
    fn by_value(self) {}

    #[on_event("paid")]
    fn other_context(&self, _: &EventContext) {}

    #[on_event("paid", transactional = false)]
    fn other_context_too(&self, _: &TransactionContext) {}

    #[on_event("paid", batch(max = 1, wait = "1s"), crate = "mapper", concurrency = 4, prioritty = 1)]
    fn options(&self) {}

    #[on_event("Paid")]
    #[on_event("paid")]
    fn twice(&self) {}

    #[on_event = "paid"]
    fn value(&self) {}

    #[event_handler("paid")]
    fn free(&self) {}

    #[on_startup]
    fn starts(&self) {}

    #[on_event("paid")]
    fn number(&self) -> u32 {
        1
    }

    #[on_event("bill.paid", key = |event| Some(event.cents > 1))]
    fn key(&self, _: &Recorded<Paid>) {}
}

fn main() {}
