//! Versions count from 1.
use earnorm::prelude::*;

#[model(version = 0)]
#[derive(Clone)]
struct User {
    #[model(id)]
    id: i64,
}

fn main() {}
