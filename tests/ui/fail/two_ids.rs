//! A model has one id.
use earnorm::prelude::*;

#[model]
#[derive(Clone)]
struct User {
    #[model(id)]
    id: i64,
    #[model(id)]
    other: i64,
}

fn main() {}
