//! And, or, not.

use bson::doc;
use earnorm_core::predicate::Comparison::{Gt, Lt};
use earnorm_core::predicate::Predicate;

use super::Subject;
use super::draft::{compare, eq, exists, is_in, regex, size, thing};

pub(super) async fn all_holds_when_each_part_holds(s: Subject) {
    grid(&s).await;
    s.expect(eq("a", 1).and(eq("b", 2)), &[5]).await;
    s.expect(Predicate::All(vec![compare("a", Gt, 0), compare("a", Lt, 2), eq("b", 1)]), &[4]).await;
    s.expect(Predicate::All(vec![eq("a", 1)]), &[3, 4, 5]).await;
}

pub(super) async fn all_of_nothing_holds(s: Subject) {
    grid(&s).await;
    let all: Vec<i32> = (0..9).collect();
    s.expect(Predicate::All(vec![]), &all).await;
    s.expect(!Predicate::All(vec![]), &[]).await;
    s.expect(Predicate::All(vec![Predicate::All(vec![]), eq("a", 2)]), &[6, 7, 8]).await;
}

pub(super) async fn any_holds_when_one_part_holds(s: Subject) {
    grid(&s).await;
    s.expect(eq("a", 0).or(eq("b", 0)), &[0, 1, 2, 3, 6]).await;
    s.expect(Predicate::Any(vec![eq("a", 7), eq("b", 1)]), &[1, 4, 7]).await;
}

pub(super) async fn any_of_nothing_never_holds(s: Subject) {
    grid(&s).await;
    let all: Vec<i32> = (0..9).collect();
    s.expect(Predicate::Any(vec![]), &[]).await;
    s.expect(!Predicate::Any(vec![]), &all).await;
    s.expect(Predicate::Any(vec![Predicate::Any(vec![]), eq("a", 2)]), &[6, 7, 8]).await;
    s.expect(eq("a", 2).and(Predicate::Any(vec![])), &[]).await;
}

pub(super) async fn not_turns_every_kind_of_condition_around(s: Subject) {
    grid(&s).await;
    let conditions = [
        (eq("a", 1), vec![0, 1, 2, 6, 7, 8]),
        (compare("a", Gt, 0), vec![0, 1, 2]),
        (is_in("a", [0.into(), 1.into()]), vec![6, 7, 8]),
        (exists("a", true), vec![]),
        (size("a", 0), (0..9).collect()),
        (regex("a", "x"), (0..9).collect()),
        (eq("a", 1).and(eq("b", 1)), vec![0, 1, 2, 3, 5, 6, 7, 8]),
        (eq("a", 1).or(eq("b", 1)), vec![0, 2, 6, 8]),
    ];
    for (condition, without) in conditions {
        s.expect(Predicate::Not(Box::new(condition.clone())), &without).await;
        let twice = Predicate::Not(Box::new(Predicate::Not(Box::new(condition.clone()))));
        let with: Vec<i32> = (0..9).filter(|id| !without.contains(id)).collect();
        s.expect(twice, &with).await;
        s.expect(condition, &with).await;
    }
}

pub(super) async fn conditions_nest(s: Subject) {
    grid(&s).await;
    let either = eq("a", 0).and(eq("b", 0)).or(eq("a", 2).and(!eq("b", 2)));
    s.expect(either.clone(), &[0, 6, 7]).await;
    s.expect((!either).and(eq("a", 2)), &[8]).await;
    let deep = (0..20).fold(eq("a", 1), |inner, _| Predicate::All(vec![Predicate::Any(vec![inner])]));
    s.expect(deep, &[3, 4, 5]).await;
}

/// Nine documents: `a` and `b` from 0 to 2.
async fn grid(s: &Subject) {
    s.put((0..9_i32).map(|id| thing(id, doc! { "a": id / 3, "b": id % 3 }))).await;
}
