//! `#[upcast]` says whose data it changes, and which version it reads.
use earnorm::prelude::*;

#[model(version = 2)]
#[derive(Clone)]
struct User {
    #[model(id)]
    id: i64,
}

#[upcast(evnt = "order.paid", from = 1)]
fn a(_: &mut Document) {}

#[upcast(from = 1)]
fn b(_: &mut Document) {}

#[upcast(model = User)]
fn c(_: &mut Document) {}

#[upcast(model = User, from = 0)]
fn d(_: &mut Document) {}

#[upcast(model = User, event = "user.greeted", from = 1)]
fn e(_: &mut Document) {}

#[upcast(model = "User", from = 1)]
fn f(_: &mut Document) {}

#[upcast(event = User, from = 1)]
fn g(_: &mut Document) {}

#[upcast(event = "Order Paid", from = 1)]
fn h(_: &mut Document) {}

#[upcast(event = "user.created", from = 1)]
fn i(_: &mut Document) {}

#[upcast(model = User, from = "1")]
fn j(_: &mut Document) {}

#[upcast]
fn k(_: &mut Document) {}

fn main() {}
