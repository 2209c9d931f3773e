//! Filters: what may be typed into them, and what they mean.

use std::cmp::Ordering;

use arbitrary::{Result, Unstructured};
use bson::{Bson, Document, doc};
use earnorm::predicate::{Comparison, Predicate, compare, order_key};
use earnorm::query::Cursor;
use earnorm::schema::{CollectionSpec, IndexSpec};
use earnorm::store::{DocumentQuery, PutRule, SortKey, Store};
use earnorm_core::regex::PortableRegex;
use earnorm_store::mongo::__private::compile_filter;
use futures::TryStreamExt;

use super::made;

/// Patterns and cursors that people send are refused or read; conditions keep the laws of logic and of order, and an index
/// does not change an answer.
pub fn filter(data: &[u8]) {
    typed_in(&String::from_utf8_lossy(data));
    let _ = check(&mut Unstructured::new(data));
}

fn typed_in(text: &str) {
    if let Ok(regex) = PortableRegex::new(text) {
        let _ = regex.is_match("a\n\u{1f600}");
        let path = "a".to_owned();
        compile_filter(&Predicate::Regex { path, regex }).unwrap();
    }
    if let Ok(cursor) = text.parse::<Cursor>() {
        let again: Cursor = cursor.to_string().parse().unwrap();
        assert_eq!(again.to_string(), cursor.to_string());
    }
}

fn check(u: &mut Unstructured<'_>) -> Result<()> {
    let depth = u.int_in_range(0..=5)?;
    let predicate = made::predicate(u, depth)?;
    let documents = (0..4_i32)
        .map(|id| {
            let mut document = doc! { "_id": id };
            document.extend(made::fields(u, 4)?);
            Ok(document)
        })
        .collect::<Result<Vec<_>>>()?;
    compile_filter(&predicate).unwrap().to_vec().unwrap();
    assert!(!predicate.to_string().is_empty());
    for document in &documents {
        laws(&predicate, document);
    }
    for pair in documents.windows(2) {
        ordered(&Bson::Document(pair[0].clone()), &Bson::Document(pair[1].clone()));
    }
    super::wait(index(predicate, documents));
    Ok(())
}

fn holds(predicate: &Predicate, document: &Document) -> bool {
    predicate.matches(document).unwrap()
}

fn laws(predicate: &Predicate, document: &Document) {
    let one = |path: &str, value: &Bson| holds(&Predicate::eq(path, value.clone()), document);
    let same = match predicate {
        Predicate::All(parts) => parts.iter().all(|part| holds(part, document)),
        Predicate::Any(parts) => parts.iter().any(|part| holds(part, document)),
        Predicate::Not(inner) => !holds(inner, document),
        Predicate::In { path, values } => values.iter().any(|value| one(path, value)),
        Predicate::HasAll { path, values } => !values.is_empty() && values.iter().all(|value| one(path, value)),
        Predicate::Exists { path, present } => {
            !holds(&Predicate::Exists { path: path.clone(), present: !present }, document)
        }
        Predicate::Compare { path, op, value } => {
            let with = |op| holds(&Predicate::Compare { path: path.clone(), op, value: value.clone() }, document);
            match op {
                Comparison::Gte => with(Comparison::Eq) || with(Comparison::Gt),
                Comparison::Lte => with(Comparison::Eq) || with(Comparison::Lt),
                op => with(*op),
            }
        }
        other => holds(other, document),
    };
    assert_eq!(holds(predicate, document), same, "{predicate:?} on {document}");
    assert_ne!(holds(&!predicate.clone(), document), same);
    if let Predicate::All(parts) | Predicate::Any(parts) = predicate {
        parts.iter().for_each(|part| laws(part, document));
    }
}

fn ordered(a: &Bson, b: &Bson) {
    assert_eq!(compare(a, b), compare(b, a).reverse(), "{a:?} {b:?}");
    assert_eq!(compare(a, a), Ordering::Equal);
    assert_eq!(order_key(a).cmp(&order_key(b)), compare(a, b), "{a:?} {b:?}");
}

async fn index(predicate: Predicate, documents: Vec<Document>) {
    let store = earnorm_store::MemoryStore::new();
    let index = |path: &str| IndexSpec {
        keys: vec![(path.to_owned(), false), ("_id".to_owned(), false)],
        unique: false,
        present: Vec::new(),
        live_only: false,
    };
    let indexed = CollectionSpec { name: "indexed".to_owned(), indexes: vec![index("a"), index("a.b"), index("b")] };
    store.admin().prepare(&[indexed]).await.unwrap();
    let mut answers = Vec::new();
    for collection in ["plain", "indexed"] {
        store.admin().put(collection, documents.clone(), PutRule::Always).await.unwrap();
        let sort = ["a", "_id"].map(|path| SortKey { path: path.to_owned(), descending: false }).to_vec();
        let query = DocumentQuery { sort, ..DocumentQuery::new(collection, predicate.clone()) };
        let found: Vec<Document> = store.find(query).await.unwrap().try_collect().await.unwrap();
        answers.push(found.iter().map(|document| document.get_i32("_id").unwrap()).collect::<Vec<_>>());
    }
    assert_eq!(answers[0], answers[1], "{predicate:?} with an index");
}
