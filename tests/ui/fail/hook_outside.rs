//! A marker on a method outside a `#[model] impl` block.
use earnorm::prelude::*;

#[model]
#[derive(Clone)]
struct User {
    #[model(id)]
    id: i64,
    name: String,
}

impl User {
    #[pre_save]
    fn a(&mut self) {}
}

fn main() {}
