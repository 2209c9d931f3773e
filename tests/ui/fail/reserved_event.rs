//! Names that the library records by itself.
use earnorm::prelude::*;

#[event]
#[derive(Clone)]
struct Created {
    at: i64,
}

#[event(name = "order.paid")]
#[derive(Clone)]
struct Paid;

fn main() {}
