//! A compound index has parts.
use earnorm::prelude::*;

#[model(index)]
#[derive(Clone)]
struct User {
    #[model(id)]
    id: i64,
}

fn main() {}
