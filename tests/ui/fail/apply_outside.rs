//! `#[apply]` outside a `#[model] impl` block.
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

impl Order {
    #[apply]
    fn paid(&mut self, _: &Paid) {}
}

#[apply]
fn free(_: &Paid) {}

fn main() {}
