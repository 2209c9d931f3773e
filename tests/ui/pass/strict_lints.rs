//! The expansion stands the strictest lints, and importing the markers one by one.
#![forbid(unsafe_code)]
#![deny(missing_docs, warnings, unused, missing_debug_implementations, unreachable_pub, trivial_casts)]

use earnorm::hook::Abort;
use earnorm::save::{PostContext, PreContext};
use earnorm::validation::ValidationError;
use earnorm::{
    apply, event, model, post_create, post_delete, post_load, post_save, post_update, pre_create, pre_delete, pre_save,
    pre_update, validate,
};

/// A user.
#[model(collection = "people")]
#[derive(Debug, Clone)]
pub struct User {
    /// Id.
    #[model(id)]
    pub id: i64,
    /// Name.
    #[model(unique, default)]
    #[validate(length(min = 1))]
    pub name: String,
}

#[model]
impl User {
    #[pre_save(order = 1)]
    fn a(&mut self, _: &mut PreContext<'_, User>) {}
    #[pre_create]
    fn b(&self) -> Result<(), Abort> {
        Ok(())
    }
    #[pre_update]
    async fn c(&self) {}
    #[pre_delete]
    async fn d(&self, _: &mut PreContext<'_, User>) -> Result<(), Abort> {
        Ok(())
    }
    #[post_save]
    #[post_create]
    #[post_update]
    #[post_delete]
    async fn e(&self, _: &PostContext<'_, User>) {}
    #[post_load]
    fn f(&mut self) {}
    #[validate]
    fn g(&self) -> Result<(), ValidationError> {
        Ok(())
    }
}

/// It happened.
#[event]
#[derive(Debug, Clone)]
pub struct Happened {
    /// How often.
    pub count: u32,
}

/// A sourced model.
#[model(sourced)]
#[derive(Debug, Clone)]
pub struct Counter {
    /// Id.
    #[model(id)]
    pub id: i64,
}

#[model]
impl Counter {
    #[apply]
    fn happened(&mut self, e: &Happened) {
        self.id += i64::from(e.count);
    }
}

fn main() {}
