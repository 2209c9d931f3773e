//! Names with `_` belong to the library.
use earnorm::prelude::*;

#[model]
#[derive(Clone)]
struct User {
    #[model(id)]
    id: i64,
    _v: i64,
    #[model(rename = "a.b")]
    dotted: i64,
}

fn main() {}
