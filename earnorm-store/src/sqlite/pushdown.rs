//! Which part of a predicate SQLite can answer from look-up tables: a condition that no matching document fails.
//!
//! A look-up table of a path holds, for every document, the key of each value that a comparison with the path looks at,
//! and the key of null where the field is missing. What a comparison asks for is one or a few ranges of these keys. The
//! condition is for choosing candidates; each is still tested with the whole predicate.

mod range;
#[cfg(test)]
mod tests;

use bson::Bson;
use earnorm_core::predicate::{Comparison, Predicate, TextMatch};

use self::range::Range;

/// How many conditions go into one statement: what SQLite can plan without effort.
const CONDITIONS_MAX: usize = 64;
/// How many values go into one statement; SQLite binds 32,766 at most.
const PARAMS_MAX: usize = 10_000;

/// What becomes of a predicate.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Pushed {
    /// A condition on the column `key` of the document table; none if no part of the predicate can be pushed.
    pub(super) sql: Option<String>,
    /// What its numbered parameters stand for.
    pub(super) params: Vec<Vec<u8>>,
    /// The parts that SQLite answers, for people.
    pub(super) pushed: Vec<String>,
    /// The parts for which documents are read and tested, for people.
    pub(super) after: Vec<String>,
}

/// Compiles what can be pushed of `predicate`. `table` gives the look-up table of a path, quoted for SQL if it has to
/// be; `_id` is the column `key` itself.
pub(super) fn compile(predicate: &Predicate, table: &dyn Fn(&str) -> Option<String>) -> Pushed {
    let mut compiler = Compiler { table, params: Vec::new(), conditions: 0 };
    let mut pushed = Pushed::default();
    let mut conditions = Vec::new();
    for part in predicate.parts() {
        match compiler.attempt(part, "") {
            Some(sql) => {
                conditions.push(sql);
                pushed.pushed.push(part.to_string());
            }
            None => pushed.after.push(part.to_string()),
        }
    }
    pushed.sql = join(&conditions, " AND ");
    pushed.params = compiler.params;
    pushed
}

/// Conditions in brackets, halved again and again: SQLite bounds how deep they nest, and a chain nests one a link.
fn join(conditions: &[String], word: &str) -> Option<String> {
    match conditions {
        [] => None,
        [one] => Some(one.clone()),
        many => {
            let (left, right) = many.split_at(many.len() / 2);
            Some(format!("({}{word}{})", join(left, word)?, join(right, word)?))
        }
    }
}

struct Compiler<'a> {
    table: &'a dyn Fn(&str) -> Option<String>,
    params: Vec<Vec<u8>>,
    conditions: usize,
}

impl Compiler<'_> {
    /// Compiles a part, or leaves nothing of it behind.
    fn attempt(&mut self, part: &Predicate, above: &str) -> Option<String> {
        let before = (self.params.len(), self.conditions);
        let sql = self.part(part, above);
        if sql.is_none() {
            self.params.truncate(before.0);
            self.conditions = before.1;
        }
        sql
    }

    /// A condition that holds wherever `part` holds, with its paths under `above`: a path and a dot, or nothing.
    fn part(&mut self, part: &Predicate, above: &str) -> Option<String> {
        match part {
            Predicate::All(parts) => {
                let conditions: Vec<_> = parts.iter().filter_map(|part| self.attempt(part, above)).collect();
                join(&conditions, " AND ")
            }
            Predicate::Any(parts) if parts.is_empty() => Some("0".to_owned()),
            Predicate::Any(parts) => {
                let conditions: Vec<_> = parts.iter().map(|part| self.part(part, above)).collect::<Option<_>>()?;
                join(&conditions, " OR ")
            }
            Predicate::Compare { path, op, value } => self.compare(path, above, *op, std::slice::from_ref(value)),
            Predicate::In { path, values } => self.compare(path, above, Comparison::Eq, values),
            // Each is a condition of its own; the first is as good as any. None at all never holds.
            Predicate::HasAll { path, values } => {
                self.compare(path, above, Comparison::Eq, values.get(..1).unwrap_or(&[]))
            }
            Predicate::Text { path, op: TextMatch::Prefix, needle } => {
                self.ranges(path, above, vec![Range::prefix(needle)])
            }
            Predicate::Element { path, predicate } => self.part(predicate, &format!("{above}{path}.")),
            _ => None,
        }
    }

    /// A condition for values of which one compares so.
    fn compare(&mut self, path: &str, above: &str, op: Comparison, values: &[Bson]) -> Option<String> {
        // A field that an element does not have is null, but the path through all elements may have nothing at all.
        if !above.is_empty() && values.iter().any(|value| matches!(value, Bson::Null | Bson::Undefined)) {
            return None;
        }
        let ranges: Vec<_> = values.iter().map(|value| Range::of(op, value)).collect::<Option<_>>()?;
        self.ranges(path, above, ranges.into_iter().flatten().collect())
    }

    /// A condition for keys in one of `ranges`.
    fn ranges(&mut self, path: &str, above: &str, mut ranges: Vec<Range>) -> Option<String> {
        // In an element that is an array, a number is a place; after the path of the array it would be an element's.
        if !above.is_empty() && path.starts_with(|first: char| first.is_ascii_digit()) {
            return None;
        }
        if ranges.is_empty() {
            return Some("0".to_owned());
        }
        let path = format!("{above}{path}");
        let table = if path == "_id" { None } else { Some((self.table)(&path)?) };
        if ranges.iter().map(Range::params).sum::<usize>() > PARAMS_MAX {
            ranges = vec![Range::around(ranges)?];
        }
        let params: usize = ranges.iter().map(Range::params).sum();
        if self.conditions >= CONDITIONS_MAX || self.params.len() + params > PARAMS_MAX {
            return None;
        }
        self.conditions += 1;
        let keys = self.keys(ranges)?;
        Some(match table {
            None => keys,
            Some(table) => format!("key IN (SELECT id FROM {table} WHERE {keys})"),
        })
    }

    fn keys(&mut self, ranges: Vec<Range>) -> Option<String> {
        let (mut points, mut conditions) = (Vec::new(), Vec::new());
        for range in ranges {
            match range {
                Range::Point(key) => points.push(self.param(key)),
                Range::Between { from, above, to, including } => {
                    let (low, high) = (if above { ">" } else { ">=" }, if including { "<=" } else { "<" });
                    let (from, to) = (self.param(from), self.param(to));
                    conditions.push(format!("(key {low} {from} AND key {high} {to})"));
                }
            }
        }
        match points.as_slice() {
            [] => {}
            [point] => conditions.push(format!("key = {point}")),
            points => conditions.push(format!("key IN ({})", points.join(", "))),
        }
        join(&conditions, " OR ")
    }

    fn param(&mut self, key: Vec<u8>) -> String {
        self.params.push(key);
        format!("?{}", self.params.len())
    }
}
