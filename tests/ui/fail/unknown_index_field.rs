//! A compound index names fields.
use earnorm::prelude::*;

#[model(index(name, -agee), unique(cache))]
#[derive(Clone)]
struct User {
    #[model(id)]
    id: i64,
    name: String,
    age: u32,
    #[model(skip)]
    cache: u8,
}

fn main() {}
