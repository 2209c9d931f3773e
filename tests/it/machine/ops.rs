//! What the machine can do, and how its random programs are made.

use proptest::prelude::*;

use super::models::{Change, Facts};

/// Which of the three kinds of instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Of {
    Soft,
    Plain,
    Till,
}

pub(super) const ALL: [Of; 3] = [Of::Soft, Of::Plain, Of::Till];
/// How many entities of one kind are held at a time, so that some of them are stale.
pub(super) const HANDS: usize = 3;
/// How many instances of one kind there can be.
pub(super) const IDS: i64 = 3;

/// A step that writes through an entity that is held, at once or as a part of a unit of work.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Write {
    Create { hand: usize, id: i64, facts: Facts },
    Change { hand: usize, change: Change },
    Save { hand: usize },
    Delete { hand: usize },
    HardDelete { hand: usize },
    Restore { hand: usize },
}

/// How a unit of work ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Commit,
    Rollback,
    Drop,
}

/// One step of a program.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Op {
    /// Takes an instance into a hand.
    Take {
        of: Of,
        hand: usize,
        id: i64,
        deleted_too: bool,
    },
    /// Takes a copy of what another hand holds, with what was not saved.
    Copy {
        of: Of,
        hand: usize,
        from: usize,
    },
    Reload {
        of: Of,
        hand: usize,
    },
    Write(Of, Write),
    Unit(Vec<(Of, Write)>, End),
    /// Saves the values of an earlier version.
    Revert {
        of: Of,
        hand: usize,
        version: u64,
    },
    /// Brings a deleted instance back by its id.
    RestoreId {
        of: Of,
        hand: usize,
        id: i64,
    },
    CreateMany {
        of: Of,
        new: Vec<(i64, Facts)>,
    },
    /// Changes every instance whose number is at least `n`.
    BulkUpdate {
        of: Of,
        n: i64,
        change: Change,
    },
    BulkDelete {
        of: Of,
        n: i64,
    },
    Retry {
        of: Of,
        hand: usize,
        id: i64,
        change: Change,
    },
    FindOrCreate {
        of: Of,
        hand: usize,
        id: i64,
        facts: Facts,
    },
    Upsert {
        of: Of,
        hand: usize,
        id: i64,
        facts: Facts,
        change: Change,
    },
    /// Compares an instance with what it was at a version, and at the time of that version.
    Past {
        of: Of,
        id: i64,
        version: u64,
    },
    /// Makes the documents of a kind anew from the log.
    Rebuild(Of),
    /// From here on folds leave a snapshot behind every so many events.
    Snapshots(u64),
    /// Time passes, in milliseconds; a clock may also be set back.
    Clock(i64),
    /// Compares everything.
    Check,
}

fn of() -> impl Strategy<Value = Of> {
    prop::sample::select(&ALL[..])
}

fn code() -> impl Strategy<Value = Option<char>> {
    prop::option::weighted(0.7, prop::sample::select(vec!['a', 'b']))
}

fn facts() -> impl Strategy<Value = Facts> {
    (code(), 0..4_i64).prop_map(|(code, n)| Facts { code, n, parts: Vec::new() })
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        2 => code().prop_map(Change::Code),
        2 => (0..4_i64).prop_map(Change::N),
        2 => (0..9).prop_map(Change::Push),
        1 => Just(Change::Note),
    ]
}

fn write() -> impl Strategy<Value = Write> {
    let hand = 0..HANDS;
    prop_oneof![
        4 => (hand.clone(), 1..=IDS, facts()).prop_map(|(hand, id, facts)| Write::Create { hand, id, facts }),
        7 => (hand.clone(), change()).prop_map(|(hand, change)| Write::Change { hand, change }),
        7 => hand.clone().prop_map(|hand| Write::Save { hand }),
        2 => hand.clone().prop_map(|hand| Write::Delete { hand }),
        1 => hand.clone().prop_map(|hand| Write::HardDelete { hand }),
        2 => hand.prop_map(|hand| Write::Restore { hand }),
    ]
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![4 => Just(End::Commit), 1 => Just(End::Rollback), 1 => Just(End::Drop)]
}

fn many() -> impl Strategy<Value = Op> {
    let (hand, id) = (0..HANDS, 1..=IDS);
    prop_oneof![
        2 => (of(), prop::collection::vec((1..=IDS, facts()), 1..4)).prop_map(|(of, new)| Op::CreateMany { of, new }),
        3 => (of(), 0..4_i64, change()).prop_map(|(of, n, change)| Op::BulkUpdate { of, n, change }),
        1 => (of(), 1..4_i64).prop_map(|(of, n)| Op::BulkDelete { of, n }),
        2 => (of(), hand.clone(), id.clone(), change()).prop_map(|(of, hand, id, change)| Op::Retry { of, hand, id, change }),
        1 => (of(), hand.clone(), id.clone(), facts())
            .prop_map(|(of, hand, id, facts)| Op::FindOrCreate { of, hand, id, facts }),
        1 => (of(), hand, id, facts(), change())
            .prop_map(|(of, hand, id, facts, change)| Op::Upsert { of, hand, id, facts, change }),
    ]
}

fn looks() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (of(), 1..=IDS, 0..12_u64).prop_map(|(of, id, version)| Op::Past { of, id, version }),
        1 => of().prop_map(Op::Rebuild),
        1 => (1..4_u64).prop_map(Op::Snapshots),
        3 => (-2_000..5_000_i64).prop_map(Op::Clock),
        1 => Just(Op::Check),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let hand = 0..HANDS;
    let steps = prop::collection::vec((of(), write()), 1..8);
    prop_oneof![
        6 => (of(), hand.clone(), 1..=IDS, any::<bool>())
            .prop_map(|(of, hand, id, deleted_too)| Op::Take { of, hand, id, deleted_too }),
        1 => (of(), hand.clone(), 0..HANDS).prop_map(|(of, hand, from)| Op::Copy { of, hand, from }),
        1 => (of(), hand.clone()).prop_map(|(of, hand)| Op::Reload { of, hand }),
        24 => (of(), write()).prop_map(|(of, write)| Op::Write(of, write)),
        6 => (steps, end()).prop_map(|(steps, end)| Op::Unit(steps, end)),
        2 => (of(), hand.clone(), 1..6_u64).prop_map(|(of, hand, version)| Op::Revert { of, hand, version }),
        2 => (of(), hand, 1..=IDS).prop_map(|(of, hand, id)| Op::RestoreId { of, hand, id }),
        6 => many(),
        5 => looks(),
    ]
}

/// A random program.
pub(super) fn program() -> impl Strategy<Value = Vec<Op>> {
    prop::collection::vec(op(), 1..60)
}
