//! A field key that is mistyped, and a second mistake with it.
use earnorm::prelude::*;

#[model]
#[derive(Clone)]
struct User {
    #[model(id)]
    id: i64,
    #[model(uniqe)]
    email: String,
    #[model(index = "down")]
    age: u32,
}

fn main() {}
