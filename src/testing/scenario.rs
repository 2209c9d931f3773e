//! Given/when/then for sourced models: these events happened, this is done, those events follow.

use std::marker::PhantomData;

use super::database::database;
use super::recorded::{Expected, difference};
use super::{Recordings, TestDatabase};
use crate::commit::{Append, Commit};
use crate::entity::Entity;
use crate::event::{Event, NewEvent};
use crate::model::Model;
use crate::stream::{ExpectedVersion, StreamId};
use crate::{Error, Registry, Result};

/// Begins with the history of one instance of a sourced model. Events are put into its stream as they are, without hooks
/// and validation; what `when` does is saved like in the program, hooks included.
///
/// ```
/// use earnorm::prelude::*;
/// use earnorm::testing::{events, given};
///
/// #[model(sourced)]
/// #[derive(Debug, Clone)]
/// struct Basket {
///     #[model(id)]
///     id: String,
///     cents: i64,
///     open: bool,
/// }
///
/// #[event]
/// #[derive(Debug, Clone)]
/// struct Placed {
///     number: String,
/// }
///
/// #[event]
/// #[derive(Debug, Clone)]
/// struct Paid {
///     cents: i64,
/// }
///
/// #[model]
/// impl Basket {
///     #[apply]
///     fn placed(event: &Placed) -> Self {
///         Self { id: event.number.clone(), cents: 0, open: true }
///     }
///
///     #[apply]
///     fn paid(&mut self, event: &Paid) {
///         self.cents += event.cents;
///     }
///
///     #[validate]
///     fn not_overpaid(&self) -> Result<(), ValidationError> {
///         if self.cents > 1_000 { Err(ValidationError::new("cents", "is too much")) } else { Ok(()) }
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let placed = || given::<Basket>("o-1").event(Placed { number: "o-1".into() });
/// placed()
///     .when(|basket| basket.raise(Paid { cents: 400 }))
///     .then(events![Paid { cents: 400 }])
///     .await;
/// placed()
///     .event(Paid { cents: 900 })
///     .when(|basket| basket.raise(Paid { cents: 200 }))
///     .then_error("is too much")
///     .await;
/// # }
/// ```
pub fn given<M: Model>(id: impl Into<M::Id>) -> Given<M> {
    let id = id.into();
    Given { registry: Registry::empty().model::<M>().hooks_of::<M>(), id, events: Vec::new() }
}

/// What happened.
#[derive(Debug)]
#[must_use = "a scenario does nothing until `then`"]
pub struct Given<M: Model> {
    registry: Registry,
    id: M::Id,
    events: Vec<(&'static str, u32, Result<bson::Document, crate::error::EncodeError>)>,
}

impl<M: Model> Given<M> {
    /// The next event of its history.
    pub fn event<E: Event>(mut self, event: E) -> Self {
        self.events.push((E::NAME, E::VERSION, event.encode()));
        self
    }

    /// Other models that its hooks write.
    pub fn with<N: Model>(mut self) -> Self {
        self.registry = self.registry.model::<N>().hooks_of::<N>();
        self
    }

    /// What is done to the instance, which is saved afterwards.
    pub fn when<F>(self, act: F) -> When<M, F>
    where
        F: FnOnce(&mut Entity<M>) -> Result<()>,
    {
        When { given: self, act, of: PhantomData }
    }

    /// A database with this history.
    ///
    /// # Errors
    /// [`Error::Encode`] names an event without a stored form; [`Error::Fold`] and its kin when the model's code cannot
    /// fold the history.
    async fn set_up(&mut self) -> Result<TestDatabase> {
        let db = database().registry(std::mem::replace(&mut self.registry, Registry::empty())).connect().await?;
        let stream = StreamId::new(M::SCHEMA.name, self.id.to_string())?;
        let mut events = Vec::new();
        for (name, schema_version, data) in self.events.drain(..) {
            let event_type = format!("{}.{name}", M::SCHEMA.name);
            let subject = format!("the given event {event_type}");
            events.push(NewEvent {
                id: db.next_id(),
                data: data.map_err(|source| Error::Encode { subject, source })?,
                event_type,
                schema_version,
                metadata: db.metadata().clone(),
                recorded_at: db.now(),
            });
        }
        let mut commit = Commit::new(db.next_id());
        commit.appends.push(Append { stream, expected: ExpectedVersion::NoStream, not_before: None, events });
        db.store().commit(commit).await?;
        db.rebuild::<M>()?.run().await?;
        Ok(db)
    }
}

/// What happened, and what is done then.
#[derive(Debug)]
#[must_use = "a scenario does nothing until `then`"]
pub struct When<M: Model, F> {
    given: Given<M>,
    act: F,
    of: PhantomData<fn() -> M>,
}

impl<M, F> When<M, F>
where
    M: Model,
    F: FnOnce(&mut Entity<M>) -> Result<()> + Send,
{
    /// Fails unless exactly these events follow, on any stream and in this order.
    ///
    /// # Panics
    /// When they do not, with both lists side by side; when anything fails.
    #[allow(clippy::panic, reason = "an assertion fails by panicking")]
    pub async fn then(self, expected: impl IntoIterator<Item = Expected> + Send) {
        let expected: Vec<_> = expected.into_iter().collect();
        match self.run().await {
            Ok((follows, Ok(()))) => {
                if let Some(difference) = difference(&follows, &expected) {
                    panic!("what followed differs:\n{difference}");
                }
            }
            Ok((_, Err(error))) => panic!("it failed where events were expected: {error}"),
            Err(error) => panic!("the given events cannot be the history of a `{}`: {error}", M::SCHEMA.name),
        }
    }

    /// Fails unless it is refused with an error whose text, or whose cause's, contains this, and nothing is recorded.
    ///
    /// # Panics
    /// When it is not.
    #[allow(clippy::panic, reason = "an assertion fails by panicking")]
    pub async fn then_error(self, text: &str) {
        match self.run().await {
            Ok((follows, Ok(()))) => panic!("it succeeded where `{text}` was expected: {:?}", follows.types()),
            Ok((follows, Err(error))) => {
                let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
                let texts: Vec<_> = causes.map(ToString::to_string).collect();
                assert!(
                    texts.iter().any(|found| found.contains(text)),
                    "expected `{text}`, got `{}`",
                    texts.join(": ")
                );
                assert!(follows.is_empty(), "it failed, but recorded {:?}", follows.types());
            }
            Err(error) => panic!("the given events cannot be the history of a `{}`: {error}", M::SCHEMA.name),
        }
    }

    /// What was recorded after the given events, and how the act ended.
    async fn run(mut self) -> Result<(Recordings, Result<()>)> {
        let db = self.given.set_up().await?;
        let end = db.store().high_water().await?;
        let mut entity = M::load(&*db, self.given.id.clone()).await?;
        let mut outcome = (self.act)(&mut entity);
        if outcome.is_ok() {
            outcome = entity.save(&*db).await.map(|_| ());
        }
        let follows = db.events().after(end).all().await?;
        Ok((Recordings::of(follows), outcome))
    }
}
