//! Collections and indexes: made where they are missing, compared where they are there, never dropped.

use std::collections::HashSet;

use bson::{Bson, Document, doc};
use earnorm_core::Result;
use earnorm_core::schema::{CollectionSpec, IndexSpec, LIVE};
use earnorm_core::store::{Drift, Own};
use futures::TryStreamExt;
use mongodb::options::WriteConcern;

use super::error::{DUPLICATE_KEY, Explain, NAMESPACE_EXISTS, code, store_error};
use super::inner::Inner;

/// The one counter, which positions come from.
pub(super) const POSITIONS: &str = "positions";

/// An index as it should be.
pub(super) struct Wanted {
    name: String,
    pub(super) key: Document,
    pub(super) unique: bool,
    pub(super) filter: Option<Document>,
}

impl Wanted {
    fn of(spec: &IndexSpec) -> Self {
        let names: Vec<_> = spec
            .keys
            .iter()
            .map(|(path, descending)| if *descending { format!("{path}_desc") } else { path.clone() })
            .collect();
        let mut conditions: Vec<_> =
            spec.present.iter().map(|(path, floor)| doc! { path: { "$gte": floor.clone() } }).collect();
        if spec.live_only {
            conditions.insert(0, doc! { LIVE: true });
        }
        Self {
            name: format!("earnorm_{}", names.join("_")),
            key: spec.keys.iter().map(|(path, down)| (path.clone(), Bson::Int32(if *down { -1 } else { 1 }))).collect(),
            unique: spec.unique,
            filter: match conditions.len() {
                0 | 1 => conditions.pop(),
                _ => Some(doc! { "$and": conditions }),
            },
        }
    }

    /// The log's own: (stream, version) over entries that have a stream, and commit ids.
    fn of_log() -> Vec<Self> {
        let index = |name: &str, key: Document, field: &str| Self {
            name: format!("earnorm_{name}"),
            key,
            unique: true,
            filter: Some(doc! { field: { "$exists": true } }),
        };
        vec![index("stream", doc! { "s": 1, "v": 1 }, "s"), index("commit", doc! { "c": 1 }, "c")]
    }

    /// The snapshots': the newest of a stream first.
    fn of_snapshots() -> Self {
        Self { name: "earnorm_s_v_desc".to_owned(), key: doc! { "s": 1, "v": -1 }, unique: false, filter: None }
    }

    fn specification(&self) -> Document {
        let mut index = doc! { "name": &self.name, "key": self.key.clone() };
        if self.unique {
            index.insert("unique", true);
        }
        if let Some(filter) = &self.filter {
            index.insert("partialFilterExpression", filter.clone());
        }
        index
    }

    /// What of `found`, which has this key or this name, is not as it should be.
    fn difference(&self, found: &Document) -> Option<String> {
        if found.get_document("key").ok().map(same_key) != Some(same_key(&self.key)) {
            return Some(format!("it covers other fields than {}", self.key));
        }
        let unique = found.get_bool("unique").unwrap_or(false);
        if unique != self.unique {
            return Some(
                if unique { "it is unique, but should not be" } else { "it is not unique, but should be" }.into(),
            );
        }
        let filter = found.get_document("partialFilterExpression").ok();
        (filter != self.filter.as_ref()).then(|| match (&self.filter, filter) {
            (Some(wanted), Some(found)) => format!("it is partial on {found}, but should be on {wanted}"),
            (Some(wanted), None) => format!("it covers every document, but should be partial on {wanted}"),
            (None, found) => format!("it is partial on {}, but should cover every document", found.unwrap_or(&doc! {})),
        })
    }
}

/// Keys alike but for the number types of their directions.
fn same_key(key: &Document) -> Vec<(String, String)> {
    let direction = |value: &Bson| match value {
        Bson::Int32(n) => n.to_string(),
        Bson::Int64(n) => n.to_string(),
        Bson::Double(n) => n.to_string(),
        other => other.to_string(),
    };
    key.iter().map(|(path, value)| (path.clone(), direction(value))).collect()
}

impl Inner {
    /// Makes the store's own collections ready and moves a counter that lies behind the log past its end.
    pub(super) async fn prepare_base(&self) -> Result<Vec<Drift>> {
        let present = self.collections().await?;
        if !present.contains(&self.names.events) {
            self.create_log().await?;
        }
        for name in [&self.names.counters, &self.names.checkpoints, &self.names.meta] {
            if !present.contains(name) {
                self.create(doc! { "create": name }).await?;
            }
        }
        let snapshots = self.own(Own::Snapshots);
        if !present.contains(&snapshots) {
            self.create(doc! { "create": &snapshots }).await?;
        }
        let mut drift = self.prepare_indexes(&self.names.events, &Wanted::of_log()).await?;
        drift.extend(self.prepare_indexes(&snapshots, &[Wanted::of_snapshots()]).await?);
        self.repair_counter().await?;
        self.prepare_mark().await?;
        Ok(drift)
    }

    /// Makes models' collections ready.
    pub(super) async fn prepare_models(&self, specs: &[CollectionSpec]) -> Result<Vec<Drift>> {
        let present = self.collections().await?;
        let mut drift = Vec::new();
        for spec in specs {
            if !present.contains(&spec.name) {
                self.create(doc! { "create": &spec.name }).await?;
            }
            let wanted: Vec<_> = spec.indexes.iter().map(Wanted::of).collect();
            self.know_fields(
                wanted.iter().map(|index| index.name.clone()).zip(spec.indexes.iter().map(IndexSpec::paths)),
            );
            drift.extend(self.prepare_indexes(&spec.name, &wanted).await?);
        }
        Ok(drift)
    }

    /// Moves the counter past the end of the log, after a restore of older data. It never moves back.
    pub(super) async fn repair_counter(&self) -> Result<()> {
        let top = self.top().await?.max(self.truncated().await?);
        let counters = self.db.collection::<Document>(&self.names.counters);
        counters
            .update_one(doc! { "_id": POSITIONS }, doc! { "$max": { "n": top } })
            .upsert(true)
            .write_concern(WriteConcern::majority())
            .await
            .explain("set the position counter")?;
        Ok(())
    }

    async fn collections(&self) -> Result<HashSet<String>> {
        let names = self.db.list_collection_names().await.explain("list the collections")?;
        Ok(names.into_iter().collect())
    }

    /// The log is clustered on its position where the server allows that: one tree less to write.
    async fn create_log(&self) -> Result<()> {
        let events = &self.names.events;
        let clustered = doc! { "create": events, "clusteredIndex": { "key": { "_id": 1 }, "unique": true } };
        match self.create(clustered).await {
            // A server that is going away is no reason to do without for good.
            Err(error) if !error.is_retryable() => self.create(doc! { "create": events }).await,
            done => done,
        }
    }

    async fn create(&self, command: Document) -> Result<()> {
        match self.db.run_command(command).await {
            Err(error) if code(&error) != Some(NAMESPACE_EXISTS) => Err(store_error("create a collection", &error)),
            _ => Ok(()),
        }
    }

    async fn prepare_indexes(&self, collection: &str, wanted: &[Wanted]) -> Result<Vec<Drift>> {
        let cursor = self
            .db
            .run_cursor_command(doc! { "listIndexes": collection })
            .await
            .explain(&format!("list the indexes of `{collection}`"))?;
        let found: Vec<Document> =
            cursor.try_collect().await.explain(&format!("list the indexes of `{collection}`"))?;
        let (mut missing, mut drift) = (Vec::new(), Vec::new());
        for index in wanted {
            let alike: Vec<_> = found.iter().filter(|found| is_alike(found, index)).collect();
            if alike.is_empty() {
                missing.push(index);
            } else if alike.iter().all(|found| index.difference(found).is_some()) {
                drift.extend(alike.first().and_then(|found| {
                    let name = found.get_str("name").unwrap_or_default();
                    Some(Drift::new(collection, name, index.difference(found)?))
                }));
            }
        }
        if !missing.is_empty() {
            let specifications: Vec<_> = missing.iter().map(|index| index.specification()).collect();
            let command = doc! { "createIndexes": collection, "indexes": specifications };
            if let Err(error) = self.db.run_command(command).await {
                let known = if code(&error) == Some(DUPLICATE_KEY) {
                    self.duplicates(collection, &missing).await
                } else {
                    None
                };
                return Err(
                    known.unwrap_or_else(|| store_error(&format!("create the indexes of `{collection}`"), &error))
                );
            }
        }
        Ok(drift)
    }
}

fn is_alike(found: &Document, wanted: &Wanted) -> bool {
    found.get_str("name").is_ok_and(|name| name == wanted.name)
        || found.get_document("key").is_ok_and(|key| same_key(key) == same_key(&wanted.key))
}
