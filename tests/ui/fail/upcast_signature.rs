//! An upcaster takes the stored data and changes it in place.
use earnorm::prelude::*;

#[upcast(event = "order.paid", from = 1)]
async fn a(_: &mut Document) {}

#[upcast(event = "order.paid", from = 2)]
fn b() {}

#[upcast(event = "order.paid", from = 3)]
fn c(_: Document) {}

#[upcast(event = "order.paid", from = 4)]
fn d(_: &Document) {}

#[upcast(event = "order.paid", from = 5)]
fn e(_: &mut Document, _: u32) {}

#[upcast(event = "order.paid", from = 6)]
fn f<T>(_: &mut Document) {}

#[upcast(event = "order.paid", from = 7)]
unsafe fn g(_: &mut Document) {}

fn main() {}
