//! A union has no stored form.
use earnorm::prelude::*;

#[model]
union Bits {
    whole: u32,
    part: f32,
}

fn main() {}
