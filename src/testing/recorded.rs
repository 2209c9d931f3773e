//! What was recorded, and assertions on it that show what differs.

use std::fmt::Write;
use std::ops::Deref;

use bson::Document;

use crate::event::{Event, RecordedEvent};
use crate::pattern::EventPattern;
use crate::{Database, Result};

/// Everything in the log, oldest first.
///
/// # Errors
/// What the store answers.
pub async fn recorded(db: &Database) -> Result<Recordings> {
    db.events().all().await.map(Recordings)
}

/// Fails unless the log holds exactly these events, in this order.
///
/// ```
/// use earnorm::events::{AppEvent, Publish};
/// use earnorm::prelude::*;
/// use earnorm::testing::{self, Expected, assert_recorded};
///
/// #[event]
/// #[derive(Debug, Clone)]
/// struct Opened {
///     by: String,
/// }
/// # #[model] #[derive(Debug, Clone)] struct Till { #[model(id)] id: i64 }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
/// # let db = testing::database().model::<Till>().connect().await?;
/// let opened = Opened { by: "ada".into() };
/// db.publish(AppEvent::of("till", &opened)?).await?;
/// db.publish(AppEvent::new("till.closed", Document::new())).await?;
/// assert_recorded(&db, [Expected::event(&opened), Expected::of_type("till.closed")]).await;
/// # Ok(()) }
/// ```
///
/// # Panics
/// When it is otherwise, with both lists side by side; when the store fails.
#[allow(clippy::panic, reason = "an assertion fails by panicking")]
#[track_caller]
pub fn assert_recorded(db: &Database, expected: impl IntoIterator<Item = Expected>) -> impl Future<Output = ()> {
    let (db, expected) = (db.clone(), expected.into_iter().collect::<Vec<_>>());
    let place = std::panic::Location::caller();
    async move {
        match recorded(&db).await {
            Ok(found) => {
                if let Some(difference) = difference(&found, &expected) {
                    panic!("what was recorded differs at {place}:\n{difference}");
                }
            }
            Err(error) => panic!("the log could not be read at {place}: {error}"),
        }
    }
}

/// Recorded events. It derefs to a slice.
#[derive(Debug, Clone, PartialEq)]
pub struct Recordings(Vec<RecordedEvent>);

impl Recordings {
    pub(super) fn of(events: Vec<RecordedEvent>) -> Self {
        Self(events)
    }

    /// Those whose types match a pattern: `order.*`.
    ///
    /// # Panics
    /// When the pattern is none.
    #[must_use]
    #[allow(clippy::panic, reason = "a test fails by panicking")]
    #[track_caller]
    pub fn of_type(&self, pattern: &str) -> Self {
        let pattern = match EventPattern::new(pattern) {
            Ok(pattern) => pattern,
            Err(error) => panic!("{error}"),
        };
        Self(self.0.iter().filter(|event| pattern.matches(&event.event_type)).cloned().collect())
    }

    /// Those of one stream: `order-7`.
    #[must_use]
    pub fn of_stream(&self, stream: &str) -> Self {
        Self(self.0.iter().filter(|event| event.stream.to_string() == stream).cloned().collect())
    }

    /// The types, in order.
    #[must_use]
    pub fn types(&self) -> Vec<&str> {
        self.0.iter().map(|event| event.event_type.as_str()).collect()
    }

    /// Fails unless the events are of these types, in this order.
    ///
    /// # Panics
    /// When they are not, with both lists side by side.
    #[track_caller]
    pub fn assert_types<'a>(&self, types: impl IntoIterator<Item = &'a str>) {
        self.assert(types.into_iter().map(Expected::of_type));
    }

    /// Fails unless these are the events, in this order.
    ///
    /// # Panics
    /// When they are not, with both lists side by side.
    #[allow(clippy::panic, reason = "an assertion fails by panicking")]
    #[track_caller]
    pub fn assert(&self, expected: impl IntoIterator<Item = Expected>) {
        if let Some(difference) = difference(&self.0, &expected.into_iter().collect::<Vec<_>>()) {
            panic!("what was recorded differs:\n{difference}");
        }
    }
}

impl Deref for Recordings {
    type Target = [RecordedEvent];

    fn deref(&self) -> &[RecordedEvent] {
        &self.0
    }
}

/// An event that a test expects: its type, or its last word and data.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    name: String,
    data: Option<Document>,
}

impl Expected {
    /// An event of this full type, whatever its data.
    #[must_use]
    pub fn of_type(event_type: &str) -> Self {
        Self { name: event_type.to_owned(), data: None }
    }

    /// An event like this struct with `#[event]` above it, on any stream.
    ///
    /// # Panics
    /// When a value of it has no stored form.
    #[must_use]
    #[allow(clippy::panic, reason = "a test fails by panicking")]
    #[track_caller]
    pub fn event<E: Event>(event: &E) -> Self {
        match event.encode() {
            Ok(data) => Self { name: E::NAME.to_owned(), data: Some(data) },
            Err(error) => panic!("an expected `{}` has no stored form: {error}", E::NAME),
        }
    }

    fn fits(&self, event: &RecordedEvent) -> bool {
        match &self.data {
            None => event.event_type == self.name,
            Some(data) => event.name() == self.name && event.data == *data,
        }
    }

    fn show(&self) -> String {
        match &self.data {
            None => self.name.clone(),
            Some(data) => format!("*.{} {data}", self.name),
        }
    }
}

/// Both lists, a line a place, where they differ.
pub(super) fn difference(found: &[RecordedEvent], expected: &[Expected]) -> Option<String> {
    let same = found.len() == expected.len() && found.iter().zip(expected).all(|(event, wanted)| wanted.fits(event));
    if same {
        return None;
    }
    let mut text = String::new();
    for place in 0..found.len().max(expected.len()) {
        let show = |event: &RecordedEvent| format!("{} {}", event.event_type, event.data);
        let _infallible = match (found.get(place), expected.get(place)) {
            (Some(event), Some(wanted)) if wanted.fits(event) => writeln!(text, "  = {}", show(event)),
            (event, wanted) => {
                let missing = || "nothing".to_owned();
                let wanted = wanted.map_or_else(missing, Expected::show);
                let event = event.map_or_else(missing, show);
                writeln!(text, "  - expected {wanted}\n  + recorded {event}")
            }
        };
    }
    Some(text)
}
