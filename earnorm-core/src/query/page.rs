//! Keyset pages: the next page starts after the last row of this one, whatever was written in between, and costs the
//! same however far it is.

use std::fmt;
use std::str::FromStr;

use bson::{Bson, Document};

use crate::database::Database;
use crate::entity::Entity;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::predicate::number::is_nan;
use crate::predicate::{Comparison, Predicate};
use crate::query::{Filter, Query};
use crate::store::SortKey;
use crate::value::value_at;

/// Where the next page starts. It prints as text that may be handed to a client and back.
#[derive(Debug, Clone, PartialEq)]
pub struct Cursor {
    values: Vec<Bson>,
}

/// One page of instances.
#[derive(Debug)]
#[non_exhaustive]
pub struct Page<M: Model> {
    /// The instances.
    pub items: Vec<Entity<M>>,
    /// Where the next page starts; `None` on the last.
    pub next: Option<Cursor>,
}

impl<M: Model> Query<M> {
    /// A page of `size` instances after a cursor, in the query's order.
    ///
    /// # Errors
    /// [`Error::InvalidQuery`] when the cursor was made by a query with another order, or `size` is 0; as
    /// [`Query::all`].
    pub async fn page(self, db: &Database, after: Option<&Cursor>, size: u64) -> Result<Page<M>> {
        let invalid = |reason: &str| Error::InvalidQuery { path: "page".to_owned(), reason: reason.to_owned() };
        if size == 0 {
            return Err(invalid("a page has at least one row"));
        }
        // One more than the page tells whether there is a next.
        let query = self.limit(size.saturating_add(1));
        let keys = query.request().sort;
        let query = match after {
            None => query,
            Some(cursor) if cursor.values.len() == keys.len() => {
                let beyond = beyond(&keys, &cursor.values);
                query.narrowed(Filter::new(beyond))
            }
            Some(_) => return Err(invalid("the cursor was made by a query with another order")),
        };
        let mut items = query.all(db).await?;
        let more = items.len() as u64 > size;
        items.truncate(usize::try_from(size).unwrap_or(usize::MAX));
        let next = items.last().filter(|_| more).map(|last| Cursor::after(&keys, last));
        Ok(Page { items, next })
    }
}

impl Cursor {
    fn after<M: Model>(keys: &[SortKey], last: &Entity<M>) -> Self {
        let document = crate::entity::lock(&last.state).settled.document.clone().unwrap_or_default();
        Self { values: keys.iter().map(|key| value_at(&document, &key.path)).collect() }
    }
}

/// What sorts after a row: beyond it in the first key, or equal there and beyond it in the next, and so on.
fn beyond(keys: &[SortKey], values: &[Bson]) -> Predicate {
    let mut any = Vec::with_capacity(keys.len());
    let mut equal: Vec<Predicate> = Vec::new();
    for (key, value) in keys.iter().zip(values) {
        let mut all = equal.clone();
        all.push(beyond_key(key, value));
        any.push(Predicate::All(all));
        equal.push(Predicate::eq(&*key.path, value.clone()));
    }
    Predicate::Any(any)
}

/// Comparisons hold within one type, so null and NaN, which sort first, need cases of their own.
fn beyond_key(key: &SortKey, value: &Bson) -> Predicate {
    let compare = |op, value: Bson| Predicate::Compare { path: key.path.clone(), op, value };
    let null = || Predicate::eq(&*key.path, Bson::Null);
    let nan = || Predicate::eq(&*key.path, f64::NAN);
    let number = matches!(value, Bson::Double(_) | Bson::Int32(_) | Bson::Int64(_) | Bson::Decimal128(_));
    let is_nan = is_nan(value);
    match (key.descending, value) {
        (false, Bson::Null) => !null(),
        (true, Bson::Null) => Predicate::Any(Vec::new()),
        (false, _) if is_nan => compare(Comparison::Gte, Bson::Double(f64::NEG_INFINITY)),
        (true, _) if is_nan => null(),
        (false, value) => compare(Comparison::Gt, value.clone()),
        (true, value) if number => Predicate::Any(vec![compare(Comparison::Lt, value.clone()), nan(), null()]),
        (true, value) => Predicate::Any(vec![compare(Comparison::Lt, value.clone()), null()]),
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut document = Document::new();
        document.insert("k", self.values.clone());
        let bytes = document.to_vec().map_err(|_| fmt::Error)?;
        bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Cursor {
    type Err = Error;

    /// Reads a cursor that came back from a client. Its values are compared with, never run.
    fn from_str(text: &str) -> Result<Self> {
        let invalid = || Error::InvalidQuery { path: "page".to_owned(), reason: "this is not a cursor".to_owned() };
        if text.len() > 16_384 || !text.len().is_multiple_of(2) || !text.is_ascii() {
            return Err(invalid());
        }
        let bytes: Option<Vec<u8>> =
            (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect();
        let bytes = bytes.ok_or_else(invalid)?;
        let raw = bson::RawDocument::from_bytes(&bytes).map_err(|_| invalid())?;
        let mut document = crate::limits::decode_document(raw, 0, || "cursor".to_owned()).map_err(|_| invalid())?;
        match document.remove("k") {
            Some(Bson::Array(values)) => Ok(Self { values }),
            _ => Err(invalid()),
        }
    }
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::*;
    use crate::predicate::compare_documents;

    /// Values of one field, as models have them: one type, or nothing.
    fn columns() -> Vec<Vec<Bson>> {
        let decimal = |text: &str| Bson::Decimal128(text.parse().unwrap());
        vec![
            [f64::NAN, f64::NEG_INFINITY, -1.0, 0.0, 2.5, f64::INFINITY].map(Bson::Double).to_vec(),
            ["NaN", "-Infinity", "-1", "0", "2.5", "Infinity"].map(decimal).to_vec(),
            [i64::MIN, -1, 0, i64::MAX].map(Bson::Int64).to_vec(),
            ["", "a", "b"].map(Bson::from).to_vec(),
            [false, true].map(Bson::Boolean).to_vec(),
        ]
    }

    #[test]
    fn beyond_a_row_is_what_sorts_after_it_and_nothing_else() {
        for column in columns() {
            let mut rows = vec![doc! { "_id": 1 }, doc! { "_id": 2, "a": null }];
            for (id, value) in (3..).step_by(2).zip(&column) {
                rows.extend([doc! { "_id": id, "a": value }, doc! { "_id": id + 1, "a": value }]);
            }
            for (descending, by_id) in [(false, false), (false, true), (true, false), (true, true)] {
                let key = |path: &str, descending| SortKey { path: path.to_owned(), descending };
                let keys = [key("a", descending), key("_id", by_id)];
                for row in &rows {
                    let values: Vec<_> = keys.iter().map(|key| value_at(row, &key.path)).collect();
                    let beyond = beyond(&keys, &values);
                    for other in &rows {
                        let after = compare_documents(row, other, &keys).is_lt();
                        assert_eq!(beyond.matches(other).unwrap(), after, "{other} beyond {row} by {keys:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_cursor_comes_back_as_it_went_and_nothing_else_is_one() {
        let cursor = Cursor { values: vec![Bson::Null, "ä".into(), Bson::Int64(5), Bson::Double(f64::INFINITY)] };
        let text = cursor.to_string();
        assert_eq!(text.parse::<Cursor>().unwrap(), cursor);
        let long = |count| Cursor { values: vec!["x".repeat(count).into()] }.to_string();
        let frame = long(0).len() / 2;
        assert!(long(8_192 - frame).parse::<Cursor>().is_ok(), "16384 letters are the most");
        assert!(long(8_193 - frame).parse::<Cursor>().is_err());
        for wrong in ["", "0", "zz", "ä", "äöü", text.trim_end_matches('0'), &text[2..]] {
            assert!(matches!(wrong.parse::<Cursor>(), Err(Error::InvalidQuery { .. })), "{wrong}");
        }
    }
}
