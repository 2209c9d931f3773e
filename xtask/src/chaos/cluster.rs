//! Three members, a proxy in front of each, and what is asked of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use mongodb::Client;
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::ClientOptions;
use tokio::time::{sleep, timeout};

use super::links::{Links, MEMBERS};
use super::member::Member;
use super::proxy::Proxy;
use crate::mongo::{REPLICA_SET, server};
use crate::process::{Interrupt, POLL};

/// What a member has to answer; one that is frozen never does.
const ANSWER: Duration = Duration::from_millis(1_500);
/// What a new cluster has until it accepts writes.
const READY: Duration = Duration::from_secs(60);

/// A replica set of three on this machine, stopped when this is dropped.
pub(crate) struct Cluster {
    pub(crate) members: Vec<Member>,
    pub(crate) links: Links,
    proxies: Vec<u16>,
    dir: PathBuf,
    interrupt: Interrupt,
}

impl Cluster {
    /// Starts it and waits until all members are at work.
    pub(crate) async fn start(binary: &Path, home: &Path, interrupt: &Interrupt) -> Result<Self> {
        let ports = [server::free_port()?, server::free_port()?, server::free_port()?];
        let dir = server::data_dir(home, ports[0]);
        let links = Links::new();
        let (mut members, mut proxies) = (Vec::new(), Vec::new());
        for (to, port) in ports.into_iter().enumerate() {
            proxies.push(Proxy { to, ports, table: links.watch() }.start().await?);
            let mut member = Member::new(binary, dir.join(format!("member{to}")), port);
            member.start()?;
            members.push(member);
        }
        let mut cluster = Self { members, links, proxies, dir, interrupt: interrupt.clone() };
        cluster.initiate().await?;
        cluster.settle(READY).await.context("the new cluster did not get to work")?;
        Ok(cluster)
    }

    /// Where programs reach it: at the proxies.
    pub(crate) fn uri(&self) -> String {
        let hosts: Vec<_> = self.proxies.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        format!("mongodb://{}/?replicaSet={REPLICA_SET}", hosts.join(","))
    }

    /// Where a program reaches one member and does not look for others.
    pub(crate) fn uri_of(&self, member: usize) -> String {
        let port = self.proxies.get(member).copied().unwrap_or_default();
        format!("mongodb://127.0.0.1:{port}/?directConnection=true")
    }

    async fn initiate(&mut self) -> Result<()> {
        let members: Vec<_> = (0_i32..)
            .zip(&self.proxies)
            .map(|(number, port)| doc! { "_id": number, "host": format!("127.0.0.1:{port}") })
            .collect();
        // Elections within seconds, so that many faults fit into a run.
        let settings = doc! {
            "electionTimeoutMillis": 2_000, "heartbeatIntervalMillis": 500, "heartbeatTimeoutSecs": 2,
            "catchUpTimeoutMillis": 2_000,
        };
        let set = doc! { "_id": REPLICA_SET, "members": members, "settings": settings };
        let deadline = Instant::now() + READY;
        loop {
            self.check()?;
            match self.ask(0, "admin", doc! { "replSetInitiate": set.clone() }).await {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() > deadline => return Err(error.context("no replica set was made")),
                Err(_) => sleep(POLL).await,
            }
        }
    }

    /// An error if the developer wants it to end, or if a member died by itself.
    pub(crate) fn check(&mut self) -> Result<()> {
        self.interrupt.check()?;
        for (number, member) in self.members.iter_mut().enumerate() {
            ensure!(!member.has_died(), "member {number} ended by itself, see its log in {}", self.dir.display());
        }
        Ok(())
    }

    /// Sends a command to one member, past its proxy.
    pub(crate) async fn ask(&self, member: usize, database: &str, command: Document) -> Result<Document> {
        self.ask_within(ANSWER * 2, member, database, command).await
    }

    async fn ask_within(&self, time: Duration, member: usize, database: &str, command: Document) -> Result<Document> {
        let port = self.members.get(member).context("there is no such member")?.port();
        let mut options = ClientOptions::parse(format!("mongodb://127.0.0.1:{port}/?directConnection=true")).await?;
        options.server_selection_timeout = Some(ANSWER);
        options.connect_timeout = Some(ANSWER);
        let client = Client::with_options(options)?;
        let database = client.database(database);
        let answer = timeout(time, async { database.run_command(command).await }).await;
        Ok(answer.with_context(|| format!("member {member} did not answer"))??)
    }

    /// Who accepts writes; the newest where two believe that they do.
    pub(crate) async fn primary(&self) -> Option<usize> {
        let mut newest = None;
        for number in 0..MEMBERS {
            let Ok(hello) = self.ask(number, "admin", doc! { "hello": 1 }).await else { continue };
            if hello.get_bool("isWritablePrimary").unwrap_or(false) {
                let election = hello.get_object_id("electionId").ok().map(|id| id.bytes());
                newest = newest.max(Some((election, number)));
            }
        }
        newest.map(|(_, number)| number)
    }

    /// Waits for a primary; who it is.
    pub(crate) async fn wait_for_primary(&mut self, within: Duration) -> Result<usize> {
        let deadline = Instant::now() + within;
        loop {
            self.check()?;
            if let Some(primary) = self.primary().await {
                return Ok(primary);
            }
            if Instant::now() > deadline {
                bail!("nobody became primary within {within:?}");
            }
            sleep(POLL).await;
        }
    }

    /// Waits until another member than this one is primary.
    pub(crate) async fn wait_for_successor(&mut self, old: usize, within: Duration) -> Result<()> {
        let deadline = Instant::now() + within;
        loop {
            self.check()?;
            for number in (0..MEMBERS).filter(|number| *number != old) {
                let hello = self.ask(number, "admin", doc! { "hello": 1 }).await;
                if hello.is_ok_and(|hello| hello.get_bool("isWritablePrimary").unwrap_or(false)) {
                    return Ok(());
                }
            }
            if Instant::now() > deadline {
                bail!("nobody took the place of member {old} within {within:?}");
            }
            sleep(POLL).await;
        }
    }

    /// The number of the last election that a member knows of.
    pub(crate) async fn term(&self) -> i64 {
        let mut newest = 0;
        for number in 0..MEMBERS {
            if let Ok(status) = self.ask(number, "admin", doc! { "replSetGetStatus": 1 }).await {
                newest = newest.max(status.get_i64("term").unwrap_or(0));
            }
        }
        newest
    }

    /// Ends all faults, and waits until there is one primary and everybody has the same log.
    pub(crate) async fn settle(&mut self, within: Duration) -> Result<()> {
        self.links.heal();
        for member in &mut self.members {
            member.start()?;
            member.thaw()?;
        }
        let deadline = Instant::now() + within;
        loop {
            self.check()?;
            let states = self.states().await;
            if states == [1, 2, 2] {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("the members are in states {states:?} after {within:?}, not 1 (primary), 2 and 2 (secondary)");
            }
            sleep(POLL).await;
        }
    }

    /// The states of the members that answer, in order of number.
    async fn states(&self) -> Vec<i32> {
        let mut states = Vec::new();
        for number in 0..MEMBERS {
            if let Ok(status) = self.ask(number, "admin", doc! { "replSetGetStatus": 1 }).await {
                states.extend(status.get_i32("myState"));
            }
        }
        states.sort_unstable();
        states
    }

    /// Collections whose content is not the same on all members, when nobody writes any more.
    pub(crate) async fn differences(&mut self, database: &str, within: Duration) -> Result<Vec<String>> {
        let deadline = Instant::now() + within;
        loop {
            self.check()?;
            // Secondaries may be behind for a while.
            match self.hashes(database, within).await {
                Ok(hashes) if differ(&hashes).is_empty() => return Ok(Vec::new()),
                outcome if Instant::now() > deadline => return outcome.map(|hashes| differ(&hashes)),
                _ => sleep(POLL).await,
            }
        }
    }

    /// A hash of each collection, on each member. To make one may take a while.
    async fn hashes(&self, database: &str, within: Duration) -> Result<Vec<BTreeMap<String, Bson>>> {
        let mut hashes = Vec::new();
        for number in 0..MEMBERS {
            let answer = self.ask_within(within, number, database, doc! { "dbHash": 1 }).await?;
            hashes.push(answer.get_document("collections")?.clone().into_iter().collect());
        }
        Ok(hashes)
    }

    /// Stops everything. The data stay for a look if something failed, and go otherwise.
    pub(crate) fn finish(mut self, failed: bool) -> Result<()> {
        for member in &mut self.members {
            member.kill();
        }
        if failed {
            crate::say(format_args!("the members' data and logs are in {}", self.dir.display()));
            return Ok(());
        }
        fs::remove_dir_all(&self.dir).with_context(|| format!("cannot remove {}", self.dir.display()))
    }
}

/// The keys that do not have the same value in all maps.
fn differ(maps: &[BTreeMap<String, Bson>]) -> Vec<String> {
    let keys: BTreeSet<&String> = maps.iter().flat_map(BTreeMap::keys).collect();
    let first = |key: &str| maps.first().and_then(|map| map.get(key));
    keys.into_iter().filter(|key| maps.iter().any(|map| map.get(*key) != first(key))).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collection_that_one_member_has_differently_or_not_at_all_is_named() {
        let map = |a: &str, b: Option<&str>| {
            let values = [("a", Some(a)), ("b", b)];
            values.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.into()))).collect()
        };
        assert!(differ(&[map("x", Some("y")), map("x", Some("y"))]).is_empty());
        assert_eq!(differ(&[map("x", Some("y")), map("z", Some("y")), map("x", None)]), ["a", "b"]);
    }
}
