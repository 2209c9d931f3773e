//! Random documents against random conditions: the store agrees with the evaluator in core.

use std::collections::BTreeSet;

use bson::{Bson, DateTime, Document, doc};
use earnorm_core::predicate::{Comparison, Predicate, TextMatch, compare_documents};
use earnorm_core::store::DocumentQuery;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::draft::{THINGS, compare, element, exists, has_all, is_in, regex, size, text, thing};
use super::filter_compare::decimal;
use super::subject::sort;
use super::{Subject, draft};

const DOCUMENTS: i32 = 120;
const PREDICATES: usize = 250;
const PATHS: [&str; 9] = ["a", "b", "a.b", "a.a", "b.a", "a.b.a", "a.0", "b.1.a", "c"];

pub(super) async fn simple_conditions_agree_with_the_oracle(s: Subject) {
    agree(&s, 11, 0).await;
}

pub(super) async fn combined_conditions_agree_with_the_oracle(s: Subject) {
    agree(&s, 22, 2).await;
}

pub(super) async fn nested_conditions_agree_with_the_oracle(s: Subject) {
    agree(&s, 33, 4).await;
}

pub(super) async fn orders_agree_with_the_oracle(s: Subject) {
    let mut random = StdRng::seed_from_u64(draft::seed(44));
    let mut documents: Vec<Document> = (0..DOCUMENTS).map(|id| thing(id, fields(&mut random, 3))).collect();
    s.put(documents.clone()).await;
    for path in PATHS {
        for keys in [[path, "_id"], [&format!("-{path}"), "-_id"]] {
            documents.sort_by(|left, right| compare_documents(left, right, &sort(&keys)));
            let expected: Vec<i32> = documents.iter().map(|document| document.get_i32("_id").unwrap()).collect();
            assert_eq!(s.sorted(&keys).await, expected, "by {keys:?}");
        }
    }
}

async fn agree(s: &Subject, seed: u64, depth: usize) {
    let seed = draft::seed(seed);
    let mut random = StdRng::seed_from_u64(seed);
    let documents: Vec<Document> = (0..DOCUMENTS).map(|id| thing(id, fields(&mut random, 3))).collect();
    s.put(documents.clone()).await;
    let (mut wrong, mut matched) = (Vec::new(), 0);
    for _ in 0..PREDICATES {
        let predicate = condition(&mut random, depth);
        let matcher = predicate.matcher().expect("only conditions with a meaning are made");
        let expected: BTreeSet<i32> = documents
            .iter()
            .filter(|document| matcher.matches(document))
            .map(|one| one.get_i32("_id").unwrap())
            .collect();
        let found = s.documents(DocumentQuery::new(THINGS, predicate.clone())).await;
        let found: BTreeSet<i32> = found.iter().map(|document| document.get_i32("_id").unwrap()).collect();
        matched += expected.len();
        if let Some(id) = found.symmetric_difference(&expected).next() {
            let stored = &documents[usize::try_from(*id).unwrap()];
            wrong.push(format!("{predicate:?}\n  store {}: {stored}", found.contains(id)));
        }
    }
    assert!(matched > PREDICATES, "conditions that hold for nothing show nothing");
    assert!(wrong.is_empty(), "{} differ (seed {seed}):\n{}", wrong.len(), wrong.join("\n"));
}

fn fields(random: &mut StdRng, depth: usize) -> Document {
    let mut document = doc! {};
    for name in ["a", "b", "c"] {
        if random.random_bool(0.7) {
            document.insert(name, value(random, depth));
        }
    }
    document
}

fn value(random: &mut StdRng, depth: usize) -> Bson {
    match random.random_range(0..10) {
        0..2 if depth > 0 => fields(random, depth - 1).into(),
        2..5 if depth > 0 => {
            let len = random.random_range(0..4);
            (0..len).map(|_| value(random, depth - 1)).collect::<Vec<_>>().into()
        }
        _ => scalar(random),
    }
}

fn scalar(random: &mut StdRng) -> Bson {
    let pool: [Bson; 22] = [
        Bson::Null,
        0.into(),
        1.into(),
        1_i64.into(),
        1.0.into(),
        1.5.into(),
        (-1).into(),
        decimal("1.50"),
        decimal("1"),
        f64::NAN.into(),
        f64::INFINITY.into(),
        decimal("NaN"),
        "".into(),
        "a".into(),
        "A".into(),
        "ab".into(),
        "$a".into(),
        true.into(),
        false.into(),
        DateTime::from_millis(1).into(),
        bson::Uuid::from_bytes([1; 16]).into(),
        bson::oid::ObjectId::from_bytes([1; 12]).into(),
    ];
    pool.choose(random).unwrap().clone()
}

fn condition(random: &mut StdRng, depth: usize) -> Predicate {
    if depth == 0 || random.random_bool(0.2) {
        return simple(random);
    }
    let parts = |random: &mut StdRng| {
        let len = random.random_range(0..4);
        (0..len).map(|_| condition(random, depth - 1)).collect()
    };
    match random.random_range(0..10) {
        0..3 => Predicate::All(parts(random)),
        3..6 => Predicate::Any(parts(random)),
        6..8 => Predicate::Not(Box::new(condition(random, depth - 1))),
        _ => element(path(random), condition(random, depth - 1)),
    }
}

fn simple(random: &mut StdRng) -> Predicate {
    let path = path(random);
    let values = |random: &mut StdRng| {
        let len = random.random_range(0..4);
        (0..len).map(|_| value(random, 1)).collect::<Vec<_>>()
    };
    match random.random_range(0..20) {
        0..4 => compare(path, Comparison::Eq, value(random, 2)),
        4..10 => {
            let op = [Comparison::Gt, Comparison::Gte, Comparison::Lt, Comparison::Lte];
            compare(path, *op.choose(random).unwrap(), value(random, 1))
        }
        10..12 => is_in(path, values(random)),
        12..14 => exists(path, random.random_bool(0.5)),
        14..16 => {
            let op = [TextMatch::Prefix, TextMatch::Contains, TextMatch::Suffix];
            text(path, *op.choose(random).unwrap(), ["", "a", "b", "$", "A"].choose(random).unwrap())
        }
        16 => regex(path, ["^a", "b$", "^[aA]+$", "x|b"].choose(random).unwrap()),
        17..19 => has_all(path, values(random)),
        _ => size(path, random.random_range(0..3)),
    }
}

fn path(random: &mut StdRng) -> &'static str {
    PATHS.choose(random).unwrap()
}
