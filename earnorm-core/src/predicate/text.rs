//! Predicates in words, for people who ask how a query is answered.

use std::fmt;

use bson::Bson;

use super::{Comparison, Predicate, TextMatch};
use crate::extjson::encode_value;

/// How many values of a list are shown.
const VALUES_SHOWN: usize = 5;

/// In one line, with the first few values of lists.
impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&describe(self))
    }
}

fn describe(predicate: &Predicate) -> String {
    match predicate {
        Predicate::All(parts) => list(parts, " and ", "always"),
        Predicate::Any(parts) => list(parts, " or ", "never"),
        Predicate::Not(inner) => format!("not ({})", describe(inner)),
        Predicate::Compare { path, op, value } => {
            let op = match op {
                Comparison::Eq => "=",
                Comparison::Gt => ">",
                Comparison::Gte => ">=",
                Comparison::Lt => "<",
                Comparison::Lte => "<=",
            };
            format!("{path} {op} {}", encode_value(value))
        }
        Predicate::In { path, values: among } => format!("{path} in [{}]", values(among)),
        Predicate::Exists { path, present: true } => format!("{path} exists"),
        Predicate::Exists { path, present: false } => format!("{path} is missing"),
        Predicate::Text { path, op, needle } => {
            let op = match op {
                TextMatch::Prefix => "starts with",
                TextMatch::Contains => "contains",
                TextMatch::Suffix => "ends with",
            };
            format!("{path} {op} {}", encode_value(&Bson::String(needle.clone())))
        }
        Predicate::Regex { path, .. } => format!("{path} matches a pattern"),
        Predicate::Size { path, len } => format!("{path} has {len} elements"),
        Predicate::HasAll { path, values: all } => format!("{path} holds all of [{}]", values(all)),
        Predicate::Element { path, predicate } => format!("an element of {path} has ({})", describe(predicate)),
        Predicate::Invalid { path, .. } => format!("{path} has a condition that could not be built"),
        _ => "a condition in the database's own language".to_owned(),
    }
}

fn list(parts: &[Predicate], word: &str, empty: &str) -> String {
    match parts {
        [] => empty.to_owned(),
        [one] => describe(one),
        many => format!("({})", many.iter().map(describe).collect::<Vec<_>>().join(word)),
    }
}

fn values(values: &[Bson]) -> String {
    let mut shown: Vec<_> = values.iter().take(VALUES_SHOWN).map(encode_value).collect();
    if values.len() > VALUES_SHOWN {
        shown.push(format!("… {} in all", values.len()));
    }
    shown.join(", ")
}
