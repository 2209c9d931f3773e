//! Projections: read models that are folded from the log into a collection of their own, with their progress in the same
//! commit, many events a commit.
//!
//! A projection is one fold: events come to it in the order of the log, one after the other, whoever wrote them. So an
//! event that fails stops it there; passing over it would leave a hole. Its rows are what the fold over all events up to
//! its checkpoint makes of nothing, whatever crashed on the way.

mod fold;
mod manage;
mod query;
mod record;
mod rows;
mod runner;
mod status;
mod view;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use earnorm_core::database::Database;
use earnorm_core::hook::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::failure::Handled;
use crate::handler::{Call, Handler, Start};
use crate::recorded::FromEvent;
use crate::retry::RetryPolicy;

pub(crate) use fold::Folds;
pub(crate) use runner::Runner;

use fold::{Arm, Definition};

pub use manage::ManageProjection;
pub use query::RowQuery;
pub use rows::{ProjectionRows, ReadVersion, Row};
pub use status::{ProjectionFailure, ProjectionState, ProjectionStatus, SkippedEvent};
pub use view::View;

/// What a row of a projection can be: anything that serde makes a document of. Its fields must not be named `_id` or
/// `_v`.
pub trait RowData: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {}

impl<T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static> RowData for T {}

/// How many events go into one commit unless the projection says otherwise.
const BATCH: usize = 500;

/// A read model: its name and version, and what it makes of which events.
///
/// ```text
/// let revenue = Projection::new("revenue", 1).on(|event: Recorded<PaymentReceived>, view: &mut View<Revenue>| {
///     Box::pin(async move {
///         view.row(&event.country).await?.cents += event.cents;
///         Ok(())
///     })
/// });
/// let bus = EventBus::builder(&db).projection(revenue).start().await?;
/// ```
///
/// Raise the version when its code changes: the new one is built beside the old one from the beginning of the log, in a
/// collection of its own, while the old one goes on as long as programs that know it run.
pub struct Projection<T> {
    definition: Definition<T>,
    patterns: Vec<String>,
    retry: RetryPolicy,
    timeout: Duration,
    group: Option<String>,
    priority: i32,
    place: &'static str,
    of: PhantomData<fn() -> T>,
}

impl<T: RowData> Projection<T> {
    /// A projection that takes no events yet. The name has lower-case letters, digits, `_` and `-`; the version is 1 or
    /// more. What is wrong with them is said when a bus starts.
    pub fn new(name: impl Into<String>, version: u32) -> Self {
        Self {
            definition: Definition { name: name.into(), version, arms: Vec::new(), indexes: Vec::new(), batch: BATCH },
            patterns: Vec::new(),
            retry: RetryPolicy::exponential(Duration::from_secs(1), 2.0, Duration::from_secs(60)),
            timeout: Duration::from_secs(30),
            group: None,
            priority: 0,
            place: "",
            of: PhantomData,
        }
    }

    /// What it makes of one type of event. It may only write to the view, and must depend on nothing but the event and
    /// the rows. Several may take the same event; they run in the order in which they were added.
    #[must_use]
    pub fn on<E, F>(self, fold: F) -> Self
    where
        E: FromEvent,
        F: for<'a> Fn(E, &'a mut View<T>) -> BoxFuture<'a, Handled> + Send + Sync + 'static,
    {
        self.on_types(E::pattern(), fold)
    }

    /// What it makes of events whose types match one of the patterns: `order.*`.
    #[must_use]
    pub fn on_types<E, F, P>(mut self, patterns: impl IntoIterator<Item = P>, fold: F) -> Self
    where
        E: FromEvent,
        F: for<'a> Fn(E, &'a mut View<T>) -> BoxFuture<'a, Handled> + Send + Sync + 'static,
        P: Into<String>,
    {
        let patterns: Vec<String> = patterns.into_iter().map(Into::into).collect();
        self.definition.arms.push(Arm::new(&patterns, fold));
        self.patterns.extend(patterns);
        self
    }

    /// Keeps an index on a field of the rows, a dotted path, for queries that filter and sort by it.
    #[must_use]
    pub fn index(mut self, path: impl Into<String>) -> Self {
        self.definition.indexes.push(path.into());
        self
    }

    /// The waits after failures; 1 second doubled each time up to a minute unless set. How often is of no matter: it is
    /// tried until it succeeds or a person skips the event, the last wait being repeated.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// How long one event may take; 30 seconds unless set.
    #[must_use]
    pub fn timeout(mut self, time: Duration) -> Self {
        self.timeout = time;
        self
    }

    /// How many events go into one commit at most; 500 unless set. What is too large for one commit is split.
    #[must_use]
    pub fn batch(mut self, events: usize) -> Self {
        self.definition.batch = events.max(1);
        self
    }

    /// The group it belongs to: see [`Handler::group`].
    #[must_use]
    pub fn group(mut self, name: impl Into<String>) -> Self {
        self.group = Some(name.into());
        self
    }

    /// Among what waits for its turn, higher goes first; 0 unless set.
    #[must_use]
    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// Where it is written, for lists; for generated code.
    #[doc(hidden)]
    #[must_use]
    pub fn written_at(mut self, place: &'static str) -> Self {
        self.place = place;
        self
    }

    /// The name of its checkpoint, for `wait_until(…).consumer(…)`: `revenue.v1`.
    #[must_use]
    pub fn consumer(&self) -> String {
        record::consumer(&self.definition.name, self.definition.version)
    }

    /// Its rows, of this version once it has caught up: see [`ProjectionRows`].
    #[must_use]
    pub fn rows(&self, db: &Database) -> ProjectionRows<T> {
        ProjectionRows::new(db.clone(), self.definition.name.clone(), Some(self.definition.version))
    }
}

impl<T: RowData> From<Projection<T>> for Handler {
    fn from(projection: Projection<T>) -> Self {
        let id = projection.consumer();
        let problem = projection.definition.problem();
        let call = Call::Fold(Arc::new(projection.definition));
        let mut handler = Self::folding(id, call, &projection.patterns).start(Start::Beginning).retry(projection.retry);
        handler.timeout = projection.timeout;
        handler.group = projection.group;
        handler.priority = projection.priority;
        handler.place = projection.place;
        handler.problems.extend(problem);
        handler
    }
}

impl<T> fmt::Debug for Projection<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Projection")
            .field("name", &self.definition.name)
            .field("version", &self.definition.version)
            .field("patterns", &self.patterns)
            .finish_non_exhaustive()
    }
}

/// The projections of a [`Database`].
pub trait Projections {
    /// The rows of a projection: of the version that is linked into this program once that has caught up, else of the
    /// newest that has.
    ///
    /// ```text
    /// let revenue = db.projection::<Revenue>("revenue").get("fr").await?;
    /// ```
    fn projection<T: RowData>(&self, name: &str) -> ProjectionRows<T>;

    /// One version of a projection, to see to: its status, building it again, skipping the event it stands at, retiring
    /// it.
    fn manage_projection(&self, name: &str, version: u32) -> ManageProjection;

    /// Every version of every projection that was ever started on this database, in the order of names and versions.
    ///
    /// # Errors
    /// What the store answers.
    fn projections(&self) -> impl Future<Output = earnorm_core::Result<Vec<ProjectionStatus>>> + Send;
}

impl Projections for Database {
    fn projection<T: RowData>(&self, name: &str) -> ProjectionRows<T> {
        ProjectionRows::new(self.clone(), name.to_owned(), ProjectionRegistration::version_of(name))
    }

    fn manage_projection(&self, name: &str, version: u32) -> ManageProjection {
        ManageProjection::new(self.clone(), name.to_owned(), version)
    }

    async fn projections(&self) -> earnorm_core::Result<Vec<ProjectionStatus>> {
        status::all(self).await
    }
}

/// Which version of a projection is linked into the program; for generated code, beside the registration as a handler.
#[derive(Debug, Clone, Copy)]
pub struct ProjectionRegistration {
    name: &'static str,
    version: u32,
}

impl ProjectionRegistration {
    /// This version of the projection of this name.
    #[must_use]
    pub const fn new(name: &'static str, version: u32) -> Self {
        Self { name, version }
    }

    fn version_of(name: &str) -> Option<u32> {
        let linked = inventory::iter::<Self>.into_iter().filter(|one| one.name == name);
        linked.map(|one| one.version).max()
    }
}

inventory::collect!(ProjectionRegistration);
