//! The compiler explains what is wrong at the user's own code.
use earnorm::prelude::*;

struct Other;

#[upcast(model = Other, from = 1)]
fn a(_: &mut Document) {}

#[upcast(event = "order.paid", from = 1)]
fn b(_: &mut String) {}

#[upcast(event = "order.paid", from = 2)]
fn c(_: &mut Document) -> bool {
    true
}

#[upcast(event = "order.paid", from = 3)]
fn d(_: &mut Document) -> Result<(), UpcastError> {
    "a".parse::<i64>()?;
}

fn main() {}
