//! The fields of a model have names.
use earnorm::prelude::*;

#[model]
#[derive(Clone)]
struct User(i64);

fn main() {}
