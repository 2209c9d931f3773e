//! What the store keeps of each model, so that tools can work on a log without the program that wrote it.

use std::collections::HashMap;

use bson::Document;
use futures::TryStreamExt;

use crate::error::Result;
use crate::predicate::Predicate;
use crate::schema::ModelInfo;
use crate::store::{DocumentQuery, Own, PutRule, Store};

/// Writes the notes that are missing or older. While two programs run side by side the newer shape's note stays.
pub(super) async fn keep(store: &dyn Store, models: impl Iterator<Item = ModelInfo> + Send) -> Result<()> {
    let own = store.admin().own(Own::Models);
    let found: Vec<Document> = store.find(DocumentQuery::new(&own, Predicate::always())).await?.try_collect().await?;
    let known: HashMap<_, _> = found.iter().filter_map(|note| Some((note.get_str("_id").ok()?, note))).collect();
    let stale = |info: &ModelInfo, note: &Document| match known.get(info.name.as_str()) {
        None => true,
        Some(known) if *known == note => false,
        Some(known) => known.get_i64("version").is_ok_and(|version| version <= i64::from(info.version)),
    };
    let notes: Vec<_> = models
        .filter_map(|info| {
            let note = info.to_document();
            stale(&info, &note).then_some(note)
        })
        .collect();
    if notes.is_empty() {
        return Ok(());
    }
    store.admin().put(&own, notes, PutRule::Always).await.map(|_| ())
}

/// What is known of the models whose state documents a store holds.
///
/// # Errors
/// What the store answers.
pub async fn models_of(store: &dyn Store) -> Result<Vec<ModelInfo>> {
    let mut query = DocumentQuery::new(store.admin().own(Own::Models), Predicate::always());
    query.sort = vec![crate::store::SortKey { path: "_id".to_owned(), descending: false }];
    let notes: Vec<Document> = store.find(query).await?.try_collect().await?;
    Ok(notes.iter().filter_map(ModelInfo::from_document).collect())
}
