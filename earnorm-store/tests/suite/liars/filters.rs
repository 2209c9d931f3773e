//! Lies about what matches.

use bson::{Bson, DateTime};
use earnorm_core::predicate::{Comparison, Predicate, TextMatch};
use earnorm_core::regex::PortableRegex;

use super::Lie;

pub(crate) fn predicate(lie: Lie, honest: Predicate) -> Predicate {
    let each = |parts: Vec<Predicate>| parts.into_iter().map(|part| predicate(lie, part)).collect();
    let twisted = match honest {
        Predicate::All(parts) => Predicate::All(each(parts)),
        Predicate::Any(parts) => Predicate::Any(each(parts)),
        Predicate::Not(inner) => Predicate::Not(Box::new(predicate(lie, *inner))),
        Predicate::Element { path, predicate: inner } => {
            Predicate::Element { path, predicate: Box::new(predicate(lie, *inner)) }
        }
        other => other,
    };
    twist(lie, twisted)
}

fn exists(path: &str) -> Predicate {
    Predicate::Exists { path: path.to_owned(), present: true }
}

fn twist(lie: Lie, honest: Predicate) -> Predicate {
    match (lie, honest) {
        (Lie::NullMissesMissing, Predicate::Compare { path, op: Comparison::Eq, value: Bson::Null }) => {
            exists(&path).and(Predicate::eq(path, Bson::Null))
        }
        (Lie::ExistsMissesNull, Predicate::Exists { path, present }) => {
            let there = !Predicate::eq(path, Bson::Null);
            if present { there } else { !there }
        }
        (Lie::ComparesAcrossKinds, Predicate::Compare { path, op: op @ (Comparison::Gt | Comparison::Gte), value }) => {
            let above = Predicate::Compare { path: path.clone(), op: Comparison::Gte, value: "".into() };
            Predicate::Compare { path, op, value }.or(above)
        }
        (Lie::FoldsCase, Predicate::Text { path, op, needle }) => {
            let text = |needle: String| Predicate::Text { path: path.clone(), op, needle };
            Predicate::Any(vec![text(needle.to_lowercase()), text(needle.to_uppercase()), text(needle)])
        }
        (Lie::ReadsTextAsAPattern, Predicate::Text { path, op: TextMatch::Contains, needle }) => {
            match PortableRegex::new(&needle) {
                Ok(regex) => Predicate::Regex { path, regex },
                Err(_) => Predicate::Any(Vec::new()),
            }
        }
        (Lie::ObeysOperatorsInValues, Predicate::Compare { path, value: Bson::Document(value), .. })
            if value.contains_key("$ne") =>
        {
            !Predicate::eq(path, value["$ne"].clone())
        }
        (Lie::InOfNothingHolds, Predicate::In { values, .. }) if values.is_empty() => Predicate::always(),
        (Lie::HasAllOfNothingHolds, Predicate::HasAll { values, .. }) if values.is_empty() => Predicate::always(),
        (Lie::NotMissesMissing, Predicate::Not(inner)) => match *inner {
            Predicate::Compare { path, op, value } => exists(&path).and(!Predicate::Compare { path, op, value }),
            other => !other,
        },
        (Lie::AllIsAny, Predicate::All(parts)) if parts.len() != 1 => Predicate::Any(parts),
        (Lie::AnyIsAll, Predicate::Any(parts)) => Predicate::All(parts),
        (Lie::ForgetsNot, Predicate::Not(inner)) => *inner,
        (_, Predicate::Compare { path, op, value }) => twist_comparison(lie, path, op, value),
        (_, Predicate::Text { path, op, needle }) => twist_text(lie, path, op, needle),
        (Lie::PatternsFindNothing, Predicate::Regex { .. }) => never(),
        (_, honest) => twist_arrays(lie, honest),
    }
}

fn twist_arrays(lie: Lie, honest: Predicate) -> Predicate {
    match (lie, honest) {
        (Lie::ElementsJoin, Predicate::Element { path, predicate: inner }) => join(&path, *inner),
        (Lie::SizeCountsScalars, Predicate::Size { path, len: 1 }) => exists(&path),
        (Lie::InvalidHolds, Predicate::Invalid { .. }) | (Lie::RawHolds, Predicate::Raw(_)) => Predicate::always(),
        (_, honest) => honest,
    }
}

/// The conditions on an element, each on its own.
fn join(at: &str, inner: Predicate) -> Predicate {
    match inner {
        Predicate::All(parts) => Predicate::All(parts.into_iter().map(|part| join(at, part)).collect()),
        Predicate::Compare { path, op, value } => Predicate::Compare { path: format!("{at}.{path}"), op, value },
        other => Predicate::Element { path: at.to_owned(), predicate: Box::new(other) },
    }
}

fn never() -> Predicate {
    Predicate::Any(Vec::new())
}

fn is_number(value: &Bson) -> bool {
    matches!(value, Bson::Int32(_) | Bson::Int64(_) | Bson::Double(_) | Bson::Decimal128(_))
}

fn twist_comparison(lie: Lie, path: String, op: Comparison, value: Bson) -> Predicate {
    let compare = |value: Bson| Predicate::Compare { path: path.clone(), op, value };
    let is_equality = op == Comparison::Eq;
    match (lie, &value) {
        (Lie::LooksIntoNoArray, _) => compare(value).and(!exists(&format!("{path}.0"))),
        (Lie::PathsEndAtDots, _) if path.contains('.') => never(),
        (Lie::ArraysAreTheirElements, Bson::Array(values)) if is_equality => {
            Predicate::HasAll { path, values: values.clone() }
        }
        (Lie::TrueIsOne, Bson::Boolean(true)) if is_equality => compare(value).or(Predicate::eq(path, 1)),
        (Lie::KeepsKindsOfNumbers, Bson::Double(_)) if is_equality => never(),
        (Lie::RoundsLargeNumbers, Bson::Int64(number)) => compare(Bson::Double(*number as f64)),
        (Lie::NothingIsNan, Bson::Double(number)) if number.is_nan() => never(),
        (Lie::ZeroHasASign, Bson::Double(number)) if *number == 0.0 && number.is_sign_negative() => never(),
        (Lie::OrdersTextByLetters, Bson::String(text)) if !is_equality => compare(text.to_uppercase().into()),
        (Lie::DatesHaveSeconds, Bson::DateTime(date)) => {
            let millis = date.timestamp_millis();
            compare(DateTime::from_millis(millis - millis.rem_euclid(1000)).into())
        }
        (Lie::ValuesMayBePatterns, Bson::RegularExpression(regex)) => {
            match PortableRegex::new(regex.pattern.as_str()) {
                Ok(regex) => Predicate::Regex { path, regex },
                Err(_) => compare(value),
            }
        }
        (Lie::DollarsNameFields, Bson::String(text)) if text.starts_with('$') => exists(&path),
        (Lie::ObeysNestedOperators, Bson::Document(document)) if format!("{document}").contains('$') => exists(&path),
        (Lie::NullIsBelowEverything, _) if matches!(op, Comparison::Lt | Comparison::Lte) && is_number(&value) => {
            compare(value).or(Predicate::eq(path, Bson::Null))
        }
        _ => compare(value),
    }
}

fn twist_text(lie: Lie, path: String, op: TextMatch, needle: String) -> Predicate {
    let number = Predicate::Compare { path: path.clone(), op: Comparison::Gte, value: f64::NEG_INFINITY.into() };
    let text = |op, needle: &str| Predicate::Text { path: path.clone(), op, needle: needle.to_owned() };
    match lie {
        Lie::FindsTextInNoArray => text(op, &needle).and(!exists(&format!("{path}.0"))),
        Lie::TextStandsAnywhere => text(TextMatch::Contains, &needle),
        Lie::LinesEndTexts => text(op, &needle).and(!text(TextMatch::Contains, "\n")),
        Lie::EmptyTextIsNowhere if needle.is_empty() => never(),
        Lie::NumbersAreText => text(op, &needle).or(number),
        _ => text(op, &needle),
    }
}
