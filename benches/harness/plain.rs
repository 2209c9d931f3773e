//! The plain driver doing the same durable work: one event and one document in one transaction, on collections with
//! the same options and indexes as ours.
#![allow(dead_code, reason = "each bench uses a part")]

use bson::{Document, doc};
use futures::TryStreamExt;
use mongodb::error::{TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT};
use mongodb::options::{ReadConcern, WriteConcern};
use mongodb::{Client, Collection, Database, IndexModel};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The same fields as the model of the benches, through serde alone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlainUser {
    #[serde(rename = "_id")]
    pub id: bson::Uuid,
    pub email: String,
    pub name: String,
    pub city: String,
    pub street: String,
    pub age: i64,
    pub visits: i64,
    pub score: f64,
    pub active: bool,
    pub tags: Vec<String>,
    pub seen: bson::DateTime,
}

/// A copy of one of our collections: its options and its indexes, none of its documents.
pub async fn twin(db: &Database, ours: &str, name: &str) -> mongodb::error::Result<Collection<Document>> {
    let listed: Vec<_> = db.list_collections().filter(doc! { "name": ours }).await?.try_collect().await?;
    let clustered = listed.first().is_some_and(|found| found.options.clustered_index.is_some());
    let mut create = doc! { "create": name };
    if clustered {
        create.insert("clusteredIndex", doc! { "key": { "_id": 1 }, "unique": true });
    }
    db.run_command(create).await?;
    let twin = db.collection::<Document>(name);
    let indexes: Vec<IndexModel> = db.collection::<Document>(ours).list_indexes().await?.try_collect().await?;
    for index in indexes.into_iter().filter(|index| index.keys != doc! { "_id": 1 }) {
        twin.create_index(index).await?;
    }
    Ok(twin)
}

/// Saves as a user of the driver would: update by id and version, insert the event, commit; again while the server
/// asks for it.
#[derive(Clone)]
pub struct PlainSaver {
    pub client: Client,
    pub events: Collection<Document>,
    pub users: Collection<Document>,
    /// What each commit waits for.
    pub durable: WriteConcern,
}

impl PlainSaver {
    /// As durable as ours: majority and journal.
    pub fn new(client: Client, events: Collection<Document>, users: Collection<Document>) -> Self {
        let mut durable = WriteConcern::majority();
        durable.journal = Some(true);
        Self { client, events, users, durable }
    }

    pub async fn save(&self, id: Uuid, version: i64, visits: i64, position: i64) -> mongodb::error::Result<()> {
        loop {
            match self.attempt(id, version, visits, position).await {
                Err(error) if error.contains_label(TRANSIENT_TRANSACTION_ERROR) => {}
                outcome => return outcome,
            }
        }
    }

    async fn attempt(&self, id: Uuid, version: i64, visits: i64, position: i64) -> mongodb::error::Result<()> {
        let mut session = self.client.start_session().await?;
        let durable = self.durable.clone();
        session.start_transaction().read_concern(ReadConcern::snapshot()).write_concern(durable).await?;
        let id = bson::Uuid::from_bytes(id.into_bytes());
        let now = bson::DateTime::now();
        let set = doc! { "$set": { "visits": visits, "_v": version + 1, "_s": 1, "_t": now } };
        let updated = self.users.update_one(doc! { "_id": id, "_v": version }, set).session(&mut session).await?;
        assert_eq!(updated.modified_count, 1);
        let change = doc! { "path": "visits", "new": visits, "old": visits - 1 };
        let event = doc! {
            "_id": position, "s": format!("user-{id}"), "k": "user", "v": version + 1, "e": bson::Uuid::new(),
            "t": "user.updated", "sv": 1, "at": now, "c": bson::Uuid::new(), "n": 1,
            "d": { "changes": [change] },
        };
        self.events.insert_one(event).session(&mut session).await?;
        loop {
            match session.commit_transaction().await {
                Err(error) if error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) => {}
                outcome => return outcome,
            }
        }
    }
}
