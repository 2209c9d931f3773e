//! The log as it stands, tombstones included.

use earnorm_core::position::Position;
use earnorm_core::store::{EntryQuery, LogEntry};
use earnorm_core::stream::ExpectedVersion::Any;

use super::draft::{Draft, commit, stream};
use super::subject::last;
use super::{Sabotage, Subject};

/// Every entry.
pub(super) const ALL: EntryQuery = EntryQuery { after: Position::START, upto: Position::END, limit: usize::MAX };

pub(super) async fn entries_are_the_events_with_their_commits(s: Subject) {
    let one = commit().append(&stream("user"), Any, 2).append(&stream("order"), Any, 1);
    let two = commit().append(&stream("user"), Any, 1);
    s.commits(one.clone()).await;
    let end = last(&s.commits(two.clone()).await);
    let log = s.log_to(end).await;
    let entries = s.admin().entries(ALL).await.unwrap();
    let told: Vec<_> = entries.iter().filter_map(event).collect();
    assert_eq!(told.iter().map(|(event, _)| *event).collect::<Vec<_>>(), log.iter().collect::<Vec<_>>());
    let commits: Vec<_> = told.iter().map(|(_, commit)| *commit).collect();
    assert_eq!(commits, [Some((one.id, 3)), None, None, Some((two.id, 1))]);
}

pub(super) async fn entries_are_cut_by_position_and_limit(s: Subject) {
    let end = last(&s.commits(commit().append(&stream("user"), Any, 9)).await);
    s.settle(end).await;
    let at = |number| Position::new(end.get() - 9 + number);
    let read = async |after: i64, upto: i64, limit| {
        let entries = s.admin().entries(EntryQuery { after: at(after), upto: at(upto), limit }).await.unwrap();
        entries.iter().map(|entry| entry.position().get() - at(0).get()).collect::<Vec<_>>()
    };
    assert_eq!(read(2, 5, 100).await, [3, 4, 5]);
    assert_eq!(read(2, 8, 3).await, [3, 4, 5]);
    assert_eq!(read(8, 100, 100).await, [9]);
    assert_eq!(read(9, 100, 100).await, [0_i64; 0]);
    assert_eq!(read(5, 4, 100).await, [0_i64; 0]);
}

pub(super) async fn every_position_up_to_the_mark_has_an_entry(s: Subject) {
    let mut end = Position::START;
    for _ in 0..3 {
        s.fixture.sabotage(&s.store, commit().append(&stream("user"), Any, 2), Sabotage::AbandonAfterReserve).await;
        end = last(&s.commits(commit().append(&stream("user"), Any, 2)).await);
    }
    s.settle(end).await;
    let entries = s.admin().entries(ALL).await.unwrap();
    assert!(entries.iter().map(|entry| entry.position().get()).eq(1..=end.get()), "{entries:?}");
    assert_eq!(entries.iter().filter_map(event).count(), 6);
    let holes = entries.iter().any(|entry| matches!(entry, LogEntry::Tombstone(_)));
    assert_eq!(holes, s.capabilities().reserves_positions, "what was given up is told as such");
}

/// The event of an entry, and the commit that it begins.
pub(super) fn event(entry: &LogEntry) -> Option<(&earnorm_core::event::RecordedEvent, Option<(uuid::Uuid, usize)>)> {
    match entry {
        LogEntry::Event { event, commit } => Some((event, *commit)),
        LogEntry::Tombstone(_) => None,
    }
}
