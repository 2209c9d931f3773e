//! A rule that does not fit its field.
use earnorm::prelude::*;

#[model]
#[derive(Clone)]
struct User {
    #[model(id)]
    id: i64,
    #[validate(email)]
    age: u32,
    #[validate(length(min = 1))]
    ok: bool,
    #[validate(nested)]
    name: String,
}

fn main() {}
