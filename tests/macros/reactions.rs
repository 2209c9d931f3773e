//! Handlers called for one event each: what they get, what they change, and what is refused.

use std::sync::{Arc, Mutex};

use earnorm::__private::handle;
use earnorm::Registry;
use earnorm::events::{HandlerRegistration, OnModel};
use earnorm::prelude::*;
use earnorm::store::LogQuery;

#[event]
#[derive(Debug, Clone)]
struct Sounded {
    times: u32,
    by: i64,
}

#[model(soft_delete)]
#[derive(Debug, Clone, PartialEq)]
struct Alarm {
    #[model(id)]
    id: i64,
    times: u32,
    seen: String,
}

#[model]
#[derive(Debug, Clone, PartialEq)]
struct Tower {
    #[model(id)]
    id: i64,
    heard: u32,
}

#[event]
#[derive(Debug, Clone)]
struct Opened {}

#[event]
#[derive(Debug, Clone)]
struct Repeated {}

#[model(sourced)]
#[derive(Debug, Clone, PartialEq)]
struct Echo {
    #[model(id)]
    id: i64,
    repeats: u32,
}

#[model]
impl Echo {
    #[apply]
    fn opened(_: &Opened) -> Self {
        Self { id: 5, repeats: 0 }
    }

    #[apply]
    fn repeated(&mut self, _: &Repeated) {
        self.repeats += 1;
    }

    #[on_event("opened")]
    async fn repeat(&self, cx: &TransactionContext) -> Result<()> {
        let mut echo = Self::load(cx, self.id).await?;
        echo.raise(Repeated {})?;
        echo.save(cx).await
    }
}

static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn seen(line: String) {
    SEEN.lock().unwrap().push(line);
}

fn was_seen(line: &str) -> bool {
    SEEN.lock().unwrap().iter().any(|one| one == line)
}

#[model]
impl Alarm {
    #[on_event]
    async fn count(&mut self, event: &Recorded<Sounded>, cx: &TransactionContext) -> Result<()> {
        self.times += event.times;
        cx.create(Tower { id: event.by, heard: 1 }).await?;
        Ok(())
    }

    #[on_event("updated", transactional = false)]
    fn note(&mut self, event: &RecordedEvent) {
        self.seen = event.event_type.clone();
    }

    #[on_event("*")]
    fn look(&self) {
        seen(format!("look {} {}", self.id, self.times));
    }

    #[on_event("*", id = "reactions-fail")]
    async fn fail(&mut self, cx: &TransactionContext) -> Result<(), HandlerError> {
        self.times += 1;
        cx.create(Tower { id: 99, heard: 1 }).await?;
        Err(HandlerError::discard("enough"))
    }
}

#[model]
impl Tower {
    #[on_event("alarm.sounded", key = |event| (event.by > 0).then_some(event.by))]
    fn hear(&mut self, event: &Recorded<Sounded>) {
        self.heard += event.times;
    }
}

#[event_handler(when = |event: &Recorded<Sounded>| event.times > 1, id = "reactions-loud")]
fn loud(event: &Recorded<Sounded>, cx: &EventContext) {
    seen(format!("loud {} {} {}", event.times, cx.handler(), cx.attempt()));
}

#[event_handler(when = |event| event.times > 1, batch(max = 9, wait = "1s"), id = "reactions-batch")]
async fn batch(events: Vec<Recorded<Sounded>>) -> Vec<Handled> {
    events.iter().map(|event| Err(HandlerError::fatal(format!("{} times", event.times)))).collect()
}

#[event_handler("alarm.created", when = |event: &RecordedEvent| event.version > 1, id = "reactions-later")]
fn later(_: &RecordedEvent) {}

async fn database() -> Database {
    let registry = Registry::empty().model::<Alarm>().model::<Tower>().model::<Echo>().hooks_of::<Echo>();
    Database::builder().registry(registry).connect("memory:").await.unwrap()
}

async fn alarm(db: &Database, id: i64, times: u32) -> Entity<Alarm> {
    let mut alarm = db.create(Alarm { id, times: 0, seen: String::new() }).await.unwrap();
    alarm.raise(Sounded { times, by: 7 }).unwrap();
    alarm.save(db).await.unwrap();
    alarm
}

/// The last event of a type.
async fn last(db: &Database, event_type: &str) -> Arc<RecordedEvent> {
    let page = db.store().read_log(LogQuery::default()).await.unwrap();
    Arc::new(page.events.into_iter().rfind(|event| event.event_type == event_type).unwrap())
}

/// Calls the handler whose id ends so; `None` when it does not take the event.
async fn call(db: &Database, id: &str, event: &Arc<RecordedEvent>) -> Option<Handled> {
    let handler = HandlerRegistration::collected().into_iter().find(|handler| handler.id().ends_with(id)).unwrap();
    handle(&handler, db, Arc::clone(event)).await.unwrap()
}

#[tokio::test]
async fn a_method_changes_its_instance_in_one_commit_with_the_cause() {
    let db = database().await;
    alarm(&db, 1, 3).await;
    let sounded = last(&db, "alarm.sounded").await;
    call(&db, "Alarm::count", &sounded).await.unwrap().unwrap();
    let now = Alarm::load(&db, 1).await.unwrap();
    assert_eq!((now.times, now.version()), (3, 3));
    assert_eq!(Tower::load(&db, 7).await.unwrap().heard, 1);
    let (updated, created) = (last(&db, "alarm.updated").await, last(&db, "tower.created").await);
    assert_eq!(updated.metadata.causation_id, Some(sounded.id.to_string()));
    assert_eq!(created.metadata.causation_id, Some(sounded.id.to_string()));
    assert_eq!(call(&db, "Alarm::count", &updated).await.map(|answer| answer.is_ok()), None);
}

#[tokio::test]
async fn a_method_that_only_looks_saves_nothing_and_one_that_fails_neither() {
    let db = database().await;
    alarm(&db, 21, 3).await;
    let sounded = last(&db, "alarm.sounded").await;
    call(&db, "Alarm::look", &sounded).await.unwrap().unwrap();
    assert!(was_seen("look 21 0"));
    let error = call(&db, "reactions-fail", &sounded).await.unwrap().unwrap_err();
    assert!(matches!(error, HandlerError::Discard(_)), "{error:?}");
    assert_eq!(Alarm::load(&db, 21).await.unwrap().version(), 2);
    assert!(Tower::get(&db, 99).await.unwrap().is_none());
}

#[tokio::test]
async fn at_least_once_saves_at_once() {
    let db = database().await;
    let mut alarm = alarm(&db, 31, 3).await;
    alarm.times = 5;
    alarm.save(&db).await.unwrap();
    let updated = last(&db, "alarm.updated").await;
    call(&db, "Alarm::note", &updated).await.unwrap().unwrap();
    let now = Alarm::load(&db, 31).await.unwrap();
    assert_eq!((now.seen.as_str(), now.times, now.version()), ("alarm.updated", 5, 4));
    // Nothing changes the second time, so nothing is written.
    call(&db, "Alarm::note", &updated).await.unwrap().unwrap();
    assert_eq!(Alarm::load(&db, 31).await.unwrap().version(), 4);
}

#[tokio::test]
async fn at_least_once_runs_again_after_a_conflict() {
    let db = database().await;
    alarm(&db, 41, 3).await;
    let tries = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&tries);
    let handler = OnModel::<Alarm, Recorded<Sounded>>::new().at_least_once("rival", move |alarm, event, cx| {
        let tries = Arc::clone(&counted);
        Box::pin(async move {
            let first = std::mem::replace(&mut *tries.lock().unwrap(), 1) == 0;
            if first {
                let mut rival = Alarm::load(cx.db(), 41).await?;
                rival.times = 100;
                rival.save(cx.db()).await?;
            }
            alarm.times += event.times;
            Ok(())
        })
    });
    let sounded = last(&db, "alarm.sounded").await;
    handle(&handler, &db, sounded).await.unwrap().unwrap().unwrap();
    assert_eq!(Alarm::load(&db, 41).await.unwrap().times, 103);
}

#[tokio::test]
async fn a_key_names_the_instance_or_none() {
    let db = database().await;
    let mut alarm = alarm(&db, 51, 3).await;
    let sounded = last(&db, "alarm.sounded").await;
    let error = call(&db, "Tower::hear", &sounded).await.unwrap().unwrap_err();
    assert!(matches!(&error, HandlerError::Retry(_)), "{error:?}");
    db.create(Tower { id: 7, heard: 1 }).await.unwrap();
    call(&db, "Tower::hear", &sounded).await.unwrap().unwrap();
    assert_eq!(Tower::load(&db, 7).await.unwrap().heard, 4);
    alarm.raise(Sounded { times: 3, by: 0 }).unwrap();
    alarm.save(&db).await.unwrap();
    call(&db, "Tower::hear", &last(&db, "alarm.sounded").await).await.unwrap().unwrap();
    assert_eq!(Tower::load(&db, 7).await.unwrap().heard, 4);
}

#[tokio::test]
async fn what_is_gone_is_shown_as_it_was_and_not_changed() {
    for (id, hard) in [(61, false), (62, true)] {
        let db = database().await;
        let mut alarm = alarm(&db, id, 3).await;
        alarm.times = 8;
        alarm.save(&db).await.unwrap();
        let deleted = if hard { alarm.hard_delete(&db).await } else { alarm.delete(&db).await };
        deleted.unwrap();
        for event in ["alarm.deleted", "alarm.sounded"] {
            SEEN.lock().unwrap().retain(|line| *line != format!("look {id} 8"));
            call(&db, "Alarm::look", &last(&db, event).await).await.unwrap().unwrap();
            assert!(was_seen(&format!("look {id} 8")), "{id} {event}");
        }
        let error = call(&db, "Alarm::count", &last(&db, "alarm.sounded").await).await.unwrap().unwrap_err();
        let expected = format!("alarm {id} is deleted, so what the handler changed in its last state cannot be saved");
        assert!(matches!(&error, HandlerError::Fatal(why) if why.to_string().starts_with(&expected)), "{error:?}");
        assert!(Tower::get(&db, 7).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn conditions_choose_before_and_after_reading() {
    let db = database().await;
    let mut alarm = alarm(&db, 71, 1).await;
    let quiet = last(&db, "alarm.sounded").await;
    call(&db, "reactions-loud", &quiet).await.unwrap().unwrap();
    assert!(call(&db, "reactions-batch", &quiet).await.unwrap().is_ok());
    assert!(call(&db, "reactions-later", &last(&db, "alarm.created").await).await.is_none());
    assert!(!was_seen("loud 1 reactions-loud 1"));
    alarm.raise(Sounded { times: 2, by: 7 }).unwrap();
    alarm.save(&db).await.unwrap();
    let sounded = last(&db, "alarm.sounded").await;
    call(&db, "reactions-loud", &sounded).await.unwrap().unwrap();
    assert!(was_seen("loud 2 reactions-loud 1"));
    let error = call(&db, "reactions-batch", &sounded).await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "2 times");
}

#[tokio::test]
async fn a_sourced_model_reacts_by_raising() {
    let db = database().await;
    db.start::<Echo>(5, Opened {}).await.unwrap();
    let opened = last(&db, "echo.opened").await;
    call(&db, "Echo::repeat", &opened).await.unwrap().unwrap();
    assert_eq!(Echo::load(&db, 5).await.unwrap().repeats, 1);
    assert_eq!(last(&db, "echo.repeated").await.metadata.causation_id, Some(opened.id.to_string()));
}
