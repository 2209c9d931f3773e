//! Laws that hold for all documents.

use bson::{Bson, Document};
use proptest::prelude::*;

use super::value;
use crate::predicate::{Comparison, Predicate};

fn path() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "0", "1"]), 1..4).prop_map(|names| names.join("."))
}

fn document() -> impl Strategy<Value = Document> {
    prop::collection::vec((prop::sample::select(vec!["a", "b"]), value()), 0..3)
        .prop_map(|fields| fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn predicate() -> impl Strategy<Value = Predicate> {
    use Comparison::{Eq, Gt, Gte, Lt, Lte};
    let op = prop::sample::select(vec![Eq, Gt, Gte, Lt, Lte]);
    let leaf = prop_oneof![
        (path(), op, value()).prop_map(|(path, op, value)| Predicate::Compare { path, op, value }),
        (path(), any::<bool>()).prop_map(|(path, present)| Predicate::Exists { path, present }),
        (path(), 0..3_u32).prop_map(|(path, len)| Predicate::Size { path, len }),
    ];
    leaf.prop_recursive(2, 8, 2, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Predicate::All),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Predicate::Any),
            inner.clone().prop_map(|inner| Predicate::Not(Box::new(inner))),
            (path(), inner).prop_map(|(path, inner)| Predicate::Element { path, predicate: Box::new(inner) }),
        ]
    })
}

fn holds(predicate: &Predicate, document: &Document) -> bool {
    predicate.matches(document).unwrap()
}

proptest! {
    #[test]
    fn not_and_and_or_obey_logic(p in predicate(), q in predicate(), document in document()) {
        let (left, right) = (holds(&p, &document), holds(&q, &document));
        prop_assert_eq!(holds(&!p.clone(), &document), !left);
        prop_assert_eq!(holds(&Predicate::Not(Box::new(!p.clone())), &document), left);
        prop_assert_eq!(holds(&p.clone().and(q.clone()), &document), left && right);
        prop_assert_eq!(holds(&p.clone().or(q.clone()), &document), left || right);
        let morgan = Predicate::Any(vec![!p.clone(), !q.clone()]);
        prop_assert_eq!(holds(&!p.and(q), &document), holds(&morgan, &document));
        prop_assert!(holds(&Predicate::always(), &document));
        prop_assert!(!holds(&Predicate::Any(Vec::new()), &document));
    }

    #[test]
    fn comparisons_agree_with_each_other(path in path(), value in value(), document in document()) {
        let with = |op| Predicate::Compare { path: path.clone(), op, value: value.clone() };
        let holds = |op| holds(&with(op), &document);
        prop_assert_eq!(holds(Comparison::Gte), holds(Comparison::Gt) || holds(Comparison::Eq));
        prop_assert_eq!(holds(Comparison::Lte), holds(Comparison::Lt) || holds(Comparison::Eq));
        let among = Predicate::In { path: path.clone(), values: vec![value.clone()] };
        prop_assert_eq!(among.matches(&document).unwrap(), holds(Comparison::Eq));
        let all = Predicate::HasAll { path: path.clone(), values: vec![value.clone()] };
        prop_assert_eq!(all.matches(&document).unwrap(), holds(Comparison::Eq));
    }

    #[test]
    fn what_a_field_holds_is_equal_to_itself(value in value()) {
        let document: Document = [("a".to_owned(), value.clone())].into_iter().collect();
        prop_assert!(holds(&Predicate::eq("a", value.clone()), &document));
        let exists = Predicate::Exists { path: "a".into(), present: true };
        prop_assert!(holds(&exists, &document));
        if let Bson::Array(items) = value {
            let size = Predicate::Size { path: "a".into(), len: u32::try_from(items.len()).unwrap() };
            prop_assert!(holds(&size, &document));
        }
    }
}
