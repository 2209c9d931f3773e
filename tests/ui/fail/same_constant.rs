//! Two fields with one constant.
use earnorm::prelude::*;

#[model]
#[derive(Clone)]
struct User {
    #[model(id)]
    id: i64,
    other: String,
    #[model(constant = "OTHER")]
    name: String,
}

fn main() {}
