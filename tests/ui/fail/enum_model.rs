//! An enum is stored in a field.
use earnorm::prelude::*;

#[model]
#[derive(Clone)]
enum State {
    Open,
}

fn main() {}
