//! The builder: where to connect, which names and limits to use, and the checks that a server must pass.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bson::{Document, doc};
use earnorm_core::backend::Secret;
use earnorm_core::error::{BoxError, StoreError};
use earnorm_core::limits::Limits;
use earnorm_core::{Error, Result};
use mongodb::options::{ClientOptions, DatabaseOptions, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern};
use mongodb::{Client, Database};
use tokio::time::sleep;

use super::batching::Batching;
use super::connections::Connections;
use super::error::{DriverError, STORE, is_passing, text};
use super::inner::{Clients, Inner};
use super::second_look::Found;
use super::{MongoStore, fitness, second_look, watchdog};

/// The database when neither the builder nor the connection string names one.
const DEFAULT_DATABASE: &str = "earnorm";
/// The wait between two looks whether the servers have a primary again.
const ELECTION_POLL: Duration = Duration::from_millis(100);

/// The collections that the store keeps for itself.
#[derive(Debug, Clone)]
pub(super) struct Names {
    /// The start of the names of what upkeep keeps.
    pub(super) prefix: String,
    pub(super) events: String,
    pub(super) counters: String,
    pub(super) checkpoints: String,
    pub(super) meta: String,
}

impl Names {
    pub(super) fn starting_with(prefix: &str) -> Self {
        let name = |what: &str| format!("{prefix}{what}");
        Self {
            prefix: prefix.to_owned(),
            events: name("events"),
            counters: name("counters"),
            checkpoints: name("checkpoints"),
            meta: name("meta"),
        }
    }
}

/// How a [`MongoStore`] is set up.
#[derive(Clone)]
#[must_use]
pub struct MongoStoreBuilder {
    uri: Secret,
    database: Option<String>,
    default_database: String,
    names: Names,
    limits: Limits,
    batching: Batching,
    hole_grace: Duration,
    max_pool_size: Option<u32>,
    server_selection_timeout: Duration,
    commit_timeout: Duration,
    app_name: String,
}

impl fmt::Debug for MongoStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MongoStoreBuilder")
            .field("uri", &self.uri)
            .field("database", &self.database)
            .field("names", &self.names)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl MongoStoreBuilder {
    pub(super) fn new(uri: &str) -> Self {
        Self {
            uri: Secret::new(uri),
            database: None,
            default_database: DEFAULT_DATABASE.to_owned(),
            names: Names::starting_with("earnorm_"),
            limits: Limits::default(),
            batching: Batching::default(),
            hole_grace: Duration::from_millis(100),
            max_pool_size: None,
            server_selection_timeout: Duration::from_secs(5),
            commit_timeout: Duration::from_secs(20),
            app_name: "earnorm".to_owned(),
        }
    }

    /// The database, whatever the connection string says.
    pub fn database(mut self, name: impl Into<String>) -> Self {
        self.database = Some(name.into());
        self
    }

    /// The database when the connection string names none; `earnorm` unless set.
    pub fn default_database(mut self, name: impl Into<String>) -> Self {
        self.default_database = name.into();
        self
    }

    /// The start of the names of the store's own collections; `earnorm_` unless set.
    pub fn prefix(mut self, prefix: &str) -> Self {
        self.names = Names::starting_with(prefix);
        self
    }

    /// The collection of the log; `earnorm_events` unless set.
    pub fn events_collection(mut self, name: impl Into<String>) -> Self {
        self.names.events = name.into();
        self
    }

    /// The collection of the counter that positions come from; `earnorm_counters` unless set.
    pub fn counters_collection(mut self, name: impl Into<String>) -> Self {
        self.names.counters = name.into();
        self
    }

    /// The collection of checkpoints; `earnorm_checkpoints` unless set.
    pub fn checkpoints_collection(mut self, name: impl Into<String>) -> Self {
        self.names.checkpoints = name.into();
        self
    }

    /// The collection of the store's own notes; `earnorm_meta` unless set.
    pub fn meta_collection(mut self, name: impl Into<String>) -> Self {
        self.names.meta = name.into();
        self
    }

    /// How much one commit may hold.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How commits share transactions, and how many may wait.
    pub fn batching(mut self, batching: Batching) -> Self {
        self.batching = batching;
        self
    }

    /// How long readers wait for a position before they fill it; 100 ms unless set. It is no matter of safety.
    pub fn hole_grace(mut self, grace: Duration) -> Self {
        self.hole_grace = grace;
        self
    }

    /// The most connections to one server; the connection string's or the driver's unless set.
    pub fn max_pool_size(mut self, connections: u32) -> Self {
        self.max_pool_size = Some(connections);
        self
    }

    /// How long to look for a primary; 5 s unless set.
    pub fn server_selection_timeout(mut self, timeout: Duration) -> Self {
        self.server_selection_timeout = timeout;
        self
    }

    /// How long one commit may take with all its attempts; 20 s unless set. Keep it below the server's
    /// `transactionLifetimeLimitSeconds` (60 s unless set).
    pub fn commit_timeout(mut self, timeout: Duration) -> Self {
        self.commit_timeout = timeout;
        self
    }

    /// The name in the server's logs; `earnorm` unless set. Transactions of commits run under a longer name that starts
    /// with it, and the store ends those whose writer is gone.
    pub fn app_name(mut self, name: impl Into<String>) -> Self {
        self.app_name = name.into();
        self
    }

    /// Connects, checks that the server will do, and makes the store's own collections ready.
    ///
    /// # Errors
    /// [`Error::Connect`] names what was tried, with passwords hidden, and why it failed.
    pub async fn connect(self) -> Result<MongoStore> {
        let mut options = ClientOptions::parse(self.uri.expose()).await.map_err(|error| self.refusal(&error, None))?;
        options.server_selection_timeout = Some(self.server_selection_timeout);
        options.app_name = Some(self.app_name.clone());
        let connections = Connections::default();
        options.cmap_event_handler = Some(connections.counter());
        options.max_pool_size = self.max_pool_size.or(options.max_pool_size);
        let database = self
            .database
            .clone()
            .or_else(|| options.default_database.clone())
            .unwrap_or_else(|| self.default_database.clone());
        let client = Client::with_options(options.clone()).map_err(|error| self.refusal(&error, None))?;
        self.examine(&client, options.clone()).await?;
        let commit_app_name = watchdog::commit_app_name(&self.app_name, &database);
        options.app_name = Some(commit_app_name.clone());
        let commits = Client::with_options(options).map_err(|error| self.refusal(&error, None))?;
        let (db, commits_db) = (base(&client, &database), base(&commits, &database));
        let clients = Clients { client, db, commits, commits_db, commit_app_name, connections };
        let store = MongoStore::new(Arc::new(self.inner(clients)));
        if let Err(error) = self.prepare(&store.inner).await {
            let reason = format!("the server will do, but the store's own collections are not ready: {error}");
            return Err(Error::Connect { uri: self.uri.to_string(), reason, source: Some(Box::new(error)) });
        }
        Ok(store)
    }

    /// Makes the store's own collections ready, again and again while the servers elect a primary.
    async fn prepare(&self, inner: &Inner) -> Result<()> {
        let deadline = Instant::now() + self.server_selection_timeout;
        loop {
            match inner.prepare_base().await {
                Err(error) if error.is_retryable() && Instant::now() < deadline => sleep(ELECTION_POLL).await,
                done => return done.map(drop),
            }
        }
    }

    fn inner(&self, clients: Clients) -> Inner {
        Inner::new(clients, self.names.clone(), self.limits, self.batching)
            .hole_grace(self.hole_grace)
            .timeouts(self.commit_timeout, self.server_selection_timeout)
    }

    async fn examine(&self, client: &Client, options: ClientOptions) -> Result<()> {
        let admin = client.database("admin");
        let direct = options.direct_connection == Some(true);
        let hello = match self.greet(&admin, direct).await {
            Ok(hello) => hello,
            Err(error) => {
                let found = second_look::look(options).await;
                return Err(self.refusal(&error, found));
            }
        };
        if let Some(reason) = fitness::unfit(&hello) {
            let found = if is_deposed(&hello, direct) { deposed() } else { Found { reason, passes: false } };
            let passing = || Error::from(StoreError::new(STORE, found.reason.clone()).retryable());
            let source = found.passes.then(|| BoxError::from(passing()));
            return Err(Error::Connect { uri: self.uri.to_string(), reason: found.reason, source });
        }
        // Not everyone may read the configuration: this check warns where it can.
        if let Ok(answer) = admin.run_command(doc! { "replSetGetConfig": 1 }).await {
            warn_without_journal(&answer);
        }
        Ok(())
    }

    /// Asks the primary who it is; the next one, if it is going away.
    async fn greet(&self, admin: &Database, direct: bool) -> mongodb::error::Result<Document> {
        let deadline = Instant::now() + self.server_selection_timeout;
        loop {
            let answer = admin.run_command(doc! { "hello": 1 }).await;
            let passes = match &answer {
                Ok(hello) => is_deposed(hello, direct),
                Err(error) => is_passing(error),
            };
            if !passes || Instant::now() >= deadline {
                return answer;
            }
            sleep(ELECTION_POLL).await;
        }
    }

    /// The error of a server that could not be asked; `found` is what a second look at it showed.
    fn refusal(&self, error: &mongodb::error::Error, found: Option<Found>) -> Error {
        let said = self.uri.strike_from(&text(error));
        let passes = is_passing(error) && found.as_ref().is_none_or(|found| found.passes);
        let source: BoxError = match passes {
            true => Box::new(Error::from(StoreError::new(STORE, said.clone()).retryable())),
            false => Box::new(DriverError::new(said.clone())),
        };
        let reason = found
            .map(|found| found.reason)
            .unwrap_or_else(|| format!("{said}; check the address, the credentials and that the server runs"));
        Error::Connect { uri: self.uri.to_string(), reason, source: Some(source) }
    }
}

/// Whether the server was the primary when it was chosen, and is so no more: this question it answers all the same.
fn is_deposed(hello: &Document, direct: bool) -> bool {
    !direct && hello.contains_key("setName") && !fitness::is_primary(hello)
}

fn deposed() -> Found {
    let reason = "the primary has stepped down and no other took its place in time; look at `rs.status()` in mongosh";
    Found { reason: reason.to_owned(), passes: true }
}

/// The database with everything set that would else be inherited.
fn base(client: &Client, name: &str) -> Database {
    let options = DatabaseOptions::builder()
        .read_concern(ReadConcern::majority())
        .write_concern(durable())
        .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
        .build();
    client.database_with_options(name, options)
}

fn warn_without_journal(answer: &Document) {
    let config = answer.get_document("config").ok();
    let journaled = config.and_then(|config| config.get_bool("writeConcernMajorityJournalDefault").ok());
    if journaled == Some(false) {
        tracing::warn!(
            "the replica set has writeConcernMajorityJournalDefault: false; a power loss on a majority of its members \
             can lose acknowledged commits"
        );
    }
}

/// Acknowledged by a majority, in its journals. It is set on every transaction, never inherited.
pub(super) fn durable() -> WriteConcern {
    let mut concern = WriteConcern::majority();
    concern.journal = Some(true);
    concern
}
