//! The path of the library.
use earnorm::prelude::*;

#[model(crate = "not a path")]
#[derive(Clone)]
struct User {
    #[model(id)]
    id: i64,
}

fn main() {}
