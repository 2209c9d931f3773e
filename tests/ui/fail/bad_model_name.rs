//! A model's name is one lower-case word.
use earnorm::prelude::*;

#[model(name = "Order-Line")]
#[derive(Clone)]
struct User {
    #[model(id)]
    id: i64,
}

fn main() {}
