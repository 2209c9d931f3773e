//! Which schedules are due, and which comes next.

use std::collections::BTreeSet;

use bson::Bson;
use chrono::{DateTime, Utc};
use earnorm_core::Result;
use earnorm_core::database::Database;
use earnorm_core::predicate::{Comparison, Predicate};
use earnorm_core::store::{DocumentQuery, Own, SortKey};
use futures::TryStreamExt;

use super::record::{DUE_AT, KIND, ONCE, Record, time_of};

/// How many are fired before it is looked again.
const PAGE: u64 = 100;

/// What there is to do.
#[derive(Debug, Default)]
pub(crate) struct Due {
    /// The schedules whose time has come, oldest first, at most a page.
    pub(crate) now: Vec<Record>,
    /// When the next one comes.
    pub(crate) next: Option<DateTime<Utc>>,
}

/// What is due by the database's clock. A periodic schedule is due only while some process has its function: what passes
/// meanwhile it missed.
pub(crate) async fn due(db: &Database) -> Result<Due> {
    let store = db.store();
    let known = functions(db).await?;
    let any_time =
        Predicate::Compare { path: DUE_AT.into(), op: Comparison::Gte, value: Bson::DateTime(bson::DateTime::MIN) };
    let mine = Predicate::eq(KIND, ONCE).or(Predicate::In { path: "_id".into(), values: known });
    let query = DocumentQuery {
        sort: vec![
            SortKey { path: DUE_AT.into(), descending: false },
            SortKey { path: "_id".into(), descending: false },
        ],
        limit: Some(PAGE),
        ..DocumentQuery::new(store.admin().own(Own::Schedules), any_time.and(mine))
    };
    let stored: Vec<_> = store.find(query).await?.try_collect().await?;
    let (now, mut due) = (db.now(), Due::default());
    for document in &stored {
        let Ok(Some(at)) = time_of(document, DUE_AT) else { continue };
        if at > now {
            due.next = Some(at);
            break;
        }
        match Record::from_document(document) {
            Ok(record) => due.now.push(record),
            // The others must not wait for it.
            Err(error) => tracing::error!(%error, "a schedule cannot be read: repair or remove its record"),
        }
    }
    Ok(due)
}

/// Whether any schedule is stored.
pub(crate) async fn any(db: &Database) -> Result<bool> {
    let store = db.store();
    let mut query = DocumentQuery::new(store.admin().own(Own::Schedules), Predicate::always());
    query.limit = Some(1);
    Ok(store.find(query).await?.try_next().await?.is_some())
}

/// The ids of the handlers that living processes have.
async fn functions(db: &Database) -> Result<Vec<Bson>> {
    let store = db.store();
    let query = DocumentQuery::new(store.admin().own(Own::Nodes), Predicate::always());
    let nodes: Vec<_> = store.find(query).await?.try_collect().await?;
    let handlers = nodes.iter().filter_map(|node| node.get_array("handlers").ok()).flatten().filter_map(Bson::as_str);
    Ok(handlers.collect::<BTreeSet<_>>().into_iter().map(Bson::from).collect())
}
