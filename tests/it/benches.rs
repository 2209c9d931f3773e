//! The harness of the benches: verdicts are computed from what was measured, and what cannot be compared is refused.

#[allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, unreachable_pub, reason = "made for benches")]
#[path = "../../benches/harness/mod.rs"]
mod harness;

use harness::{Measured, Promise, Verdict, in_turn, percentiles};

fn measured(promise: Promise, rounds: &[(f64, f64)]) -> Measured {
    let mut measured = Measured::new("a case", promise);
    measured.rounds = rounds.to_vec();
    measured
}

#[test]
fn the_median_decides() {
    let rounds = [(80.0, 100.0), (10.0, 100.0), (90.0, 100.0)];
    assert_eq!(measured(Promise::AtLeast(0.8), &rounds).verdict(), Verdict::Kept);
    assert_eq!(measured(Promise::AtLeast(0.81), &rounds).verdict(), Verdict::NotKept);
    assert_eq!(measured(Promise::None("only shown"), &rounds).verdict(), Verdict::NoPromise);
}

#[test]
fn costs_are_the_other_way_round() {
    let twice = [(50.0, 100.0)];
    assert_eq!(measured(Promise::AtMost(2.0), &twice).cost().verdict(), Verdict::Kept);
    assert_eq!(measured(Promise::AtMost(1.9), &twice).cost().verdict(), Verdict::NotKept);
    assert_eq!(measured(Promise::AtMost(0.5), &twice).amount("ms").verdict(), Verdict::Kept);
    assert_eq!(measured(Promise::AtMost(49.0), &twice).alone("KiB").verdict(), Verdict::NotKept);
}

#[test]
fn what_was_not_measured_keeps_nothing() {
    assert_eq!(measured(Promise::AtLeast(0.0), &[]).verdict(), Verdict::NotKept);
    assert_eq!(measured(Promise::AtMost(9.0), &[]).verdict(), Verdict::NotKept);
}

#[test]
fn ways_that_are_not_equally_durable_are_not_compared() {
    let fast = measured(Promise::AtLeast(0.5), &[(100.0, 100.0)]);
    let unequal = fast.kept_as(&("w: majority, journalled".into(), "w: 1".into()));
    assert_eq!(unequal.verdict(), Verdict::Refused);
    let equal = unequal.kept_as(&("w: majority, journalled".into(), "w: majority, journalled".into()));
    assert_eq!(equal.verdict(), Verdict::Kept);
}

#[tokio::test]
async fn ways_take_turns_and_the_first_round_does_not_count() {
    let turns = std::cell::RefCell::new(String::new());
    let mut measured = Measured::new("a case", Promise::AtLeast(0.0));
    let ours = async |round| turns.borrow_mut().push_str(&format!("o{round}"));
    in_turn(&mut measured, 2, 1, ours, async |round| turns.borrow_mut().push_str(&format!("p{round}"))).await;
    assert_eq!(turns.into_inner(), "o0p0p1o1o2p2");
    assert_eq!(measured.rounds.len(), 2);
}

#[test]
fn percentiles_are_of_the_sorted_values() {
    let values = (0..100).rev().map(f64::from);
    assert_eq!(percentiles(values), [50.0, 95.0, 99.0]);
}
