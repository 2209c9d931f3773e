//! Handlers: what reacts to events after the commit, at least once, in order, on every store.

mod crashes;
mod delivery;
mod failures;
#[cfg(feature = "testing")]
mod faults;
mod frozen;
mod letters;
mod limits;
mod measured;
mod operations;
mod paused;
mod projections;
mod schedules;
mod status;
#[cfg(feature = "system")]
mod system;
mod traces;
mod transactional;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use earnorm::Registry;
use earnorm::events::{EventBus, EventBusBuilder, Handler};
use earnorm::prelude::*;

#[model]
#[derive(Debug, Clone, PartialEq)]
struct Task {
    #[model(id)]
    id: i64,
    state: String,
    n: i64,
}

#[model]
#[derive(Debug, Clone)]
struct Tally {
    #[model(id)]
    id: i64,
    sum: i64,
}

fn registry() -> Registry {
    Registry::empty().model::<Task>().model::<Tally>()
}

fn task(id: i64) -> Task {
    Task { id, state: "new".into(), n: 0 }
}

/// What a handler has seen, in order: stream and version.
#[derive(Debug, Clone, Default)]
struct Notes(Arc<Mutex<Vec<(String, u64)>>>);

impl Notes {
    fn note(&self, event: &RecordedEvent) {
        self.0.lock().unwrap().push((event.stream.to_string(), event.version));
    }

    fn all(&self) -> Vec<(String, u64)> {
        self.0.lock().unwrap().clone()
    }

    fn of(&self, stream: &str) -> Vec<u64> {
        self.all().into_iter().filter(|(of, _)| of == stream).map(|(_, version)| version).collect()
    }

    fn len(&self) -> usize {
        self.all().len()
    }
}

fn bus(db: &Database) -> EventBusBuilder {
    EventBus::builder(db).only_added().lease(Duration::from_millis(900)).grace(Duration::from_secs(5))
}

/// A handler that notes what it sees.
fn noting(id: &str, notes: &Notes) -> Handler {
    let notes = notes.clone();
    Handler::new(id, move |event: Arc<RecordedEvent>, _| {
        notes.note(&event);
        async { Ok(()) }
    })
    .on(["task.*"])
}

/// Creates tasks and changes each so often.
async fn write(db: &Database, ids: std::ops::Range<i64>, changes: i64) {
    for id in ids {
        let mut task = db.create(task(id)).await.unwrap();
        for n in 1..=changes {
            task.n = n;
            task.save(db).await.unwrap();
        }
    }
}
