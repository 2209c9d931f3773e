//! Hooks need a model.
use earnorm::prelude::*;

struct Plain;

#[model]
impl Plain {
    #[pre_save]
    fn a(&self) {}

    #[post_save]
    fn b(&self) {}
}

#[post_delete]
fn free(_: &Plain) {}

fn main() {}
