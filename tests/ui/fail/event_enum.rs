//! An event is a struct.
use earnorm::prelude::*;

#[event]
#[derive(Clone)]
enum Paid {
    Cash,
}

fn main() {}
