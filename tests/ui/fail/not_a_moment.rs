//! Stamps are dates.
use earnorm::prelude::*;

#[model]
#[derive(Clone)]
struct User {
    #[model(id)]
    id: i64,
    #[model(created_at)]
    created: String,
}

fn main() {}
