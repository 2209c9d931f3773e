//! Entries from elsewhere, with their own positions.

use bson::doc;
use earnorm_core::Error;
use earnorm_core::commit::Commit;
use earnorm_core::event::RecordedEvent;
use earnorm_core::metadata::Metadata;
use earnorm_core::ports::{Ids, RandomIds};
use earnorm_core::position::Position;
use earnorm_core::store::LogEntry;
use earnorm_core::stream::ExpectedVersion::{Any, Exact, NoStream};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

use super::Subject;
use super::draft::{Draft, at, commit, named, seed};
use super::entries::ALL;
use super::subject::{conflict, last};

pub(super) async fn what_is_appended_is_read_everywhere(s: Subject) {
    let mut entries = vec![event(1, "a", 1), event(2, "b", 1), tombstone(3), event(4, "a", 2)];
    with_commit(&mut entries[0], 2);
    assert_eq!(append(&s, &entries).await, 4);
    let events: Vec<_> = entries.iter().filter_map(recorded).cloned().collect();
    assert_eq!(s.log_to(Position::new(4)).await, events);
    assert_eq!(s.events(&named("user", "a")).await, [events[0].clone(), events[2].clone()]);
    assert_eq!(s.admin().entries(ALL).await.unwrap(), entries);
    assert_eq!(s.high_water().await.unwrap(), Position::new(4));
    assert_eq!(s.admin().categories().await.unwrap(), ["user"]);
}

pub(super) async fn positions_between_become_tombstones(s: Subject) {
    let entries = [event(3, "a", 1), event(7, "a", 2)];
    append(&s, &entries).await;
    let found = s.admin().entries(ALL).await.unwrap();
    let expected = [1, 2].map(tombstone).into_iter().chain([entries[0].clone()]);
    let expected: Vec<_> = expected.chain([4, 5, 6].map(tombstone)).chain([entries[1].clone()]).collect();
    assert_eq!(found, expected);
    assert_eq!(s.log_to(Position::new(7)).await.len(), 2);
}

pub(super) async fn commits_go_on_behind_what_was_appended(s: Subject) {
    append(&s, &[event(5, "a", 1), event(6, "a", 2), tombstone(9)]).await;
    conflict(s.commit(commit().append(&named("user", "a"), NoStream, 1)).await);
    let receipt = s.commits(commit().append(&named("user", "a"), Exact(2), 1)).await;
    assert_eq!((receipt.events[0].version, receipt.events[0].position), (3, Position::new(10)));
    append(&s, &[event(11, "a", 4)]).await;
    let receipt = s.commits(commit().append(&named("user", "a"), Any, 1)).await;
    assert_eq!((receipt.events[0].version, receipt.events[0].position), (5, Position::new(12)));
    let log = s.log_to(Position::new(12)).await;
    assert_eq!(log.iter().map(|event| event.version).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
}

pub(super) async fn appending_again_changes_nothing(s: Subject) {
    let entries: Vec<_> =
        (1..=9_i64).map(|n| if n % 4 == 0 { tombstone(n) } else { event(n, &n.to_string(), 1) }).collect();
    assert_eq!(append(&s, &entries[..5]).await, 5);
    assert_eq!(append(&s, &entries[..5]).await, 0);
    assert_eq!(append(&s, &entries).await, 4, "an import that stopped goes on");
    assert_eq!(append(&s, &[]).await, 0);
    assert_eq!(s.admin().entries(ALL).await.unwrap(), entries);
}

pub(super) async fn what_differs_from_what_is_there_is_refused(s: Subject) {
    let entries = [event(1, "a", 1), tombstone(2), event(3, "a", 2)];
    append(&s, &entries).await;
    refused(&s, &[event(1, "a", 1)], 1, "user-a").await;
    refused(&s, &[event(2, "b", 1)], 2, "user-b").await;
    refused(&s, &[tombstone(3)], 3, "tombstone").await;
    let mut changed = entries[2].clone();
    if let LogEntry::Event { event, .. } = &mut changed {
        event.data = doc! { "of": "something else" }.into();
    }
    refused(&s, &[entries[0].clone(), changed], 3, "user-a").await;
    let mut named = entries[0].clone();
    with_commit(&mut named, 1);
    refused(&s, &[named], 1, "user-a").await;
    assert_eq!(s.admin().entries(ALL).await.unwrap(), entries);
}

pub(super) async fn what_does_not_follow_is_refused(s: Subject) {
    let mut first = event(4, "a", 1);
    with_commit(&mut first, 1);
    append(&s, &[first.clone()]).await;
    refused(&s, &[event(5, "a", 3)], 5, "user-a").await;
    refused(&s, &[event(5, "a", 1)], 5, "user-a").await;
    refused(&s, &[event(5, "b", 1), event(6, "b", 3)], 6, "user-b").await;
    refused(&s, &[event(5, "b", 1), event(6, "b", 1)], 6, "user-b").await;
    refused(&s, &[event(6, "b", 1), event(5, "c", 1)], 5, "user-c").await;
    refused(&s, &[event(5, "b", 1), event(5, "c", 1)], 5, "user-c").await;
    refused(&s, &[event(3, "b", 1)], 3, "user-b").await;
    refused(&s, &[event(0, "b", 1)], 0, "user-b").await;
    refused(&s, &[event(5, "b", 0)], 5, "user-b").await;
    assert!(refused(&s, &[moved(&first, 5, "b")], 5, "user-b").await.contains("event id"));
    let twin = event(5, "b", 1);
    refused(&s, &[twin.clone(), moved(&twin, 6, "c")], 6, "user-c").await;
    let mut same_commit = event(5, "b", 1);
    if let (LogEntry::Event { commit: theirs, .. }, LogEntry::Event { commit, .. }) = (&first, &mut same_commit) {
        *commit = *theirs;
    }
    assert!(refused(&s, &[same_commit], 5, "user-b").await.contains("commit id"));
    let events = s.log_to(Position::new(4)).await;
    assert_eq!(events.len(), 1, "what was refused left nothing: {events:?}");
    append(&s, &[event(5, "a", 2)]).await;
    // What a commit wrote counts as what was appended does.
    let sent = commit().append(&named("user", "d"), Any, 1);
    let written = s.commits(sent.clone()).await;
    s.settle(last(&written)).await;
    let next = last(&written).get() + 1;
    let (mut same_event, mut same_commit) = (event(next, "e", 1), event(next, "e", 1));
    if let LogEntry::Event { event, .. } = &mut same_event {
        event.id = written.events[0].id;
    }
    if let LogEntry::Event { commit, .. } = &mut same_commit {
        *commit = Some((sent.id, 1));
    }
    assert!(refused(&s, &[same_event], next, "user-e").await.contains("event id"));
    assert!(refused(&s, &[same_commit], next, "user-e").await.contains("commit id"));
}

pub(super) async fn what_no_commit_could_have_written_is_refused(s: Subject) {
    let changed = |change: fn(&mut RecordedEvent)| {
        let mut entry = event(2, "b", 1);
        if let LogEntry::Event { event, .. } = &mut entry {
            change(event);
        }
        entry
    };
    append(&s, &[event(1, "a", 1)]).await;
    let wrong = [
        changed(|event| event.event_type = "User.Noted".to_owned()),
        changed(|event| event.data = (0..70).fold(doc! {}, |inner, _| doc! { "a": inner }).into()),
        changed(|event| event.data = doc! { "$set": 1 }.into()),
        changed(|event| event.data = doc! { "x": "x".repeat(16 * 1024 * 1024) }.into()),
        changed(|event| event.metadata = Metadata::new().actor("x".repeat(9_000))),
    ];
    for entry in wrong {
        refused(&s, &[entry], 2, "user-b").await;
    }
    assert_eq!(s.log_to(Position::new(1)).await.len(), 1);
}

pub(super) async fn a_stream_may_begin_above_its_first_version(s: Subject) {
    append(&s, &[event(40, "a", 7), event(41, "a", 8)]).await;
    s.settle(Position::new(41)).await;
    let versions: Vec<_> = s.events(&named("user", "a")).await.iter().map(|event| event.version).collect();
    assert_eq!(versions, [7, 8]);
    let heads = s.admin().streams("user", None, 9).await.unwrap();
    assert_eq!((heads.len(), heads[0].first, heads[0].last), (1, 7, 8));
    let refused = conflict(s.commit(commit().append(&named("user", "a"), NoStream, 1)).await);
    assert_eq!((refused.expected, refused.actual), (NoStream, 8), "its first version is gone, and it is no new stream");
    let receipt = s.commits(commit().append(&named("user", "a"), Exact(8), 1)).await;
    assert_eq!(receipt.events[0].version, 9);
    conflict(s.commit(commit().append(&named("user", "a"), Exact(3), 1)).await);
}

pub(super) async fn a_commit_that_was_appended_is_known(s: Subject) {
    let sent: Commit = commit().append(&named("user", "a"), Any, 2).append(&named("user", "b"), Any, 1);
    let receipt = s.commits(sent.clone()).await;
    s.settle(last(&receipt)).await;
    let entries = s.admin().entries(ALL).await.unwrap();
    let store = s.fixture.store().await;
    let other = Subject::new(store.clone(), s.fixture.clone());
    append(&other, &entries).await;
    assert_eq!(other.admin().entries(ALL).await.unwrap(), entries, "a log is the same at its new place");
    assert_eq!(other.commits(sent).await, receipt);
    assert_eq!(other.log_to(last(&receipt)).await.len(), 3, "it was not applied again");
    s.fixture.discard(&store).await;
}

pub(super) async fn every_value_comes_along(s: Subject) {
    let data = doc! {
        "nan": f64::NAN, "int": 1_i32, "long": 1_i64, "text": "ü", "null": null, "list": [1, [2.5], {}],
        "date": bson::DateTime::from_millis(-5), "z": 1, "a": 2,
    };
    let mut entry = event(1, "a", 1);
    if let LogEntry::Event { event, .. } = &mut entry {
        event.data = data.clone().into();
        event.metadata = Metadata::new().actor("ada").correlation_id("c").causation_id("b").traceparent("00-x");
        event.metadata.extra = doc! { "z": 1, "a": f64::NAN };
        event.schema_version = 9;
        event.recorded_at = at(-123_456_789);
    }
    append(&s, std::slice::from_ref(&entry)).await;
    let found = s.log_to(Position::new(1)).await.remove(0);
    super::subject::same(found.data().unwrap(), &data);
    let sent = recorded(&entry).unwrap();
    super::subject::same(&found.metadata.extra, &sent.metadata.extra);
    assert_eq!((found.recorded_at, found.schema_version, found.id), (sent.recorded_at, 9, sent.id));
    assert_eq!(found.metadata.traceparent.as_deref(), Some("00-x"));
    assert_eq!(append(&s, &[entry]).await, 0, "it is the same as itself, numbers that are none included");
}

pub(super) async fn any_list_is_appended_or_refused_as_a_whole(s: Subject) {
    let mut random = StdRng::seed_from_u64(seed(77));
    let (mut end, mut stored) = (0_i64, Vec::new());
    for round in 0..30 {
        let category = format!("r{round}");
        let mut entries = Vec::new();
        let mut position = end;
        for version in 1..=random.random_range(2..6_u64) {
            position += if random.random_bool(0.3) { 3 } else { 1 };
            entries.push(entry_of(named(&category, "x"), position, version));
        }
        let honest = entries.clone();
        match random.random_range(0..4) {
            0 => entries.shuffle(&mut random),
            1 => entries.push(entries[0].clone()),
            2 => drop(entries.remove(random.random_range(1..entries.len().max(2)).min(entries.len() - 1))),
            _ => {}
        }
        let in_order = entries.iter().filter_map(recorded).map(|event| event.version).eq(1..=entries.len() as u64);
        match s.admin().append_entries(entries.clone()).await {
            Ok(written) => {
                assert!(in_order, "{entries:?}");
                assert_eq!(written, entries.len() as u64);
                end = entries.last().unwrap().position().get();
                stored.extend(entries.iter().filter_map(recorded).cloned());
            }
            Err(error) => {
                assert!(matches!(error, Error::Corrupt { .. }), "{error}");
                assert!(!in_order || entries.len() > honest.len(), "{error}: {entries:?}");
            }
        }
    }
    assert_eq!(s.log_to(Position::new(end)).await, stored);
    assert_eq!(s.high_water().await.unwrap().get(), end);
}

pub(super) fn event(position: i64, key: &str, version: u64) -> LogEntry {
    entry_of(named("user", key), position, version)
}

fn entry_of(stream: earnorm_core::stream::StreamId, position: i64, version: u64) -> LogEntry {
    let event = RecordedEvent {
        id: RandomIds.next(),
        event_type: format!("{}.noted", stream.category()),
        stream,
        version,
        position: Position::new(position),
        schema_version: 1,
        data: doc! { "of": position }.into(),
        metadata: Metadata::new(),
        recorded_at: at(position),
    };
    LogEntry::Event { event, commit: None }
}

/// The same event id elsewhere.
fn moved(entry: &LogEntry, position: i64, key: &str) -> LogEntry {
    let mut twin = event(position, key, 1);
    if let (LogEntry::Event { event, .. }, Some(original)) = (&mut twin, recorded(entry)) {
        event.id = original.id;
    }
    twin
}

fn tombstone(position: i64) -> LogEntry {
    LogEntry::Tombstone(Position::new(position))
}

fn with_commit(entry: &mut LogEntry, events: usize) {
    if let LogEntry::Event { commit, .. } = entry {
        *commit = Some((RandomIds.next(), events));
    }
}

fn recorded(entry: &LogEntry) -> Option<&RecordedEvent> {
    super::entries::event(entry).map(|(event, _)| event)
}

async fn append(s: &Subject, entries: &[LogEntry]) -> u64 {
    let written = s.admin().append_entries(entries.to_vec()).await.unwrap();
    if let Some(last) = entries.last() {
        assert!(s.high_water().await.unwrap() >= last.position(), "what was appended is final");
    }
    written
}

/// Why a list is refused.
async fn refused(s: &Subject, entries: &[LogEntry], position: i64, named: &str) -> String {
    match s.admin().append_entries(entries.to_vec()).await {
        Err(Error::Corrupt { subject, reason }) => {
            assert!(subject.contains(&position.to_string()) && subject.contains(named), "{subject}: {reason}");
            assert!(!reason.is_empty());
            reason
        }
        other => panic!("expected a refusal of position {position}, not {other:?}"),
    }
}
