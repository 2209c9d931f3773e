//! A field keeps one moment, and a sourced model none.
use earnorm::prelude::*;

#[model]
#[derive(Clone)]
struct User {
    #[model(id)]
    id: i64,
    #[model(created_at, updated_at)]
    at: DateTime<Utc>,
}

#[model(sourced)]
#[derive(Clone)]
struct Order {
    #[model(id)]
    id: i64,
    #[model(updated_at)]
    at: DateTime<Utc>,
}

fn main() {}
