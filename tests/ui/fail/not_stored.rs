//! A type without a stored form.
use earnorm::prelude::*;

use earnorm::__private::serde;

#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(crate = "earnorm::__private::serde")]
struct Money(i64);

#[model]
#[derive(Clone)]
struct User {
    #[model(id)]
    id: i64,
    price: Money,
}

fn main() {}
