//! Predicates as MongoDB filters. Users' values are always operands, never operators.

use bson::{Bson, Document, doc};
use earnorm_core::predicate::{Comparison, Predicate, TextMatch};
use earnorm_core::{Error, Result};

/// The filter that means `predicate`.
pub(super) fn compile(predicate: &Predicate) -> Result<Document> {
    Ok(match predicate {
        Predicate::All(all) => join("$and", all)?.unwrap_or_default(),
        Predicate::Any(any) => join("$or", any)?.unwrap_or_else(nothing),
        Predicate::Not(inner) => doc! { "$nor": [compile(inner)?] },
        Predicate::Compare { path, op, value } => compare(path, *op, value)?,
        Predicate::In { path, values } => one_of(path, values)?,
        Predicate::Exists { path, present } => doc! { checked(path)?: { "$exists": present } },
        Predicate::Text { path, op, needle } => {
            doc! { checked(path)?: { "$regex": text_pattern(*op, needle), "$options": "" } }
        }
        Predicate::Regex { path, regex } => doc! { checked(path)?: { "$regex": regex.as_str(), "$options": "" } },
        Predicate::Size { path, len } => doc! { checked(path)?: { "$size": i64::from(*len) } },
        Predicate::HasAll { path, values } => has_all(path, values)?,
        Predicate::Element { path, predicate } => doc! { checked(path)?: { "$elemMatch": element(predicate)? } },
        Predicate::Invalid { path, reason } => return Err(invalid(path, reason)),
        Predicate::Raw(filter) => filter.clone(),
        _ => return Err(invalid("", "this store does not know this kind of filter")),
    })
}

/// A field path that cannot be read as an operator.
pub(super) fn checked(path: &str) -> Result<&str> {
    let reason = if path.is_empty() || path.split('.').any(str::is_empty) {
        "a name in the path is empty"
    } else if path.split('.').any(|name| name.starts_with('$')) {
        "a name in it starts with `$`; name a field"
    } else if path.contains('\0') {
        "it holds NUL; name a field"
    } else {
        return Ok(path);
    };
    Err(invalid(path, reason))
}

pub(super) fn invalid(path: &str, reason: impl Into<String>) -> Error {
    Error::InvalidQuery { path: path.to_owned(), reason: reason.into() }
}

fn join(operator: &str, predicates: &[Predicate]) -> Result<Option<Document>> {
    let filters = predicates.iter().map(compile).collect::<Result<Vec<_>>>()?;
    Ok((!filters.is_empty()).then(|| doc! { operator: filters }))
}

/// A filter that no document passes.
fn nothing() -> Document {
    doc! { "$nor": [{}] }
}

fn compare(path: &str, op: Comparison, value: &Bson) -> Result<Document> {
    let path = checked(path)?;
    if matches!(value, Bson::Undefined) {
        return Err(invalid(path, "undefined is no value that can be compared; use null"));
    }
    if matches!(value, Bson::RegularExpression(_)) && op != Comparison::Eq {
        return Err(invalid(path, "regular expressions have no order; compare with another value"));
    }
    let operator = match op {
        Comparison::Eq => "$eq",
        Comparison::Gt => "$gt",
        Comparison::Gte => "$gte",
        Comparison::Lt => "$lt",
        Comparison::Lte => "$lte",
    };
    Ok(doc! { path: { operator: value.clone() } })
}

/// `$in` reads regular expressions as patterns and refuses documents that look like operators; `$eq` takes both as
/// they are.
fn one_of(path: &str, values: &[Bson]) -> Result<Document> {
    let path = checked(path)?;
    let (plain, odd): (Vec<_>, Vec<_>) = values.iter().partition(|value| match value {
        Bson::Document(document) => !document.keys().next().is_some_and(|key| key.starts_with('$')),
        Bson::RegularExpression(_) | Bson::Undefined => false,
        _ => true,
    });
    let plain = doc! { path: { "$in": plain.into_iter().cloned().collect::<Vec<_>>() } };
    if odd.is_empty() {
        return Ok(plain);
    }
    let mut any = vec![plain];
    for value in odd {
        any.push(compare(path, Comparison::Eq, value)?);
    }
    Ok(doc! { "$or": any })
}

/// `$all` would read a value with an `$elemMatch` key as an operator.
fn has_all(path: &str, values: &[Bson]) -> Result<Document> {
    if values.is_empty() {
        checked(path)?;
        return Ok(nothing());
    }
    let all = values.iter().map(|value| compare(path, Comparison::Eq, value)).collect::<Result<Vec<_>>>()?;
    Ok(doc! { "$and": all })
}

/// What an element must be like. Empty and operator-less filters must still mean a document.
fn element(predicate: &Predicate) -> Result<Document> {
    let filter = compile(predicate)?;
    Ok(if filter.is_empty() {
        doc! { "$and": [{}] }
    } else {
        filter
    })
}

fn text_pattern(op: TextMatch, needle: &str) -> String {
    let needle = escape(needle);
    match op {
        TextMatch::Prefix => format!("^{needle}"),
        TextMatch::Contains => needle,
        // `$` would also match before a line break at the end.
        TextMatch::Suffix => format!(r"{needle}\z"),
    }
}

/// `text` as a pattern that matches just it, in PCRE2: every ASCII character that is no letter or digit is escaped. NUL
/// cannot stand in a BSON pattern.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if c == '\0' {
            escaped.push_str(r"\x00");
            continue;
        }
        if c.is_ascii() && !c.is_ascii_alphanumeric() {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    //! What becomes of hostile values.

    use bson::raw::cstr;
    use bson::{Bson, Document, Regex, doc};
    use earnorm_core::Error;
    use earnorm_core::predicate::{Predicate, TextMatch};

    use super::compile;

    fn compiled(predicate: &Predicate) -> Document {
        compile(predicate).expect("a filter")
    }

    #[test]
    fn a_value_is_never_an_operator() {
        let hostile = doc! { "$ne": Bson::Null };
        assert_eq!(compiled(&Predicate::eq("a", hostile.clone())), doc! { "a": { "$eq": hostile.clone() } });
        let regex = Bson::RegularExpression(Regex { pattern: cstr!(".*").into(), options: cstr!("").into() });
        let values = vec![Bson::Int32(1), hostile.clone().into(), regex.clone()];
        assert_eq!(
            compiled(&Predicate::In { path: "a".into(), values }),
            doc! { "$or": [{ "a": { "$in": [1] } }, { "a": { "$eq": hostile } }, { "a": { "$eq": regex } }] }
        );
        let trap = doc! { "$elemMatch": { "$exists": true } };
        let all = Predicate::HasAll { path: "a".into(), values: vec![trap.clone().into()] };
        assert_eq!(compiled(&all), doc! { "$and": [{ "a": { "$eq": trap } }] });
    }

    #[test]
    fn text_is_never_a_pattern() {
        let text = Predicate::Text { path: "a".into(), op: TextMatch::Suffix, needle: "a.*\0é_".into() };
        assert_eq!(compiled(&text), doc! { "a": { "$regex": r"a\.\*\x00é\_\z", "$options": "" } });
    }

    #[test]
    fn empty_lists_hold_always_or_never() {
        assert_eq!(compiled(&Predicate::always()), doc! {});
        assert_eq!(compiled(&Predicate::Any(Vec::new())), doc! { "$nor": [{}] });
        assert_eq!(compiled(&Predicate::HasAll { path: "a".into(), values: Vec::new() }), doc! { "$nor": [{}] });
    }

    #[test]
    fn paths_that_are_no_field_are_refused() {
        for path in ["$where", "a.$b", "", "a..b", "a\0b"] {
            assert!(matches!(compile(&Predicate::eq(path, 1)), Err(Error::InvalidQuery { .. })), "{path:?}");
        }
    }
}
