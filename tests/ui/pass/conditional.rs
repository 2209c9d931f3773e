//! Fields, variants, hooks and `#[apply]` methods under `#[cfg]`.
#![allow(unexpected_cfgs, dead_code)]

use earnorm::prelude::*;

#[model(index(id, gone))]
#[derive(Clone)]
struct Thing {
    #[model(id)]
    id: i64,
    #[cfg(no_such_thing)]
    #[model(index)]
    #[validate(length(min = 1))]
    gone: NoSuchType,
    #[cfg(not(no_such_thing))]
    #[model(default = 3)]
    here: u8,
}

#[model(embedded)]
#[derive(Clone)]
enum Kind {
    A,
    #[cfg(no_such_thing)]
    B(NoSuchType),
}

#[model]
impl Thing {
    #[cfg(no_such_thing)]
    #[pre_save]
    fn gone(&mut self) {
        no_such_function();
    }

    #[pre_save]
    #[cfg(not(no_such_thing))]
    fn here(&mut self) {
        self.here += 1;
    }
}

#[cfg(no_such_thing)]
#[pre_save]
fn gone(_: &NoSuchType) {}

#[event]
#[derive(Clone)]
struct Ran {
    #[cfg(no_such_thing)]
    gone: NoSuchType,
}

#[model(sourced)]
#[derive(Clone)]
struct Runner {
    #[model(id)]
    id: i64,
}

#[model]
impl Runner {
    #[cfg(no_such_thing)]
    #[apply]
    fn gone(&mut self, _: &NoSuchType) {}

    #[apply]
    fn ran(&mut self, _: &Ran) {}
}

fn main() {
    assert_eq!(<Thing as Model>::SCHEMA.fields.len(), 2);
    assert_eq!(<Thing as Model>::SCHEMA.indexes.len(), 1);
}
