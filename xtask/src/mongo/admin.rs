//! The few commands that make a server ready, sent with the MongoDB driver.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mongodb::Client;
use mongodb::bson::{Document, doc};
use mongodb::options::ClientOptions;
use tokio::runtime::{Builder, Runtime};

use super::URI_VARIABLE;
use crate::process::{Interrupt, POLL};

/// The name of the replica set; transactions and change streams need one.
pub(crate) const REPLICA_SET: &str = "rs0";

/// What a server has to answer one command.
const ANSWER: Duration = Duration::from_secs(10);

/// A connection to one server for administration.
pub(crate) struct Admin {
    runtime: Runtime,
    client: Client,
}

impl Admin {
    /// Prepares a connection; nothing is sent yet.
    pub(crate) fn connect(uri: &str) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let client = runtime.block_on(async {
            let mut options = ClientOptions::parse(uri).await?;
            options.server_selection_timeout = Some(ANSWER);
            options.connect_timeout = Some(ANSWER);
            Client::with_options(options)
        })?;
        Ok(Self { runtime, client })
    }

    /// Makes the server the only member of a new replica set.
    pub(crate) fn initiate(&self, host: &str) -> Result<()> {
        let members = vec![doc! { "_id": 0, "host": host }];
        let set = doc! { "_id": REPLICA_SET, "members": members };
        self.command(doc! { "replSetInitiate": set }).context("the server refused to become a replica set")?;
        Ok(())
    }

    /// Waits until the server accepts writes.
    pub(crate) fn wait_until_primary(&self, deadline: Instant, stop: &Interrupt) -> Result<()> {
        while Instant::now() < deadline {
            stop.check()?;
            if is_primary(&self.command(doc! { "hello": 1 })?) {
                return Ok(());
            }
            thread::sleep(POLL);
        }
        bail!("the server did not become primary in time")
    }

    /// The version of the server.
    pub(crate) fn version(&self) -> Result<String> {
        Ok(self.command(doc! { "buildInfo": 1 })?.get_str("version")?.to_owned())
    }

    fn command(&self, command: Document) -> Result<Document> {
        let database = self.client.database("admin");
        Ok(self.runtime.block_on(async { database.run_command(command).await })?)
    }
}

/// Checks a server that somebody else runs, so that a wrong URI fails before the first test does.
pub(crate) fn check_supplied(uri: &str) -> Result<()> {
    let hello = Admin::connect(uri)
        .and_then(|admin| admin.command(doc! { "hello": 1 }))
        .with_context(|| format!("no MongoDB answers at the URI in {URI_VARIABLE}"))?;
    if !has_transactions(&hello) {
        bail!(
            "the MongoDB that {URI_VARIABLE} names is a standalone server, without transactions: \
             start it with `--replSet {REPLICA_SET}` and run `rs.initiate()` on it"
        );
    }
    Ok(())
}

fn is_primary(hello: &Document) -> bool {
    hello.get_bool("isWritablePrimary").unwrap_or(false)
}

/// A member of a replica set says the set's name; a router says `isdbgrid`.
fn has_transactions(hello: &Document) -> bool {
    hello.get_str("setName").is_ok() || hello.get_str("msg").is_ok_and(|msg| msg == "isdbgrid")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sets_and_routers_have_transactions() {
        assert!(has_transactions(&doc! { "setName": "rs0" }));
        assert!(has_transactions(&doc! { "msg": "isdbgrid" }));
        assert!(!has_transactions(&doc! { "isWritablePrimary": true }));
    }

    #[test]
    fn a_server_is_primary_when_it_says_so() {
        assert!(is_primary(&doc! { "isWritablePrimary": true }));
        assert!(!is_primary(&doc! { "isWritablePrimary": false }));
        assert!(!is_primary(&doc! {}));
    }
}
