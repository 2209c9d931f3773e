//! An event that is raised is applied.
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

fn raise(order: &mut Order) {
    earnorm::model::Applies::apply_event(order, &Paid { cents: 1 });
}

fn main() {}
