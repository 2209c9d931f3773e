//! A pattern is read when the program is compiled.
use earnorm::prelude::*;

#[model]
#[derive(Clone)]
struct User {
    #[model(id)]
    id: i64,
    #[validate(pattern("^[a-z"))]
    a: String,
    #[validate(pattern(abc))]
    b: String,
}

fn main() {}
