//! An upcaster stands outside `impl` blocks.
use earnorm::prelude::*;

#[model]
#[derive(Clone)]
struct User {
    #[model(id)]
    id: i64,
}

#[model]
impl User {
    #[upcast(model = User, from = 1)]
    fn a(_: &mut Document) {}
}

impl User {
    #[upcast(model = User, from = 1)]
    fn b(&mut self) {}
}

#[upcast(model = User, from = 1)]
struct Other;

#[upcast(model = User, from = 1)]
impl User {}

fn main() {}
