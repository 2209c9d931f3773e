//! A model has an id.
use earnorm::prelude::*;

#[model]
#[derive(Clone)]
struct User {
    name: String,
}

#[pre_save]
fn hook(user: &mut User) {
    user.name.clear();
}

fn main() {
    let _ = User::NAME;
}
