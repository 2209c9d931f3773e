//! The processes that run handlers, as they describe themselves.

use std::collections::BTreeMap;

use bson::{Bson, Document, doc};
use chrono::{DateTime, TimeDelta, Utc};
use earnorm_core::Result;
use earnorm_core::database::Database;
use earnorm_core::position::Position;
use earnorm_core::predicate::Predicate;
use earnorm_core::store::{DocumentQuery, Own};
use futures::TryStreamExt;

/// What a process shows at each beat.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NodeInfo {
    pub(crate) id: String,
    pub(crate) beat: i64,
    pub(crate) pid: i64,
    /// When it beat last, by its own clock.
    pub(crate) at: DateTime<Utc>,
    pub(crate) lease: TimeDelta,
    /// The handlers that its program has.
    pub(crate) handlers: Vec<String>,
    /// Up to where it has read, for the handlers that run there.
    pub(crate) read: BTreeMap<String, Position>,
}

impl NodeInfo {
    pub(crate) fn to_document(&self) -> Document {
        // Ids may hold dots, which field names must not.
        let read = self.read.iter().map(|(id, read)| Bson::from(doc! { "handler": id, "upto": read.get() }));
        doc! {
            "_id": &self.id,
            "beat": self.beat,
            "pid": self.pid,
            "at": bson::DateTime::from_millis(self.at.timestamp_millis()),
            "lease": self.lease.num_milliseconds(),
            "handlers": self.handlers.clone(),
            "read": read.collect::<Vec<_>>(),
        }
    }

    pub(crate) fn from_document(document: &Document) -> Option<Self> {
        let array = |field: &str| document.get_array(field).map(Vec::as_slice).unwrap_or_default();
        let read = array("read").iter().filter_map(Bson::as_document);
        let read = read.filter_map(|one| {
            Some((one.get_str("handler").ok()?.to_owned(), Position::new(one.get_i64("upto").ok()?)))
        });
        Some(Self {
            id: document.get_str("_id").ok()?.to_owned(),
            beat: document.get_i64("beat").ok()?,
            pid: document.get_i64("pid").unwrap_or_default(),
            at: DateTime::from_timestamp_millis(document.get_datetime("at").ok()?.timestamp_millis())?,
            lease: TimeDelta::try_milliseconds(document.get_i64("lease").ok()?)?,
            handlers: array("handlers").iter().filter_map(Bson::as_str).map(ToOwned::to_owned).collect(),
            read: read.collect(),
        })
    }

    /// Whether it has beaten of late. Clocks of several machines are compared here, so this is for people to read: what
    /// must be right is guarded by the epoch.
    pub(crate) fn is_alive(&self, now: DateTime<Utc>) -> bool {
        now - self.at <= self.lease * 2
    }
}

/// Every process that has signed on and not off.
pub(crate) async fn nodes(db: &Database) -> Result<Vec<NodeInfo>> {
    let store = db.store();
    let query = DocumentQuery::new(store.admin().own(Own::Nodes), Predicate::always());
    let stored: Vec<Document> = store.find(query).await?.try_collect().await?;
    Ok(stored.iter().filter_map(NodeInfo::from_document).collect())
}
