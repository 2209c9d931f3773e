//! Reading one stream.

use bson::{Bson, doc};
use earnorm_core::metadata::Metadata;
use earnorm_core::store::StreamQuery;
use earnorm_core::stream::ExpectedVersion::{Any, NoStream};
use earnorm_core::stream::StreamId;

use super::Subject;
use super::draft::{Draft, commit, event_at, stream};
use super::subject::same;

pub(super) async fn a_stream_that_is_not_there_is_empty(s: Subject) {
    s.commits(commit().append(&stream("user"), NoStream, 1)).await;
    let one = stream("user");
    assert_eq!(s.events(&one).await, []);
    s.commits(commit().append(&one, NoStream, 1)).await;
    assert_eq!(s.events(&one).await.len(), 1);
}

pub(super) async fn events_are_read_as_they_were_written(s: Subject) {
    let one = stream("user");
    let mut written = event_at("user.renamed", 77);
    written.schema_version = 3;
    written.data = doc! { "old": null, "new": "Ada", "n": 5_i64, "list": [1, "x", { "y": 1.5 }] };
    written.metadata = Metadata::new()
        .actor("ada")
        .correlation_id("flow-1")
        .causation_id("command-9")
        .traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .extra("tenant", "t1")
        .extra("nested", Bson::from(doc! { "a": [1, null] }));
    s.commits(commit().append_events(&one, NoStream, vec![written.clone()])).await;
    let read = s.events(&one).await.remove(0);
    assert_eq!((read.id, &read.event_type, read.schema_version), (written.id, &written.event_type, 3));
    assert_eq!((&read.stream, read.version), (&one, 1));
    assert_eq!(read.metadata, written.metadata);
    assert_eq!(read.recorded_at, written.recorded_at);
    same(read.data().unwrap(), &written.data);
}

pub(super) async fn events_without_metadata_stay_without(s: Subject) {
    let one = stream("user");
    s.commits(commit().append(&one, NoStream, 1)).await;
    assert!(s.events(&one).await[0].metadata.is_empty());
}

pub(super) async fn a_range_of_versions_holds_both_ends(s: Subject) {
    let one = ten(&s).await;
    assert_eq!(versions(&s, &one, |query| (query.from, query.to) = (3, 5)).await, [3, 4, 5]);
    assert_eq!(versions(&s, &one, |query| query.from = 9).await, [9, 10]);
    assert_eq!(versions(&s, &one, |query| query.to = 2).await, [1, 2]);
    assert_eq!(versions(&s, &one, |query| (query.from, query.to) = (4, 4)).await, [4]);
    assert!(versions(&s, &one, |query| query.from = 11).await.is_empty());
    assert!(versions(&s, &one, |query| (query.from, query.to) = (5, 4)).await.is_empty());
}

pub(super) async fn a_limit_counts_from_where_the_reading_starts(s: Subject) {
    let one = ten(&s).await;
    assert_eq!(versions(&s, &one, |query| query.limit = 3).await, [1, 2, 3]);
    assert_eq!(versions(&s, &one, |query| (query.limit, query.from) = (2, 6)).await, [6, 7]);
    let newest = |query: &mut StreamQuery| (query.limit, query.to, query.backwards) = (2, 6, true);
    assert_eq!(versions(&s, &one, newest).await, [6, 5]);
}

pub(super) async fn a_stream_is_read_backwards(s: Subject) {
    let one = ten(&s).await;
    assert_eq!(versions(&s, &one, |query| query.backwards = true).await, [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
    let middle = |query: &mut StreamQuery| (query.from, query.to, query.backwards) = (3, 5, true);
    assert_eq!(versions(&s, &one, middle).await, [5, 4, 3]);
    assert_eq!(s.version(&one).await, 10, "the last event is the one with the highest version");
}

pub(super) async fn events_never_change(s: Subject) {
    let one = ten(&s).await;
    let before = s.events(&one).await;
    assert_eq!(before.len(), 10);
    for _ in 0..5 {
        s.commits(commit().append(&one, Any, 1).append(&stream("user"), NoStream, 1)).await;
    }
    assert_eq!(s.events(&one).await[..10], before);
}

/// A stream of ten events, with others around them.
async fn ten(s: &Subject) -> StreamId {
    let (one, other) = (stream("user"), stream("user"));
    for events in [1, 2, 3, 4] {
        s.commits(commit().append(&one, Any, events).append(&other, Any, 1)).await;
    }
    one
}

async fn versions(s: &Subject, stream: &StreamId, change: impl FnOnce(&mut StreamQuery)) -> Vec<u64> {
    let mut query = StreamQuery::all(stream.clone());
    change(&mut query);
    s.read_stream(query).await.unwrap().iter().map(|event| event.version).collect()
}
