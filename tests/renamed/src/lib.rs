//! The macros work where earnorm has another name: `crate = "mapper"` says which.
#![forbid(unsafe_code)]

use mapper::prelude::{
    Abort, Created, Database, Document, EventContext, HandlerError, PreContext, Recorded, RecordedEvent,
    TransactionContext, ValidationError, apply, event, event_handler, model, on_event, on_shutdown, on_startup,
    post_delete, post_load, pre_save, upcast, validate,
};

mapper::marker!();

/// An embedded struct.
#[model(embedded, crate = "mapper")]
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What.
    #[validate(length(min = 1))]
    pub sku: String,
}

/// An embedded enum.
#[model(embedded, crate = "mapper")]
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// Without content.
    Open,
    /// With content.
    Closed(String),
}

/// A model.
#[model(crate = "mapper")]
#[derive(Debug, Clone, PartialEq)]
pub struct Basket {
    /// Which.
    #[model(id)]
    pub id: i64,
    /// What is in it.
    #[validate(nested)]
    pub lines: Vec<Line>,
    /// How it is.
    pub state: State,
}

#[model(crate = "mapper")]
impl Basket {
    #[pre_save]
    async fn tidy(&mut self, _: &mut PreContext<'_, Basket>) -> Result<(), Abort> {
        self.lines.dedup();
        Ok(())
    }

    #[post_load]
    fn loaded(&self) {}

    #[on_event("created", retry = "fast", key = |event| i64::try_from(event.version).ok())]
    async fn created(&mut self, _: &RecordedEvent, _: &TransactionContext) -> Result<(), HandlerError> {
        self.lines.clear();
        Ok(())
    }
}

#[event_handler("basket.*", crate = "mapper", timeout = "5s", rate = "1/s", breaker(failures = 2, rest = "1m"))]
async fn seen(_: &RecordedEvent, _: &EventContext) {}

#[event_handler(crate = "mapper", transactional, start = "beginning", when = |basket: &Recorded<Created<Basket>>| basket.id > 0)]
fn created(_: Recorded<Created<Basket>>) {}

#[on_startup(crate = "mapper")]
async fn start(_: &Database) {}

#[on_shutdown(crate = "mapper")]
fn stop() {}

#[validate(crate = "mapper")]
fn not_negative(basket: &Basket) -> Result<(), ValidationError> {
    if basket.id < 0 { Err(ValidationError::new("id", "is negative")) } else { Ok(()) }
}

#[post_delete(crate = "mapper", order = 2)]
async fn gone(_: &Basket) {}

/// An event.
#[event(crate = "mapper", version = 2)]
#[derive(Debug, Clone)]
pub struct Opened {
    /// Which.
    pub id: i64,
}

#[upcast(crate = "mapper", event = "till.opened", from = 1)]
fn opened_1_to_2(data: &mut Document) {
    data.insert("id", 1_i64);
}

/// A sourced model.
#[model(sourced, crate = "mapper")]
#[derive(Debug, Clone)]
pub struct Till {
    /// Which.
    #[model(id)]
    pub id: i64,
}

#[model(crate = "mapper")]
impl Till {
    #[apply]
    fn opened(e: &Opened) -> Self {
        Self { id: e.id }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mapper::events::HandlerRegistration;
    use mapper::model::{Model, StartsWith};

    #[test]
    fn models_work_under_another_name() {
        let basket = Basket { id: 1, lines: vec![Line { sku: "a".into() }], state: State::Closed("paid".into()) };
        assert_eq!(Basket::decode(&basket.encode().unwrap()).unwrap(), basket);
        assert_eq!(Basket::LINES.path(), "lines");
        let ids = HandlerRegistration::collected().iter().map(|one| one.id().to_owned()).collect::<Vec<_>>();
        assert_eq!(ids, ["earnorm_renamed::Basket::created", "earnorm_renamed::created", "earnorm_renamed::seen"]);
        assert_eq!(Till::start_from(&Opened { id: 4 }).id, 4);
    }
}
