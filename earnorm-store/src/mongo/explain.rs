//! How the server answers a query: the plan that it would choose.

use bson::{Bson, Document, doc};
use earnorm_core::Result;
use earnorm_core::store::{DocumentQuery, Explanation};

use super::error::{STORE, query_error};
use super::filter::compile;
use super::inner::Inner;
use super::query::order;

impl Inner {
    pub(super) async fn explain(&self, query: &DocumentQuery) -> Result<Explanation> {
        let filter = compile(&query.predicate)?;
        let mut find = doc! { "find": &query.collection, "filter": filter.clone(), "sort": order(&query.sort)? };
        if let Some(limit) = query.limit.and_then(|limit| i64::try_from(limit).ok()).filter(|limit| *limit > 0) {
            find.insert("limit", limit);
        }
        let command = doc! { "explain": find, "verbosity": "queryPlanner" };
        let answer = self.db.run_command(command).await.map_err(|error| query_error(&query.collection, &error))?;
        let planner = answer.get_document("queryPlanner").ok();
        let plan = planner.and_then(|planner| planner.get_document("winningPlan").ok());
        let mut explained = Explanation::new(STORE, plan.map(ToString::to_string).unwrap_or_default());
        if let Some(plan) = plan {
            walk(plan, &mut explained);
        }
        // The server tells which index it walks, and tests the whole filter on what it finds there.
        let parts = query.predicate.parts().into_iter().map(ToString::to_string).collect();
        if explained.indexes.is_empty() {
            explained.after = parts
        } else {
            explained.pushed = parts
        }
        Ok(explained)
    }
}

/// Takes the indexes and the sorting out of a stage and those below it.
fn walk(stage: &Document, explained: &mut Explanation) {
    let index = match stage.get_str("stage") {
        Ok("IDHACK" | "EXPRESS_IXSCAN") if !stage.contains_key("indexName") => Some("_id"),
        Ok("SORT") => {
            explained.sorts = true;
            None
        }
        _ => stage.get_str("indexName").ok(),
    };
    if let Some(index) = index.filter(|index| !explained.indexes.iter().any(|known| known == index)) {
        explained.indexes.push(index.to_owned());
    }
    for (_, value) in stage {
        match value {
            Bson::Document(inner) => walk(inner, explained),
            Bson::Array(inner) => inner.iter().filter_map(Bson::as_document).for_each(|inner| walk(inner, explained)),
            _ => {}
        }
    }
}
