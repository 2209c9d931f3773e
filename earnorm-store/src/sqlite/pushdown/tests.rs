//! What is pushed never loses a document that matches: asked of SQLite itself.

use std::collections::BTreeSet;

use bson::{Bson, Document, bson, doc};
use earnorm_core::predicate::{Comparison, Predicate, TextMatch};
use proptest::prelude::*;
use rusqlite::{Connection, params_from_iter};

use super::{Pushed, compile};
use crate::sqlite::key;

/// A document table and look-up tables for some paths.
struct Tables {
    conn: Connection,
    paths: Vec<String>,
}

impl Tables {
    fn new(paths: &[&str], documents: &[Document]) -> Self {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch("CREATE TABLE docs (key BLOB PRIMARY KEY, place INTEGER)").unwrap();
        for (place, document) in documents.iter().enumerate() {
            let key = key::encode(document.get("_id").unwrap());
            conn.execute("INSERT OR IGNORE INTO docs VALUES (?, ?)", (key, i64::try_from(place).unwrap())).unwrap();
        }
        let tables = Self { conn, paths: paths.iter().map(|path| (*path).to_owned()).collect() };
        for path in &tables.paths {
            tables.fill(path, documents);
        }
        tables
    }

    fn fill(&self, path: &str, documents: &[Document]) {
        let table = name(path);
        self.conn.execute_batch(&format!("CREATE TABLE {table} (key BLOB, id BLOB)")).unwrap();
        for document in documents {
            Predicate::each_value(path, document, &mut |value| {
                let value = match value {
                    None | Some(Bson::Undefined) => &Bson::Null,
                    Some(value) => value,
                };
                let row = (key::encode(value), key::encode(document.get("_id").unwrap()));
                self.conn.execute(&format!("INSERT INTO {table} VALUES (?, ?)"), row).unwrap();
            });
        }
    }

    fn compile(&self, predicate: &Predicate) -> Pushed {
        compile(predicate, &|path| self.paths.iter().any(|known| known == path).then(|| name(path)))
    }

    /// The places of the documents that are left.
    fn left(&self, pushed: &Pushed) -> BTreeSet<usize> {
        let sql = format!("SELECT place FROM docs WHERE {}", pushed.sql.as_deref().unwrap_or("1"));
        let mut read = self.conn.prepare(&sql).unwrap();
        let rows = read.query_map(params_from_iter(&pushed.params), |row| row.get::<_, i64>(0)).unwrap();
        rows.map(|place| usize::try_from(place.unwrap()).unwrap()).collect()
    }
}

fn name(path: &str) -> String {
    format!("\"by {path}\"")
}

fn scalar() -> impl Strategy<Value = Bson> {
    let decimal = |text: &str| Bson::Decimal128(text.parse().unwrap());
    let numbers =
        [Bson::Double(f64::NAN), Bson::Double(1.5), decimal("NaN"), decimal("1.5"), Bson::Int64(1), decimal("-1")];
    let ends = [Bson::MinKey, Bson::MaxKey, Bson::Null, Bson::Undefined, Bson::Double(f64::INFINITY)];
    prop_oneof![
        (-1..3_i32).prop_map(Bson::Int32),
        "[ab]{0,3}".prop_map(Bson::String),
        "[ab]{0,1}".prop_map(Bson::Symbol),
        any::<bool>().prop_map(Bson::Boolean),
        prop::sample::select(numbers.to_vec()),
        prop::sample::select(ends.to_vec()),
    ]
}

fn value() -> impl Strategy<Value = Bson> {
    scalar().prop_recursive(3, 12, 3, |inner| {
        let names = prop::sample::select(vec!["a", "b", "0"]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Bson::Array),
            prop::collection::vec((names, inner), 0..3).prop_map(|fields| {
                Bson::Document(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
            }),
        ]
    })
}

fn documents() -> impl Strategy<Value = Vec<Document>> {
    let id = prop_oneof![(0..9_i32).prop_map(Bson::Int32), "[ab]{1,3}".prop_map(Bson::String)];
    let fields = prop::collection::vec((prop::sample::select(vec!["a", "b"]), value()), 0..3);
    prop::collection::btree_map(id.prop_map(earnorm_core::predicate::OrderedBson), fields, 1..12).prop_map(
        |documents| {
            let document = |(id, fields): (earnorm_core::predicate::OrderedBson, Vec<(&str, Bson)>)| {
                let mut document = doc! { "_id": id.0 };
                document.extend(fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
                document
            };
            documents.into_iter().map(document).collect()
        },
    )
}

fn predicate() -> impl Strategy<Value = Predicate> {
    use Comparison::{Eq, Gt, Gte, Lt, Lte};
    let path =
        || prop::sample::select(vec!["a", "b", "a.b", "a.a", "a.0", "0", "_id", "b.a.b"]).prop_map(str::to_owned);
    let op = prop::sample::select(vec![Eq, Gt, Gte, Lt, Lte]);
    let text = prop::sample::select(vec![TextMatch::Prefix, TextMatch::Contains]);
    let values = || prop::collection::vec(value(), 0..3);
    let leaf = prop_oneof![
        4 => (path(), op, value()).prop_map(|(path, op, value)| Predicate::Compare { path, op, value }),
        1 => (path(), values()).prop_map(|(path, values)| Predicate::In { path, values }),
        1 => (path(), values()).prop_map(|(path, values)| Predicate::HasAll { path, values }),
        1 => (path(), text, "[ab]{0,2}").prop_map(|(path, op, needle)| Predicate::Text { path, op, needle }),
        1 => (path(), any::<bool>()).prop_map(|(path, present)| Predicate::Exists { path, present }),
        1 => (path(), 0..3_u32).prop_map(|(path, len)| Predicate::Size { path, len }),
    ];
    leaf.prop_recursive(3, 12, 3, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Predicate::All),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Predicate::Any),
            inner.clone().prop_map(|inner| Predicate::Not(Box::new(inner))),
            (path(), inner).prop_map(|(path, inner)| Predicate::Element { path, predicate: Box::new(inner) }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn no_document_that_matches_is_lost(documents in documents(), predicate in predicate()) {
        let tables = Tables::new(&["a", "b", "a.b", "a.a", "a.0", "a.b.a", "b.a", "b.a.b"], &documents);
        let pushed = tables.compile(&predicate);
        let left = tables.left(&pushed);
        for (place, document) in documents.iter().enumerate() {
            let lost = predicate.matches(document).unwrap() && !left.contains(&place);
            prop_assert!(!lost, "{:?} loses {:?}", pushed, document);
        }
    }

    #[test]
    fn one_comparison_is_answered_exactly(documents in documents(), value in value()) {
        use Comparison::{Eq, Gt, Gte, Lt, Lte};
        let tables = Tables::new(&["a"], &documents);
        for op in [Eq, Gt, Gte, Lt, Lte] {
            let predicate = Predicate::Compare { path: "a".into(), op, value: value.clone() };
            let pushed = tables.compile(&predicate);
            if pushed.sql.is_none() {
                prop_assert!(matches!(value, Bson::MinKey | Bson::MaxKey));
                continue;
            }
            let matching = documents.iter().enumerate().filter(|(_, document)| predicate.matches(document).unwrap());
            prop_assert_eq!(tables.left(&pushed), matching.map(|(place, _)| place).collect::<BTreeSet<_>>(), "{:?}", pushed);
        }
    }
}

fn compare(path: &str, op: Comparison, value: impl Into<Bson>) -> Predicate {
    Predicate::Compare { path: path.into(), op, value: value.into() }
}

#[test]
fn parts_are_told_apart() {
    let tables = Tables::new(&["status", "total"], &[]);
    let contains = Predicate::Text { path: "name".into(), op: TextMatch::Contains, needle: "x".into() };
    let total = compare("total", Comparison::Gt, 5_i64);
    let predicate = Predicate::All(vec![
        Predicate::All(vec![Predicate::eq("status", "open"), contains]),
        Predicate::Any(vec![total.clone(), Predicate::eq("_id", 7)]),
        Predicate::Any(vec![total, Predicate::eq("name", "y")]),
        !Predicate::eq("status", "closed"),
    ]);
    let pushed = tables.compile(&predicate);
    let sql = concat!(
        "(key IN (SELECT id FROM \"by status\" WHERE key = ?1) AND ",
        "(key IN (SELECT id FROM \"by total\" WHERE (key > ?2 AND key < ?3)) OR key = ?4))"
    );
    assert_eq!(pushed.sql.as_deref(), Some(sql));
    assert_eq!(pushed.params.len(), 4);
    assert_eq!(pushed.pushed, [r#"status = "open""#, r#"(total > {"$numberLong":"5"} or _id = 7)"#]);
    let after =
        [r#"name contains "x""#, r#"(total > {"$numberLong":"5"} or name = "y")"#, r#"not (status = "closed")"#];
    assert_eq!(pushed.after, after);
    assert_eq!(tables.compile(&Predicate::always()), Pushed::default());
}

#[test]
fn conditions_of_any_size_are_understood_by_sqlite() {
    let documents: Vec<_> = (0..200).map(|id| doc! { "_id": id, "a": id % 7, "list": [{ "b": id }] }).collect();
    let tables = Tables::new(&["a", "list.b"], &documents);
    let many = |path: &str, count: i32| (0..count).map(|value| Predicate::eq(path, value)).collect::<Vec<_>>();
    let of_few = tables.compile(&Predicate::Any(many("a", 3)));
    assert_eq!(tables.left(&of_few).len(), 87);
    // More branches than go into a statement: all documents are tested.
    assert_eq!(tables.compile(&Predicate::Any(many("a", 2_000))).sql, None);
    // More parts than that: the first ones are enough.
    let of_many = tables.compile(&Predicate::All(many("_id", 2_000)));
    assert_eq!((tables.left(&of_many).len(), of_many.pushed.len()), (0, 64));
    let among =
        |values: std::ops::Range<i32>| Predicate::In { path: "_id".into(), values: values.map(Bson::Int32).collect() };
    assert_eq!(tables.left(&tables.compile(&among(50..9_000))).len(), 150);
    // More values than can be bound: what lies around them.
    let around = tables.compile(&among(100..50_000));
    assert_eq!((tables.left(&around).len(), around.params.len()), (100, 2));
    let deep = (0..500).fold(Predicate::eq("a", 1), |inner, _| Predicate::Any(vec![Predicate::All(vec![inner])]));
    assert_eq!(tables.left(&tables.compile(&deep)).len(), 29);
    let element = |value| Predicate::Element { path: "list".into(), predicate: Box::new(Predicate::eq("b", value)) };
    assert_eq!(tables.left(&tables.compile(&element(bson!(7)))), BTreeSet::from([7]));
    assert_eq!(tables.compile(&element(Bson::Null)).sql, None);
}
