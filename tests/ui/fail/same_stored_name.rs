//! Two fields with one stored name.
use earnorm::prelude::*;

#[model]
#[derive(Clone)]
struct User {
    #[model(id)]
    id: i64,
    email: String,
    #[model(rename = "email")]
    mail: String,
}

fn main() {}
