//! `#[event_handler]`, `#[on_event]`, `#[on_startup]` and `#[on_shutdown]`: what they register.

use std::sync::Arc;
use std::time::Duration;

use earnorm::events::{Breaker, Handler, HandlerRegistration, Lifecycle, LifecycleRegistration, OnDead, Rate, Start};
use earnorm::events::{OnModel, RetryPolicy};
use earnorm::prelude::*;

#[event]
#[derive(Debug, Clone)]
struct Rang {
    times: u32,
}

#[model]
#[derive(Debug, Clone)]
struct Bell {
    #[model(id)]
    id: i64,
    times: u32,
}

#[event_handler]
async fn by_type(_: &Recorded<Updated<Bell>>, _: &EventContext) -> Result<()> {
    Ok(())
}

#[event_handler(
    "bell.*",
    "**.rang",
    id = "everything",
    except("bell.deleted", "bell.restored"),
    when = |event: &RecordedEvent| event.version > 1,
    start = "beginning",
    retry = "webhook",
    timeout = "1500ms",
    concurrency = 8,
    on_dead = "park",
    parked_max = 5,
    priority = -3,
    group = "bells",
    after("first", "second"),
    rate = "10/m",
    breaker(failures = 5, rest = "30s"),
    may_cycle
)]
fn everything(_: &RecordedEvent) {}

const STREAMS: usize = 3;

#[event_handler(
    when = |rang: &Recorded<Rang>| rang.times > 2,
    retry = RetryPolicy::fast().attempts(2),
    timeout = Duration::from_secs(7),
    start = Start::End,
    concurrency = STREAMS,
    except = "till.*",
    after = "first"
)]
fn expressions(_: Recorded<Rang>) -> Result<(), HandlerError> {
    Err(HandlerError::discard("no"))
}

#[event_handler(transactional)]
async fn once(_: Recorded<Created<Bell>>, _: &TransactionContext) {}

#[event_handler(batch(max = 100, wait = "200ms"))]
async fn many(rang: Vec<Recorded<Rang>>, _: &EventContext) -> Vec<Handled> {
    rang.iter().map(|_| Ok(())).collect()
}

#[event_handler("**", batch(max = 2, wait = "1m"), id = "slices")]
fn slices(events: &[Arc<RecordedEvent>]) -> Vec<Handled> {
    events.iter().map(|_| Ok(())).collect()
}

#[model]
impl Bell {
    #[on_event]
    fn rang(&mut self, event: &Recorded<Rang>) {
        self.times += event.times;
    }

    #[on_event("*", except = "deleted", transactional = false, concurrency = 2, id = "bell-watch")]
    async fn watch(&self, _: &RecordedEvent, _: &EventContext) {}

    #[on_event("bell.created", "restored")]
    fn born(&self, _: &TransactionContext) {}

    #[on_event("till.rang", key = |event| Some(i64::from(event.times)), when = |event: &Recorded<Rang>| event.times > 0)]
    fn elsewhere(&mut self, _: Recorded<Rang>) {}

    #[on_event("tower.rang", id = "not-mine")]
    fn not_mine(&self) {}

    #[on_event]
    fn this_type(&self, _: &Recorded<Updated<Self>>) {}

    #[cfg(any())]
    #[on_event("created")]
    fn gone(&self) {
        no_such_function();
    }
}

#[on_startup(order = 2)]
async fn second(_: &Database) -> Result<()> {
    Ok(())
}

#[on_startup]
fn first() {}

#[on_shutdown]
fn last() -> Result<(), std::fmt::Error> {
    Err(std::fmt::Error)
}

fn handler(id: &str) -> Handler {
    HandlerRegistration::collected().into_iter().find(|handler| handler.id() == id).unwrap()
}

#[test]
fn every_handler_is_registered_under_its_id() {
    let handlers = HandlerRegistration::collected();
    let here = handlers.iter().filter(|handler| handler.options().place.starts_with("macros::handlers::"));
    let ids: Vec<_> = here.map(Handler::id).collect();
    assert_eq!(
        ids,
        [
            "bell-watch",
            "everything",
            "macros::handlers::Bell::born",
            "macros::handlers::Bell::elsewhere",
            "macros::handlers::Bell::rang",
            "macros::handlers::Bell::this_type",
            "macros::handlers::by_type",
            "macros::handlers::expressions",
            "macros::handlers::many",
            "macros::handlers::once",
            "not-mine",
            "slices",
        ]
    );
}

#[test]
fn options_are_as_written() {
    let options = handler("everything").options();
    assert_eq!(options.patterns, ["bell.*", "**.rang"]);
    assert_eq!(options.except, ["bell.deleted", "bell.restored"]);
    assert_eq!((options.conditions, options.start), (1, Start::Beginning));
    assert_eq!((options.retry, options.timeout), (RetryPolicy::webhook(), Duration::from_millis(1_500)));
    assert_eq!((options.concurrency, options.on_dead, options.parked_max), (8, OnDead::Park, 5));
    assert_eq!((options.priority, options.group.as_deref()), (-3, Some("bells")));
    assert_eq!(options.after, ["first", "second"]);
    assert_eq!(options.rate, Some(Rate::new(10, Duration::from_secs(60))));
    assert_eq!(options.breaker, Some(Breaker::new(5, Duration::from_secs(30))));
    assert_eq!((options.may_cycle, options.transactional, options.batch), (true, false, None));
    assert_eq!(options.place, "macros::handlers::everything");

    let options = handler("macros::handlers::expressions").options();
    assert_eq!(options.patterns, ["**.rang"]);
    assert_eq!((options.retry, options.timeout), (RetryPolicy::fast().attempts(2), Duration::from_secs(7)));
    assert_eq!((options.concurrency, options.conditions), (3, 0));
    assert_eq!((options.except, options.after), (vec!["till.*".to_owned()], vec!["first".to_owned()]));
}

#[test]
fn what_is_not_written_has_its_default() {
    let options = handler("macros::handlers::by_type").options();
    assert_eq!(options.patterns, ["bell.updated"]);
    assert_eq!((options.retry, options.start), (RetryPolicy::standard(), Start::End));
    assert_eq!((options.on_dead, options.concurrency), (OnDead::Continue, 16));
    let options = handler("macros::handlers::once").options();
    assert_eq!((options.transactional, options.on_dead, options.concurrency), (true, OnDead::Park, 1));
    let options = handler("macros::handlers::many").options();
    assert_eq!(
        (options.patterns, options.batch),
        (vec!["**.rang".to_owned()], Some((100, Duration::from_millis(200))))
    );
    assert_eq!(handler("slices").options().batch, Some((2, Duration::from_secs(60))));
}

#[test]
fn methods_take_their_models_events() {
    let options = handler("macros::handlers::Bell::rang").options();
    assert_eq!(options.patterns, ["bell.rang"]);
    assert_eq!((options.transactional, options.on_dead), (true, OnDead::Park));
    let options = handler("bell-watch").options();
    assert_eq!((options.patterns, options.except), (vec!["bell.*".to_owned()], vec!["bell.deleted".to_owned()]));
    assert_eq!((options.transactional, options.on_dead, options.concurrency), (false, OnDead::Park, 2));
    assert_eq!(handler("macros::handlers::Bell::born").options().patterns, ["bell.created", "bell.restored"]);
    assert_eq!(handler("macros::handlers::Bell::elsewhere").options().patterns, ["till.rang"]);
    assert_eq!(handler("macros::handlers::Bell::this_type").options().patterns, ["bell.updated"]);
}

#[test]
fn a_pattern_of_another_model_needs_a_key() {
    let options = handler("not-mine").options();
    let expected =
        "`tower.rang` is no event of `bell`: write `bell.…` or one word, or say with a key which instance is meant";
    assert_eq!((options.patterns, options.problems), (Vec::new(), vec![expected.to_owned()]));
    let keyed = OnModel::<Bell, Recorded<Rang>>::new().key(|_| None);
    let keyed = keyed.at_least_once("keyed", |_, _, _| Box::pin(async { Ok(()) })).on(["tower.rang", "rang"]);
    assert_eq!(keyed.options().patterns, ["tower.rang", "bell.rang"]);
    assert_eq!(keyed.options().problems, Vec::<String>::new());
}

#[test]
fn handlers_by_hand_say_the_same() {
    let by_hand = Bell::on("rang", "by-hand", |bell: &mut Bell, event: Recorded<Rang>, _| {
        Box::pin(async move {
            bell.times += event.times;
            Ok(())
        })
    });
    let (by_hand, by_macro) = (by_hand.options(), handler("macros::handlers::Bell::rang").options());
    assert_eq!(by_hand.patterns, by_macro.patterns);
    assert_eq!((by_hand.transactional, by_hand.on_dead), (by_macro.transactional, by_macro.on_dead));
}

#[test]
fn startup_and_shutdown_run_in_order() {
    let names = |when| LifecycleRegistration::collected(when).iter().map(|one| one.name).collect::<Vec<_>>();
    assert_eq!(names(Lifecycle::Startup), ["macros::handlers::first", "macros::handlers::second"]);
    assert_eq!(names(Lifecycle::Shutdown), ["macros::handlers::last"]);
}
