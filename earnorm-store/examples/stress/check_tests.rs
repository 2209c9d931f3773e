//! The checker sees each fault for what it is.

use super::super::line::{How, Line, Why};
use super::*;

const END: i64 = 4;

/// Four commits of one event, the last with a state document.
fn truth() -> Truth {
    let entry = |position: i64, stream, version| Entry {
        position,
        key: 100 + position.unsigned_abs(),
        version,
        stream,
        at: 0,
        part: (0, 1),
        closes: false,
    };
    Truth {
        entries: vec![entry(1, 0, 1), entry(2, 0, 2), entry(3, 1, 1), entry(4, 1, 2)],
        streams: vec!["shared-1".to_owned(), "account-a".to_owned()],
        accounts: HashMap::from([("a".to_owned(), (2, 104))]),
        ..Truth::default()
    }
}

fn ledger(seen: &[(i64, Key, u64)]) -> Ledger {
    let mut ledger = Ledger::default();
    ledger.enter(Line::Ack { first: 102, events: vec![(2, 2)], mark: 1, how: How::Plain, millis: 1 });
    ledger.enter(Line::Begin { reader: 0, after: 0 });
    ledger.enter(Line::Seen { reader: 0, events: seen.to_vec() });
    ledger.enter(Line::Done { reader: 0 });
    ledger
}

const ALL: [(i64, Key, u64); 4] = [(1, 101, 1), (2, 102, 2), (3, 103, 1), (4, 104, 2)];

fn reader_of(seen: &[(i64, Key, u64)]) -> ReaderVerdict {
    check(&ledger(seen), &truth(), END).readers[&0].clone()
}

fn with(change: impl FnOnce(&mut Ledger, &mut Truth)) -> Verdict {
    let (mut ledger, mut truth) = (ledger(&ALL), truth());
    change(&mut ledger, &mut truth);
    let verdict = check(&ledger, &truth, END);
    assert!(!verdict.is_fine());
    verdict
}

#[test]
fn a_run_without_faults_is_fine() {
    assert!(check(&ledger(&ALL), &truth(), END).is_fine());
}

#[test]
fn an_event_that_was_passed_is_missed() {
    let reader = reader_of(&[ALL[0], ALL[2], ALL[3]]);
    assert_eq!((reader.missed, reader.missed_acknowledged, reader.is_fine()), (1, 1, false));
    let reader = reader_of(&ALL[..2]);
    assert_eq!((reader.missed, reader.missed_acknowledged, reader.is_fine()), (2, 0, false));
}

#[test]
fn an_event_that_comes_again_is_doubled_and_one_that_comes_late_is_out_of_order() {
    let reader = reader_of(&[ALL[0], ALL[1], ALL[1], ALL[2], ALL[3]]);
    assert_eq!((reader.doubled, reader.out_of_order, reader.missed, reader.is_fine()), (1, 0, 0, false));
    let reader = reader_of(&[ALL[0], ALL[2], ALL[1], ALL[3]]);
    assert_eq!((reader.doubled, reader.out_of_order, reader.missed, reader.is_fine()), (0, 1, 0, false));
}

#[test]
fn an_event_that_is_not_in_the_log_like_this_is_strange() {
    assert_eq!(reader_of(&[ALL[0], (2, 999, 2), ALL[2], ALL[3]]).strange, 1);
    assert_eq!(reader_of(&[ALL[0], (2, 102, 7), ALL[2], ALL[3]]).strange, 1);
    assert_eq!(reader_of(&[ALL[0], ALL[1], ALL[2], ALL[3], (9, 109, 1)]).strange, 1);
}

#[test]
fn a_pass_that_was_broken_off_is_held_to_what_it_passed() {
    let mut ledger = ledger(&[ALL[0], ALL[1]]);
    ledger.enter(Line::Begin { reader: 0, after: 1 });
    ledger.enter(Line::Seen { reader: 0, events: ALL[1..].to_vec() });
    let verdict = check(&ledger, &truth(), END);
    assert!(verdict.is_fine(), "{verdict:?}");
    assert_eq!(verdict.readers[&0].passes, 2);
}

#[test]
fn a_reader_that_never_reaches_the_end_is_a_fault() {
    let verdict = with(|ledger, _| ledger.done.clear());
    assert!(!verdict.readers[&0].finished);
}

#[test]
fn what_writers_were_told_must_be_so() {
    let acked = |line| with(|ledger, _| ledger.enter(line)).acknowledged_lost;
    assert_eq!(acked(Line::Ack { first: 200, events: vec![(5, 1)], mark: 0, how: How::Plain, millis: 1 }), 1);
    assert_eq!(acked(Line::Ack { first: 103, events: vec![(3, 9)], mark: 0, how: How::Plain, millis: 1 }), 1);
    let refused = Line::No { first: 103, events: 2, how: How::Abort, why: Why::Aborted };
    assert_eq!(with(|ledger, _| ledger.enter(refused)).refused_found, 2);
    let behind = Line::Ack { first: 103, events: vec![(3, 1)], mark: 3, how: How::Plain, millis: 1 };
    assert_eq!(with(|ledger, _| ledger.enter(behind)).troubles, 1);
}

#[test]
fn the_log_must_be_whole() {
    assert_eq!(with(|_, truth| truth.holes = 1).holes, 1);
    assert_eq!(with(|_, truth| truth.entries[1].version = 3).version_faults, 1);
    assert_eq!(with(|_, truth| truth.entries[1].at = -1).time_faults, 1);
    assert_eq!(with(|_, truth| truth.entries[1].part = (0, 2)).torn, 1);
    assert_eq!(with(|_, truth| truth.entries[1].key = 101).log_doubled, 1);
}

#[test]
fn state_documents_stand_at_the_end_of_their_streams() {
    assert_eq!(with(|_, truth| truth.accounts.clear()).document_faults, 1);
    assert_eq!(with(|_, truth| truth.entries[3].closes = true).document_faults, 1);
    let stray = |truth: &mut Truth| truth.accounts.insert("b".to_owned(), (1, 1));
    assert_eq!(with(|_, truth| assert!(stray(truth).is_none())).document_faults, 1);
}
