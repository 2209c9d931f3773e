//! The fields of an embedded struct have names.
use earnorm::prelude::*;

#[model(embedded)]
#[derive(Clone)]
struct Point(f64, f64);

#[model]
#[derive(Clone)]
struct User {
    #[model(id)]
    id: i64,
    at: Point,
}

fn main() {}
