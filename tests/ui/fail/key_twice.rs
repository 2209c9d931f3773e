//! A key comes once.
use earnorm::prelude::*;

#[model(version = 1, version = 2)]
#[derive(Clone)]
struct User {
    #[model(id)]
    id: i64,
}

fn main() {}
