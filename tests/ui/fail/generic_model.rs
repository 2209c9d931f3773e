//! A model has no generics.
use earnorm::prelude::*;

#[model]
#[derive(Clone)]
struct User<T> {
    #[model(id)]
    id: i64,
    value: T,
}

fn main() {}
