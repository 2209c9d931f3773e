//! Which statements of a command found nothing at their expected version: the server only tells how many.

use std::collections::HashMap;

use bson::{Bson, Document, doc};
use earnorm_core::commit::Checkpoint;
use earnorm_core::schema::VERSION;
use futures::TryStreamExt;
use mongodb::options::ReadConcern;

use super::failure::Failure;
use super::guard::{Entry, Group, Item, statement_of, version_of};
use super::inner::Inner;
use super::member::Member;
use super::query::read_checkpoint;

impl Inner {
    /// The entries that did nothing, when `done` of the group did something.
    ///
    /// It looks from outside the transaction, which keeps what it changed to itself: nobody else can change that, so
    /// there it still has its old version. Only the number of what differs proves that these are the ones.
    pub(super) async fn stale_entries(
        &self,
        members: &[Member],
        group: &Group,
        done: usize,
    ) -> Result<Vec<Entry>, Failure> {
        let missing = group.entries.len().saturating_sub(done);
        if missing == group.entries.len() {
            return Ok(group.entries.clone());
        }
        let found = self.look_at(members, group).await?;
        let apart = |entry: &Entry| !holds(members, *entry, &found);
        // A document that its own commit wrote before is judged by the first of both.
        let later = |entry: &Entry| is_written_before(members, *entry);
        let stale: Vec<_> = group.entries.iter().copied().filter(|entry| apart(entry) && !later(entry)).collect();
        if stale.len() == missing {
            return Ok(stale);
        }
        let stale: Vec<_> = group.entries.iter().copied().filter(apart).collect();
        if members.len() == 1 && !stale.is_empty() {
            return Ok(stale);
        }
        let said = "documents changed while they were looked at".to_owned();
        Err(Failure::Again { said, counter_behind: false, halve: true })
    }

    /// What stands outside the transaction where the group writes.
    async fn look_at(&self, members: &[Member], group: &Group) -> Result<HashMap<String, Document>, Failure> {
        let ids: Vec<_> = group.entries.iter().filter_map(|&entry| id_of(members, entry)).collect();
        let collection = self.db.collection::<Document>(&group.collection);
        let cursor = collection
            .find(doc! { "_id": { "$in": ids } })
            .projection(doc! { VERSION: 1, "p": 1, "ep": 1 })
            .read_concern(ReadConcern::local())
            .await;
        let found = match cursor {
            Ok(cursor) => cursor.try_collect::<Vec<_>>().await,
            Err(error) => Err(error),
        };
        let found = found.map_err(|error| Failure::of("look at what is there", &error))?;
        Ok(found.into_iter().filter_map(|found| Some((name(found.get("_id")?), found))).collect())
    }
}

/// Whether what an entry expects is there.
fn holds(members: &[Member], entry: Entry, found: &HashMap<String, Document>) -> bool {
    let found = id_of(members, entry).and_then(|id| found.get(&name(&id)));
    match expected(members, entry) {
        Some(Expected::Version(version)) => found.is_some_and(|found| version_of(found) == version),
        Some(Expected::Checkpoint(checkpoint)) => found.and_then(read_checkpoint) == Some(checkpoint),
        None => true,
    }
}

/// Whether an earlier statement of the same commit writes the same document.
fn is_written_before(members: &[Member], (member, statement): Entry) -> bool {
    let Some(prepared) = members.get(member).map(|member| &member.prepared) else { return false };
    let mut items = prepared.statements.iter().take(statement + 1).map(|statement| prepared.item(statement)).rev();
    let Some(Some(item)) = items.next() else { return false };
    items.flatten().any(|earlier| earlier.collection == item.collection && earlier.id == item.id)
}

enum Expected {
    Version(u64),
    Checkpoint(Checkpoint),
}

fn expected(members: &[Member], entry: Entry) -> Option<Expected> {
    let (statement, prepared) = (statement_of(members, entry)?, &members.get(entry.0)?.prepared);
    match prepared.checkpoint(statement) {
        Some(write) => write.expected.map(Expected::Checkpoint),
        None => prepared.item(statement)?.expected.map(Expected::Version),
    }
}

fn id_of(members: &[Member], entry: Entry) -> Option<Bson> {
    let (statement, prepared) = (statement_of(members, entry)?, &members.get(entry.0)?.prepared);
    match prepared.checkpoint(statement) {
        Some(write) => Some(Bson::String(write.consumer.clone())),
        None => prepared.item(statement).map(|Item { id, .. }| id.clone()),
    }
}

/// An id as a key of a map.
fn name(id: &Bson) -> String {
    match id {
        Bson::String(text) => text.clone(),
        id => id.to_string(),
    }
}
