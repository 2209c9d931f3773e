//! A default of another type.
use earnorm::prelude::*;

#[model]
#[derive(Clone)]
struct User {
    #[model(id)]
    id: i64,
    #[model(default = "x")]
    age: u32,
}

fn main() {}
