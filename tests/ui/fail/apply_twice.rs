//! An event is applied by one method.
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
    fn a(&mut self, _: &Paid) {}

    #[apply]
    fn b(&mut self, _: &Paid) {}
}

fn main() {}
