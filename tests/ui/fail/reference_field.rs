//! Stored fields own their data.
use earnorm::prelude::*;

#[model]
#[derive(Clone)]
struct User {
    #[model(id)]
    id: i64,
    name: &'static str,
}

fn main() {}
