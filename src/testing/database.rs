//! A database for one test.

use std::ops::Deref;

use super::Clock;
use crate::events::{EventBus, EventBusBuilder};
use crate::model::Model;
use crate::{Database, Registry, Result};

/// A database in memory that knows only the models and hooks that are named, with a clock of its own.
///
/// ```
/// use earnorm::prelude::*;
/// use earnorm::testing;
///
/// #[model]
/// #[derive(Debug, Clone)]
/// struct Chore {
///     #[model(id)]
///     id: i64,
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
/// let db = testing::database().model::<Chore>().connect().await?;
/// db.create(Chore { id: 1 }).await?;
/// # Ok(()) }
/// ```
pub fn database() -> DatabaseBuilder {
    DatabaseBuilder { registry: Registry::empty(), clock: Clock::default() }
}

/// A test's database that is not open yet.
#[derive(Debug)]
#[must_use = "a builder does nothing until it connects"]
pub struct DatabaseBuilder {
    registry: Registry,
    clock: Clock,
}

impl DatabaseBuilder {
    /// Names a model; its hooks come with it.
    pub fn model<M: Model>(mut self) -> Self {
        self.registry = self.registry.model::<M>().hooks_of::<M>();
        self
    }

    /// Uses these models and hooks.
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = registry;
        self
    }

    /// Uses this clock, which several databases may share.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Opens it.
    ///
    /// # Errors
    /// [`crate::Error::Registry`] when no model was named, or the models and hooks do not fit together.
    pub async fn connect(self) -> Result<TestDatabase> {
        let builder = Database::builder().registry(self.registry).clock(self.clock.clone());
        Ok(TestDatabase { db: builder.connect("memory:").await?, clock: self.clock })
    }
}

/// A test's database. It derefs to the [`Database`].
#[derive(Debug, Clone)]
pub struct TestDatabase {
    db: Database,
    clock: Clock,
}

impl TestDatabase {
    /// Its clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// A bus with the handlers that the test adds, and no others; [`EventBus::run_until_idle`] waits for them.
    ///
    /// ```
    /// # use earnorm::prelude::*;
    /// # #[model] #[derive(Debug, Clone)] struct Errand { #[model(id)] id: i64 }
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU32, Ordering};
    ///
    /// use earnorm::events::Handler;
    /// use earnorm::testing;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
    /// let db = testing::database().model::<Errand>().connect().await?;
    /// let calls = Arc::new(AtomicU32::new(0));
    /// let counted = Arc::clone(&calls);
    /// let handler = Handler::new("mail", move |_: Recorded<Created<Errand>>, _| {
    ///     counted.fetch_add(1, Ordering::SeqCst);
    ///     async { Ok(()) }
    /// });
    /// // Every call is made twice: is the handler ready for that?
    /// let twice = testing::Faults::seeded(1).duplicate(1.0);
    /// let bus = db.bus().handler(twice.around(handler)).start().await?;
    /// db.create(Errand { id: 1 }).await?;
    /// bus.run_until_idle().await?;
    /// assert_eq!(calls.load(Ordering::SeqCst), 2);
    /// # Ok(()) }
    /// ```
    pub fn bus(&self) -> EventBusBuilder {
        EventBus::builder(&self.db).only_added()
    }
}

impl Deref for TestDatabase {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.db
    }
}
