//! What an `#[apply]` method looks like.
use earnorm::prelude::*;

#[event]
#[derive(Clone)]
struct Paid {
    cents: i64,
}

#[model(sourced)]
#[derive(Clone)]
struct Order {
    #[model(id)]
    id: i64,
    paid: i64,
}

#[model]
impl Order {
    #[apply]
    async fn a(&mut self, _: &Paid) {}

    #[apply]
    fn b(&self, _: &Paid) {}

    #[apply]
    fn c(&mut self) {}

    #[apply]
    fn d(&mut self, _: Paid) {}

    #[apply]
    fn e(&mut self, _: &Paid) -> bool {
        true
    }

    #[apply(order = 1)]
    fn f(&mut self, _: &Paid) {}
}

fn main() {}
