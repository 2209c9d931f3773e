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

fn raise<M: earnorm::model::Applies<E>, E: Event>(_: &mut M, _: E) {}

fn pay(order: &mut Order) {
    raise(order, Paid { cents: 1 });
}

fn main() {}
