//! The control: a program that takes the word of one member for an acknowledgement. It must be caught losing what was
//! acknowledged to it, or this bench would not see a loss either.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use futures::TryStreamExt;
use mongodb::bson::{Document, doc};
use mongodb::options::{ClientOptions, ReadConcern, WriteConcern};
use mongodb::{Client, Collection};
use tokio::time::timeout;

use super::cluster::Cluster;
use crate::say;

const DATABASE: &str = "earnorm_control";
const COLLECTION: &str = "notes";
/// How many writes are made to the primary that nobody follows, each time.
const NOTES: i64 = 100;
const ANSWER: Duration = Duration::from_secs(2);

/// What became of writes with `w: 1`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Lost {
    pub(crate) acknowledged: usize,
    pub(crate) lost: usize,
}

/// Notes that were written with `w: 1`.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    acknowledged: BTreeSet<i64>,
    next: i64,
}

impl Notes {
    /// Makes the collection, so that it is there on all members.
    pub(crate) async fn begin(cluster: &Cluster) -> Result<Self> {
        notes(&cluster.uri()).await?.insert_one(doc! { "_id": 0 }).write_concern(WriteConcern::majority()).await?;
        Ok(Self::default())
    }

    /// Writes to one member for as long as it takes that, by its proxy.
    pub(crate) async fn write(&mut self, cluster: &Cluster, member: usize) -> Result<()> {
        let notes = notes(&cluster.uri_of(member)).await?;
        let before = self.acknowledged.len();
        for _ in 0..NOTES {
            self.next += 1;
            let note = notes.insert_one(doc! { "_id": self.next }).write_concern(WriteConcern::nodes(1));
            match timeout(ANSWER, async { note.await }).await {
                Ok(Ok(_)) => self.acknowledged.insert(self.next),
                // It has seen that it is alone, and takes no more writes.
                _ => break,
            };
        }
        say(format_args!("control: member {member} took {} writes alone", self.acknowledged.len() - before));
        Ok(())
    }

    /// What is missing in the end.
    pub(crate) async fn lost(&self, cluster: &Cluster) -> Result<Lost> {
        let found = read(&notes(&cluster.uri()).await?).await?;
        let lost = self.acknowledged.difference(&found).count();
        Ok(Lost { acknowledged: self.acknowledged.len(), lost })
    }
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
