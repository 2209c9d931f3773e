//! The id is unique already.
use earnorm::prelude::*;

#[model]
#[derive(Clone)]
struct User {
    #[model(id, unique)]
    id: i64,
    #[model(skip, index)]
    cache: i64,
}

fn main() {}
