//! A hook takes a marker.
use earnorm::prelude::*;

#[model]
fn normalise() {}

fn main() {}
