//! The expansion needs nothing that a prelude brings.
#![no_implicit_prelude]
#![allow(dead_code)]

use ::core::clone::Clone;
use ::core::fmt::Debug;
use ::core::option::Option;
use ::core::result::Result;
use ::earnorm::prelude::{
    Abort, PreContext, Uuid, ValidationError, apply, event, model, post_delete, post_load, pre_save, validate,
};
use ::std::string::String;
use ::std::vec::Vec;

#[model(embedded)]
#[derive(Clone, Debug)]
struct Line {
    #[validate(length(min = 1), pattern("[a-z]"))]
    sku: String,
    count: u32,
}

#[model(embedded)]
#[derive(Clone, Debug)]
enum State {
    Open,
    Closed(String),
    Split(u32, u32),
    Lost { reason: String },
}

#[model(unique(name, -count))]
#[derive(Clone, Debug)]
struct Basket {
    #[model(id)]
    id: Uuid,
    #[model(default = 3)]
    count: u32,
    name: Option<String>,
    #[validate(nested)]
    lines: Vec<Line>,
    state: State,
}

#[model]
impl Basket {
    #[pre_save]
    async fn first(&mut self, _cx: &mut PreContext<'_, Basket>) -> Result<(), Abort> {
        self.count += 1;
        Result::Ok(())
    }

    #[post_load]
    fn loaded(&mut self) {}

    #[validate]
    fn valid(&self) -> Result<(), ValidationError> {
        Result::Ok(())
    }
}

#[post_delete]
fn gone(_: &Basket) {}

#[event]
#[derive(Clone)]
struct Opened {
    count: u32,
}

#[event]
#[derive(Clone)]
struct Filled {
    count: u32,
}

#[model(sourced)]
#[derive(Clone, Debug)]
struct Till {
    #[model(id)]
    id: i64,
    count: u32,
}

#[model]
impl Till {
    #[apply]
    fn opened(e: &Opened) -> Self {
        Till { id: 1, count: e.count }
    }

    #[apply]
    fn filled(&mut self, e: &Filled) {
        self.count += e.count;
    }
}

fn main() {}
