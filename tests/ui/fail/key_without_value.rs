//! A key without its value, and one with a value too many.
use earnorm::prelude::*;

#[model(collection, sourced = true)]
#[derive(Clone)]
struct User {
    #[model(id)]
    id: i64,
}

fn main() {}
