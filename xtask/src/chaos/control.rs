//! The control: a program that takes the word of one member for an acknowledgement. It must be caught losing what was
//! acknowledged to it, or this bench would not see a loss either.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result};
use futures::TryStreamExt;
use mongodb::bson::{Document, doc};
use mongodb::options::{ClientOptions, ReadConcern, WriteConcern};
use mongodb::{Client, Collection};
use tokio::time::timeout;

use super::cluster::Cluster;
use super::links::Mode;
use crate::say;

const DATABASE: &str = "earnorm_control";
const COLLECTION: &str = "notes";
/// How many writes are made to the primary that nobody follows.
const NOTES: i64 = 200;
const ANSWER: Duration = Duration::from_secs(2);
const RECOVERY: Duration = Duration::from_secs(60);

/// What became of writes with `w: 1`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lost {
    pub(crate) acknowledged: usize,
    pub(crate) lost: usize,
}

/// Writes with `w: 1` to a primary that is cut from the other members, kills it, and counts what is missing afterwards.
pub(crate) async fn run(cluster: &mut Cluster) -> Result<Lost> {
    let primary = cluster.wait_for_primary(RECOVERY).await?;
    let notes = notes(&cluster.uri_of(primary)).await?;
    // So that the collection is there on all members.
    notes.insert_one(doc! { "_id": 0 }).write_concern(WriteConcern::majority()).await?;
    cluster.links.peers(primary, Mode::Cut);
    let mut acknowledged = BTreeSet::new();
    for number in 1..=NOTES {
        let note = notes.insert_one(doc! { "_id": number }).write_concern(WriteConcern::nodes(1));
        match timeout(ANSWER, async { note.await }).await {
            Ok(Ok(_)) => acknowledged.insert(number),
            // It has seen that it is alone, and takes no more writes.
            _ => break,
        };
    }
    let member = cluster.members.get_mut(primary).context("there is no such member")?;
    member.kill();
    let next = cluster.wait_for_primary(RECOVERY).await?;
    say(format_args!("control: member {primary} took {} writes alone, member {next} followed it", acknowledged.len()));
    cluster.settle(RECOVERY).await?;
    let found = read(&self::notes(&cluster.uri()).await?).await?;
    let lost = acknowledged.difference(&found).count();
    Ok(Lost { acknowledged: acknowledged.len(), lost })
}

async fn notes(uri: &str) -> Result<Collection<Document>> {
    let mut options = ClientOptions::parse(uri).await?;
    options.retry_writes = Some(false);
    Ok(Client::with_options(options)?.database(DATABASE).collection(COLLECTION))
}

async fn read(notes: &Collection<Document>) -> Result<BTreeSet<i64>> {
    let found: Vec<Document> = notes.find(doc! {}).read_concern(ReadConcern::majority()).await?.try_collect().await?;
    Ok(found.iter().filter_map(|note| note.get_i64("_id").ok()).collect())
}
