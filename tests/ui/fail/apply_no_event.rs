//! An `#[apply]` method takes an event.
use earnorm::prelude::*;

struct Paid;

#[model(sourced)]
#[derive(Clone)]
struct Order {
    #[model(id)]
    id: i64,
}

#[model]
impl Order {
    #[apply]
    fn paid(&mut self, _: &Paid) {}
}

fn main() {}
