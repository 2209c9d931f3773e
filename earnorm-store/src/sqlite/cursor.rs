//! Documents as a stream: one snapshot, read a chunk at a time, so that nothing waits and little is kept.

use std::sync::Arc;

use bson::Document;
use earnorm_core::Result;
use earnorm_core::store::{DocumentQuery, DocumentStream};
use futures::{StreamExt, TryStreamExt};
use rusqlite::params_from_iter;

use super::error::Done;
use super::json;
use super::query::{matcher, pushed};
use super::reader::{Readers, Snapshot, blocking};
use super::tx::Tx;
use crate::documents::projection::Projection;
use crate::documents::sort::window;

/// The documents of one chunk, at most.
const CHUNK: usize = 256;
/// The text of one chunk, about.
const CHUNK_BYTES: usize = 1024 * 1024;

/// Where a stream stands.
struct Cursor {
    snapshot: Snapshot,
    query: Arc<DocumentQuery>,
    rows: Candidates,
    skip: usize,
    left: usize,
}

/// The rows that are still to be looked at.
enum Candidates {
    /// Those above this number.
    Above(i64),
    /// Those behind this key, in the order of keys or against it.
    Behind { key: Option<Vec<u8>>, descending: bool },
    /// Those that the indexes left: numbers only, the last one first.
    Listed(Vec<i64>),
}

/// The documents of a query.
pub(super) async fn find(readers: &Arc<Readers>, query: DocumentQuery) -> Result<DocumentStream> {
    readers.open()?;
    let what = format!("read `{}`", query.collection);
    let projection = query.projection.as_deref().map(Projection::new);
    let found: DocumentStream = if query.sort.is_empty() || by_id(&query).is_some() {
        matcher(&query.predicate)?;
        stream(Arc::clone(readers), query, what).await?
    } else {
        let sorted = readers.read(what, move |tx| tx.sorted(&query)).await?;
        futures::stream::iter(sorted.into_iter().map(Ok)).boxed()
    };
    Ok(match projection {
        Some(projection) => found.map_ok(move |document| projection.apply(&document)).boxed(),
        None => found,
    })
}

/// Whether documents are asked for in the order of their ids, which is the one of their keys, and in which direction.
pub(super) fn by_id(query: &DocumentQuery) -> Option<bool> {
    query.sort.first().filter(|key| key.path == "_id").map(|key| key.descending)
}

/// The first chunk is read at once: it is the snapshot, and most often all.
async fn stream(readers: Arc<Readers>, query: DocumentQuery, what: String) -> Result<DocumentStream> {
    let query = Arc::new(query);
    let (skip, left) = window(&query);
    let of_first = Arc::clone(&query);
    let name = what.clone();
    let (first, rest) = blocking(move || {
        let snapshot = readers.snapshot(&name)?;
        let rows = snapshot.look(&name, |tx| candidates(tx, &of_first))?;
        let cursor = Cursor { snapshot, query: of_first, rows, skip, left };
        cursor.next(&name)
    })
    .await?;
    let chunks = futures::stream::try_unfold(rest, move |cursor| {
        let what = what.clone();
        async move {
            let Some(cursor) = cursor else { return Ok(None) };
            blocking(move || cursor.next(&what)).await.map(Some)
        }
    });
    let whole = |chunk: Vec<Document>| futures::stream::iter(chunk.into_iter().map(Ok));
    Ok(whole(first).chain(chunks.map_ok(whole).try_flatten()).boxed())
}

fn candidates(tx: &Tx<'_>, query: &DocumentQuery) -> Done<Candidates> {
    let Some(collection) = tx.collection(&query.collection) else { return Ok(Candidates::Listed(Vec::new())) };
    let pushed = pushed(&collection, &query.predicate);
    let direction = by_id(query);
    let Some(condition) = pushed.sql else {
        return Ok(match direction {
            Some(descending) => Candidates::Behind { key: None, descending },
            None => Candidates::Above(i64::MIN),
        });
    };
    // Against the order, since the last one of the list is looked at first.
    let order = match direction {
        Some(true) => "key ASC",
        Some(false) => "key DESC",
        None => "rowid DESC",
    };
    let sql = format!("SELECT rowid FROM {} WHERE {condition} ORDER BY {order}", collection.table);
    let mut read = tx.conn.prepare_cached(&sql)?;
    let rows = read.query_map(params_from_iter(&pushed.params), |row| row.get(0))?;
    Ok(Candidates::Listed(rows.collect::<rusqlite::Result<_>>()?))
}

impl Cursor {
    /// The next documents, and the cursor behind them unless it is at its end.
    fn next(mut self, what: &str) -> Result<(Vec<Document>, Option<Self>)> {
        let mut chunk = Vec::new();
        let Self { snapshot, query, rows, skip, left } = &mut self;
        let more = snapshot.look(what, |tx| fill(tx, query, rows, (skip, left), &mut chunk))?;
        Ok((chunk, more.then_some(self)))
    }
}

/// Fills a chunk; `false` at the end.
fn fill(
    tx: &Tx<'_>,
    query: &DocumentQuery,
    rows: &mut Candidates,
    (skip, left): (&mut usize, &mut usize),
    chunk: &mut Vec<Document>,
) -> Done<bool> {
    let matcher = matcher(&query.predicate)?;
    let Some(collection) = tx.collection(&query.collection) else { return Ok(false) };
    let mut bytes = 0;
    let mut take = |text: &str| -> Done<bool> {
        bytes += text.len();
        let document = json::decode(text)?;
        if matcher.matches(&document) {
            if *skip > 0 {
                *skip -= 1;
            } else if *left > 0 {
                *left -= 1;
                chunk.push(document);
            }
        }
        Ok(*left > 0 && chunk.len() < CHUNK && bytes < CHUNK_BYTES)
    };
    match rows {
        Candidates::Listed(listed) => {
            let mut read = tx.conn.prepare_cached(&format!("SELECT doc FROM {} WHERE rowid = ?", collection.table))?;
            while let Some(number) = listed.pop() {
                let text: String = read.query_row([number], |row| row.get(0))?;
                if !take(&text)? {
                    break;
                }
            }
            Ok(*left > 0 && !listed.is_empty())
        }
        Candidates::Above(last) => {
            let sql = format!("SELECT rowid, doc FROM {} WHERE rowid > ? ORDER BY rowid", collection.table);
            let mut read = tx.conn.prepare_cached(&sql)?;
            let mut found = read.query([*last])?;
            while let Some(row) = found.next()? {
                *last = row.get(0)?;
                if !take(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?)? {
                    return Ok(*left > 0);
                }
            }
            Ok(false)
        }
        Candidates::Behind { key, descending } => {
            let (behind, order) = if *descending { ("<", "DESC") } else { (">", "ASC") };
            let condition = if key.is_some() { format!("key {behind} ?1") } else { "?1 IS NULL".to_owned() };
            let sql = format!("SELECT key, doc FROM {} WHERE {condition} ORDER BY key {order}", collection.table);
            let mut read = tx.conn.prepare_cached(&sql)?;
            let mut found = read.query([key.clone()])?;
            while let Some(row) = found.next()? {
                *key = Some(row.get(0)?);
                if !take(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?)? {
                    return Ok(*left > 0);
                }
            }
            Ok(false)
        }
    }
}
