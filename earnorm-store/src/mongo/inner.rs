//! What the clones of a store share: the client, the settings, the mark, and whether it is closed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use earnorm_core::limits::Limits;
use earnorm_core::store::Capabilities;
use earnorm_core::{Error, Result};
use mongodb::{Client, Database};
use tokio::runtime::Handle;

use super::MongoStore;
use super::batching::Batching;
use super::committer::Committer;
use super::connections::Connections;
use super::error::STORE;
use super::mark::Mark;
use super::options::Names;
use super::reserve::Counter;
use super::upkeep::Upkeep;
use super::watchdog::Watchdog;

/// How long `close` waits for cursors that are still held.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(2);

/// The driver's clients: one for commits, one for all else.
pub(super) struct Clients {
    pub(super) client: Client,
    pub(super) db: Database,
    pub(super) commits: Client,
    pub(super) commits_db: Database,
    pub(super) commit_app_name: String,
    pub(super) connections: Connections,
}

/// What the clones share.
pub(super) struct Inner {
    /// For everything but commits.
    pub(super) client: Client,
    pub(super) db: Database,
    /// For commits alone: readers never take their connections, and its name tells their transactions from others.
    pub(super) commits: Client,
    pub(super) commits_db: Database,
    pub(super) commit_app_name: String,
    pub(super) connections: Connections,
    pub(super) watchdog: Watchdog,
    pub(super) names: Names,
    pub(super) limits: Limits,
    pub(super) grace: Duration,
    pub(super) commit_timeout: Duration,
    pub(super) selection_timeout: Duration,
    pub(super) capabilities: Capabilities,
    pub(super) mark: Mark,
    /// The fields of each unique index, by its name.
    fields: RwLock<HashMap<String, Vec<String>>>,
    pub(super) committer: Committer,
    pub(super) counter: Counter,
    pub(super) upkeep: Upkeep,
    closed: AtomicBool,
    /// Held for reading by each running commit, so that `close` can wait for them.
    pub(super) flights: Arc<tokio::sync::RwLock<()>>,
}

impl Inner {
    pub(super) fn new(clients: Clients, names: Names, limits: Limits, batching: Batching) -> Self {
        let Clients { client, db, commits, commits_db, commit_app_name, connections } = clients;
        Self {
            client,
            db,
            commits,
            commits_db,
            commit_app_name,
            connections,
            watchdog: Watchdog::default(),
            names,
            limits,
            grace: Duration::ZERO,
            commit_timeout: Duration::ZERO,
            selection_timeout: Duration::ZERO,
            capabilities: Capabilities::new(STORE).raw_queries().durable().reserves_positions(),
            mark: Mark::default(),
            fields: RwLock::default(),
            committer: Committer::new(batching, Handle::current()),
            counter: Counter::default(),
            upkeep: Upkeep::default(),
            closed: AtomicBool::new(false),
            flights: Arc::default(),
        }
    }

    pub(super) fn hole_grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    pub(super) fn timeouts(mut self, commit: Duration, selection: Duration) -> Self {
        self.commit_timeout = commit;
        self.selection_timeout = selection;
        self
    }

    pub(super) fn open(&self) -> Result<()> {
        if self.closed.load(Ordering::Acquire) { Err(Error::Closed) } else { Ok(()) }
    }

    pub(super) fn know_fields(&self, indexes: impl Iterator<Item = (String, Vec<String>)>) {
        self.fields.write().unwrap_or_else(PoisonError::into_inner).extend(indexes);
    }

    pub(super) fn known_fields(&self, index: &str) -> Option<Vec<String>> {
        self.fields.read().unwrap_or_else(PoisonError::into_inner).get(index).cloned()
    }

    /// Waits for running commits and gives the connections back.
    pub(super) async fn close(&self) -> Result<()> {
        if self.closed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        self.upkeep.feed.close();
        let _landed = self.flights.write().await;
        self.save_mark().await;
        tokio::join!(shut_down(&self.commits), shut_down(&self.client));
        Ok(())
    }
}

/// A cursor that someone still holds would keep an orderly shutdown waiting for ever.
async fn shut_down(client: &Client) {
    if tokio::time::timeout(SHUTDOWN_PATIENCE, client.clone().shutdown()).await.is_err() {
        client.clone().shutdown().immediate(true).await;
    }
}

impl MongoStore {
    /// The driver's database, for what this store has no words for. Writes through it leave no events.
    #[must_use]
    pub fn raw_database(&self) -> &Database {
        &self.inner.db
    }
}
