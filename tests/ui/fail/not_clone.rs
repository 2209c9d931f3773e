//! A model is `Clone`.
use earnorm::prelude::*;

#[model]
struct User {
    #[model(id)]
    id: i64,
}

fn main() {}
