//! What indexes hold of a document: the entries of unique rules, and the values under which it is found.

use bson::{Bson, Document};
use earnorm_core::predicate::{Comparison, OrderedBson, Predicate, index_values};
use earnorm_core::schema::{IndexSpec, LIVE};
use earnorm_core::store::Drift;

/// Values of all parts of an index.
pub(crate) type Entry = Vec<OrderedBson>;

/// Which documents a unique index covers.
pub(crate) fn covers(spec: &IndexSpec) -> Predicate {
    let floor = |(path, floor): &(String, Bson)| Predicate::Compare {
        path: path.clone(),
        op: Comparison::Gte,
        value: floor.clone(),
    };
    let mut covers: Vec<_> = spec.present.iter().map(floor).collect();
    if spec.live_only {
        covers.push(Predicate::eq(LIVE, true));
    }
    Predicate::All(covers)
}

/// Every combination of the parts' values; more than one where a part is an array.
pub(crate) fn entries(spec: &IndexSpec, document: &Document) -> Vec<Entry> {
    let mut entries: Vec<Entry> = vec![Vec::with_capacity(spec.keys.len())];
    for (path, _) in &spec.keys {
        let mut values = Vec::new();
        index_values(document, path, &mut |value| values.push(OrderedBson(value.clone())));
        if let [value] = values.as_slice() {
            for entry in &mut entries {
                entry.push(value.clone());
            }
        } else {
            let grown = |entry: &Entry| {
                values.iter().map(|value| [entry.as_slice(), std::slice::from_ref(value)].concat()).collect::<Vec<_>>()
            };
            entries = entries.iter().flat_map(grown).collect();
        }
    }
    entries
}

/// The values under which a document is found: all that a comparison with its path looks at.
pub(crate) fn found_under(path: &str, document: &Document) -> Vec<OrderedBson> {
    let mut values = Vec::new();
    Predicate::each_value(path, document, &mut |value| {
        let value = match value {
            None | Some(Bson::Undefined) => Bson::Null,
            Some(value) => value.clone(),
        };
        values.push(OrderedBson(value));
    });
    values
}

/// How an index that is there differs from what is wanted under the same keys.
pub(crate) fn drift(collection: &str, there: &IndexSpec, wanted: &IndexSpec) -> Option<Drift> {
    if there == wanted {
        return None;
    }
    let rule = |spec: &IndexSpec| match (spec.unique, spec.live_only, spec.present.is_empty()) {
        (false, ..) => "not unique",
        (true, false, true) => "unique",
        (true, true, true) => "unique over live documents",
        (true, false, false) => "unique over present values",
        (true, true, false) => "unique over present values of live documents",
    };
    let part = |(path, descending): &(String, bool)| format!("{path}_{}", if *descending { -1 } else { 1 });
    let name = there.keys.iter().map(part).collect::<Vec<_>>().join("_");
    Some(Drift::new(collection, name, format!("it is {} and should be {}", rule(there), rule(wanted))))
}
