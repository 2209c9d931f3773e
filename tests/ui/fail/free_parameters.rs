//! A free hook takes its model first.
use earnorm::prelude::*;

#[model]
#[derive(Clone)]
struct User {
    #[model(id)]
    id: i64,
    name: String,
}

#[pre_save]
fn a() {}

#[pre_save]
fn b(_: User) {}

#[post_save]
fn c(_: &mut User) {}

fn main() {}
