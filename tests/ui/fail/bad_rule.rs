//! Rules of fields.
use earnorm::prelude::*;

#[model]
#[derive(Clone)]
struct User {
    #[model(id)]
    id: i64,
    #[validate(lenght(min = 1))]
    a: String,
    #[validate]
    b: String,
    #[validate(length)]
    c: String,
    #[validate(range(least = 1))]
    d: u32,
}

fn main() {}
