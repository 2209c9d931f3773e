//! Looks through every span and event of this process, of all targets, at every level.

use std::cell::RefCell;
use std::fmt::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, Once};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::needles::found;

static HITS: Mutex<Vec<String>> = Mutex::new(Vec::new());
static SEEN: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// Where the hits of a control go, which are not those of the process.
    static APART: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

#[derive(Debug)]
struct Watch(AtomicU64);

#[derive(Debug, Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, " {field}={value:?}");
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = write!(self.0, " {field}={value}");
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let _ = write!(self.0, " {field}={value} {value:?}");
    }
}

fn look(name: &str, target: &str, record: impl FnOnce(&mut Text)) {
    let mut text = Text(format!("{target} {name}"));
    record(&mut text);
    SEEN.fetch_add(1, Ordering::Relaxed);
    if found(&text.0).is_some() {
        let apart = APART.with_borrow_mut(|apart| apart.as_mut().map(|apart| apart.push(text.0.clone())));
        if apart.is_none() {
            HITS.lock().unwrap().push(text.0);
        }
    }
}

impl Subscriber for Watch {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let metadata = attributes.metadata();
        look(metadata.name(), metadata.target(), |text| attributes.record(text));
        Id::from_u64(self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        look("record", "", |text| values.record(text));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        look("event", event.metadata().target(), |text| event.record(text));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Watches the whole process from now on.
pub(super) fn begin() {
    static BEGUN: Once = Once::new();
    BEGUN.call_once(|| tracing::subscriber::set_global_default(Watch(AtomicU64::new(0))).unwrap());
}

/// Nothing that was planted has been in a span or an event of any thread since the beginning.
#[track_caller]
pub(super) fn assert_silent() {
    assert!(SEEN.load(Ordering::Relaxed) > 0, "nothing was looked through");
    let hits = HITS.lock().unwrap();
    assert!(hits.is_empty(), "{hits:#?}");
}

/// The hits of what this thread does here, apart from all others.
pub(super) fn watched(run: impl FnOnce()) -> Vec<String> {
    begin();
    APART.set(Some(Vec::new()));
    run();
    APART.take().unwrap()
}
