//! Upkeep of the log: what was truncated is gone, and counted as nothing.

use earnorm_core::Error;
use earnorm_core::event::RecordedEvent;
use earnorm_core::position::Position;
use earnorm_core::store::{EntryQuery, LogEntry, StoreAdmin};
use earnorm_core::stream::ExpectedVersion::NoStream;

use super::*;

/// Eight positions: events of one stream at 1, 2, 4, 5 and 7, tombstones at the others.
fn log() -> Vec<LogEntry> {
    let mut versions = 1..;
    let entry = |position: i64| {
        if [3, 6, 8].contains(&position) {
            return LogEntry::Tombstone(Position::new(position));
        }
        let event = RecordedEvent {
            id: Uuid::from_u128(position as u128),
            stream: stream("a"),
            version: versions.next().unwrap(),
            position: Position::new(position),
            event_type: "user.changed".into(),
            schema_version: 1,
            data: doc! { "n": position }.into(),
            metadata: Metadata::new(),
            recorded_at: moment(position),
        };
        LogEntry::Event { event, commit: None }
    };
    (1..=8).map(entry).collect()
}

/// What the log holds: events and tombstones, as they are counted, and the positions that have an entry.
async fn held(store: &MemoryStore) -> ([i64; 2], Vec<i64>) {
    let findings = store.examine().await.unwrap();
    let counted = |subject: &str| {
        findings
            .iter()
            .find(|finding| finding.subject == subject)
            .unwrap()
            .value
            .as_ref()
            .and_then(Bson::as_i64)
            .unwrap()
    };
    let query = EntryQuery { after: Position::START, upto: Position::END, limit: 100 };
    let entries = store.entries(query).await.unwrap();
    ([counted("log"), counted("holes")], entries.iter().map(|entry| entry.position().get()).collect())
}

#[tokio::test]
async fn what_was_truncated_is_neither_there_nor_a_tombstone() {
    let positions = |list: &[i64]| list.iter().copied().map(Position::new).collect::<Vec<_>>();
    let store = MemoryStore::new();
    assert_eq!(held(&store).await, ([0, 0], vec![]));
    assert_eq!(store.append_entries(log()).await.unwrap(), 8);
    assert_eq!(held(&store).await, ([5, 3], (1..=8).collect()));
    // Only what stands below is kept: 7 stays by itself.
    assert_eq!(store.truncate(Position::new(5), &positions(&[2, 3, 7])).await.unwrap(), 3);
    assert_eq!(held(&store).await, ([2, 3], vec![2, 3, 6, 7, 8]));
    assert_eq!(store.truncate(Position::new(6), &positions(&[3])).await.unwrap(), 2);
    assert_eq!(held(&store).await, ([1, 2], vec![3, 7, 8]));
    for limit in 1..4 {
        let query = EntryQuery { after: Position::START, upto: Position::new(7), limit };
        assert_eq!(store.entries(query).await.unwrap().len(), limit.min(2), "3 and 7");
    }
    for (after, there) in [(2, 2), (3, 1), (6, 1), (7, 0)] {
        let query = EntryQuery { after: Position::new(after), upto: Position::new(7), limit: 9 };
        assert_eq!(store.entries(query).await.unwrap().len(), there, "behind {after}");
    }
    for entry in log() {
        let position = entry.position().get();
        match store.append_entries(vec![entry]).await {
            Ok(written) => assert!([3, 7, 8].contains(&position) && written == 0, "{position}"),
            Err(error) => {
                assert!(![3, 7, 8].contains(&position), "{position}: {error}");
                assert!(error.to_string().contains("truncated up to position 6"), "{error}");
            }
        }
    }
    let other = store.append_entries(vec![LogEntry::Tombstone(Position::new(7))]).await.unwrap_err();
    assert!(matches!(other, Error::Corrupt { .. }), "{other}");
}

#[tokio::test]
async fn a_commit_whose_events_were_truncated_is_forgotten() {
    let store = MemoryStore::new();
    let sent = commit("a", NoStream, vec![]);
    let kept = commit("b", NoStream, vec![]);
    let first = store.commit(sent.clone()).await.unwrap();
    let second = store.commit(kept.clone()).await.unwrap();
    store.truncate(first.events[0].position, &[]).await.unwrap();
    assert_eq!(store.commit(kept).await.unwrap(), second);
    let again = store.commit(sent).await.unwrap();
    assert_eq!((again.events.len(), again.events[0].position), (1, second.events[0].position.next()));
}
