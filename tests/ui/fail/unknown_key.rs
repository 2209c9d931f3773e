//! A key that is mistyped.
use earnorm::prelude::*;

#[model(colection = "users")]
#[derive(Clone)]
struct User {
    #[model(id)]
    id: i64,
}

fn main() {}
