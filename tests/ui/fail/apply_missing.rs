//! An event that is raised is applied.
use earnorm::prelude::*;

#[event]
#[derive(Clone)]
struct Opened;

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
}

#[model]
impl Order {
    #[apply]
    fn opened(&mut self, _: &Opened) {}
}

fn pay(order: &mut Entity<Order>) -> Result<()> {
    order.raise(Paid { cents: 1 })
}

fn main() {}
