//! When events were recorded.

use earnorm_core::stream::ExpectedVersion::{self, Any, Exact, NoStream};
use earnorm_core::stream::StreamId;

use super::Subject;
use super::draft::{Draft, at, commit, event_at, stream};

pub(super) async fn recorded_at_keeps_its_milliseconds(s: Subject) {
    let one = stream("user");
    let receipt = s.commits(commit().append_events(&one, NoStream, vec![event_at("user.noted", 123)])).await;
    assert_eq!(receipt.events[0].recorded_at, at(123));
    assert_eq!(times(&s, &one).await, [123]);
}

pub(super) async fn recorded_at_never_falls_within_a_stream(s: Subject) {
    let one = stream("user");
    append(&s, &one, NoStream, &[500]).await;
    append(&s, &one, Exact(1), &[100]).await;
    append(&s, &one, Exact(2), &[700]).await;
    append(&s, &one, Exact(3), &[699]).await;
    assert_eq!(times(&s, &one).await, [500, 500, 700, 700]);
}

pub(super) async fn recorded_at_never_falls_where_any_version_is_expected(s: Subject) {
    let one = stream("user");
    append(&s, &one, Any, &[500]).await;
    append(&s, &one, Any, &[100]).await;
    assert_eq!(times(&s, &one).await, [500, 500]);
}

pub(super) async fn recorded_at_never_falls_within_a_commit(s: Subject) {
    let one = stream("user");
    append(&s, &one, NoStream, &[300, 200, 400, 100]).await;
    assert_eq!(times(&s, &one).await, [300, 300, 400, 400]);
}

pub(super) async fn no_event_is_earlier_than_not_before(s: Subject) {
    let one = stream("user");
    let mut sent = commit().append_events(&one, NoStream, vec![event_at("user.noted", 1), event_at("user.noted", 900)]);
    sent.appends[0].not_before = Some(at(450));
    let receipt = s.commits(sent).await;
    assert_eq!(times(&s, &one).await, [450, 900]);
    assert_eq!(receipt.events[0].recorded_at, at(450), "the receipt tells the time that was stored");
}

pub(super) async fn streams_do_not_move_each_others_time(s: Subject) {
    let (one, other) = (stream("user"), stream("user"));
    append(&s, &one, NoStream, &[500]).await;
    append(&s, &other, NoStream, &[100]).await;
    assert_eq!(times(&s, &other).await, [100]);
}

async fn append(s: &Subject, stream: &StreamId, expected: ExpectedVersion, times: &[i64]) {
    let events = times.iter().map(|time| event_at("user.noted", *time)).collect();
    let receipt = s.commits(commit().append_events(stream, expected, events)).await;
    let stored = s.events(stream).await;
    let stored = &stored[stored.len() - times.len()..];
    let told = receipt.events.iter().map(|event| event.recorded_at);
    assert!(told.eq(stored.iter().map(|event| event.recorded_at)), "the receipt tells the times that were stored");
}

async fn times(s: &Subject, stream: &StreamId) -> Vec<i64> {
    s.events(stream).await.iter().map(|event| (event.recorded_at - at(0)).num_milliseconds()).collect()
}
