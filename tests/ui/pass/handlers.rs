//! Handlers in modules without a prelude, with shadowed names, raw identifiers, `Self`, `#[cfg]` and strict lints.
#![no_implicit_prelude]
#![forbid(unsafe_code)]
#![deny(missing_docs, warnings, unused, missing_debug_implementations, unreachable_pub, trivial_casts)]
#![allow(unexpected_cfgs)]

mod shadowed {
    use ::core::{marker::Sync as Everywhere, option::Option as Maybe, result::Result as Outcome};
    use ::earnorm::{event, event_handler, model, on_event, on_shutdown, on_startup};
    use ::earnorm::prelude as earnorm_prelude;
    use ::std::{boxed::Box as StdBox, string::String as Text, sync::Arc as Shared, vec::Vec as List};
    use ::core::{convert::TryFrom as _, iter::Iterator as _};
    use earnorm_prelude::{Created, Database, EventContext, HandlerError, Recorded, RecordedEvent, TransactionContext, Updated};

    struct Result;
    struct Option;
    struct Vec;
    struct Box;
    struct Some;
    struct None;
    struct Ok;
    struct Err;
    struct Handler;
    struct Model;
    struct Arc;
    struct Event;
    trait Clone {}
    trait Send {}
    impl Clone for () {}
    impl Send for () {}

    fn used() {
        let _ = (Result, Option, Vec, Box, Some, None, Ok, Err, Handler, Model, Arc, Event);
        fn both<T: Clone + Send + Everywhere>() {}
        both::<()>();
        let _: Maybe<StdBox<()>> = Maybe::None;
    }

    #[event]
    #[derive(Debug, ::core::clone::Clone)]
    struct r#Try {
        r#type: Text,
    }

    #[model]
    #[derive(Debug, ::core::clone::Clone)]
    struct r#Match {
        #[model(id)]
        r#ref: i64,
        r#type: Text,
    }

    type Change = Recorded<Updated<r#Match>>;
    type Any = RecordedEvent;

    #[model]
    impl r#Match {
        #[on_event]
        async fn r#move(&mut self, event: &Recorded<r#Try>, _: &TransactionContext) -> Outcome<(), HandlerError> {
            self.r#type = ::core::clone::Clone::clone(&event.r#type);
            Outcome::Ok(())
        }

        #[on_event("*", when = |event: &Recorded<Created<Self>>| Self::is_new(event), key = |event| Maybe::Some(Self::key(event)))]
        fn any(self: &mut Self, event: &Any) {
            self.r#ref = i64::try_from(event.version).unwrap_or(0) * 0 + self.r#ref;
        }

        #[on_event(transactional = false)]
        fn change(&self, _: Change, context: &EventContext) {
            let _ = context.attempt();
        }

        #[cfg(no_such_thing)]
        #[on_event]
        fn gone(&self, _: &NoSuchType) {}

        fn is_new(event: &Recorded<Created<Self>>) -> bool {
            event.r#ref > 0
        }

        fn key(_: &Any) -> i64 {
            1
        }
    }

    #[event_handler(id = "by-value")]
    async fn r#loop(event: Recorded<r#Try>) {
        let _ = event;
    }

    #[event_handler("**", when = picked)]
    fn shared(event: Shared<RecordedEvent>, _: &EventContext) {
        used();
        let _ = event;
    }

    fn picked(event: &Shared<RecordedEvent>) -> bool {
        event.version > 0
    }

    #[event_handler(batch(max = 3, wait = "1d"), when = |event| event.r#type.is_empty())]
    async fn slice(events: &[Recorded<r#Try>], context: &EventContext) -> List<Outcome<(), ::std::io::Error>> {
        let _ = context.attempt();
        events.iter().map(|_| Outcome::Ok(())).collect()
    }

    #[event_handler(transactional)]
    async fn lifetimes<'a>(event: &'a Change, context: &'a TransactionContext) -> Outcome<(), HandlerError> {
        let _ = (event, context.unit());
        Outcome::Ok(())
    }

    #[cfg(no_such_thing)]
    #[event_handler]
    fn gone(_: &NoSuchType) {}

    #[on_startup(order = -1)]
    async fn r#async(_: &Database) -> Outcome<(), ::std::io::Error> {
        Outcome::Ok(())
    }

    #[on_shutdown]
    fn stop() {}

    #[cfg(no_such_thing)]
    #[on_shutdown]
    fn no_stop(_: &NoSuchType) {}
}

fn main() {
    #[::earnorm::event_handler("user.*")]
    fn local(_: &::earnorm::event::RecordedEvent) {}
}
