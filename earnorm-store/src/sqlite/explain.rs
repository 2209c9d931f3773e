//! How a query is answered: what goes into SQL, and what is tested after.

use earnorm_core::store::{DocumentQuery, Explanation};
use rusqlite::params_from_iter;

use super::cursor::by_id;
use super::error::{Done, NAME};
use super::query::{matcher, pushed};
use super::tx::Tx;

impl Tx<'_> {
    pub(super) fn explain(&self, query: &DocumentQuery) -> Done<Explanation> {
        matcher(&query.predicate)?;
        let Some(collection) = self.collection(&query.collection) else {
            return Ok(Explanation::new(NAME, "nothing: there is no such collection"));
        };
        let pushed = pushed(&collection, &query.predicate);
        let condition = pushed.sql.as_deref().unwrap_or("1");
        let sql = format!("SELECT doc FROM {} WHERE {condition}", collection.table);
        let mut steps = Vec::new();
        let mut plan = self.conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
        let mut rows = plan.query(params_from_iter(&pushed.params))?;
        while let Some(row) = rows.next()? {
            steps.push(row.get::<_, String>(3)?);
        }
        let mut explained = Explanation::new(NAME, format!("{sql} -- {}", steps.join("; ")));
        // The look-ups that stand in the condition, by their paths.
        let used = |table: &String| steps.iter().any(|step| step.split_whitespace().any(|word| word == table));
        explained.indexes =
            collection.lookups.iter().filter(|(_, table)| used(table)).map(|(path, _)| path.clone()).collect();
        if pushed.pushed.iter().any(|part| part.starts_with("_id "))
            || (by_id(query).is_some() && query.limit.is_some())
        {
            explained.indexes.push("_id".to_owned());
        }
        (explained.pushed, explained.after) = (pushed.pushed, pushed.after);
        explained.sorts = !query.sort.is_empty() && by_id(query).is_none();
        Ok(explained)
    }
}
