//! Versions of streams, and positions in the log.

use earnorm_core::stream::ExpectedVersion::{Any, Exact, NoStream};

use super::Subject;
use super::draft::{Draft, commit, named, stream};
use super::subject::{conflict, last};

pub(super) async fn versions_count_from_one_without_gaps(s: Subject) {
    let one = stream("user");
    s.commits(commit().append(&one, NoStream, 2)).await;
    s.commits(commit().append(&one, Exact(2), 1)).await;
    let receipt = s.commits(commit().append(&one, Exact(3), 2)).await;
    let versions: Vec<_> = s.events(&one).await.iter().map(|event| event.version).collect();
    assert_eq!(versions, [1, 2, 3, 4, 5]);
    let told: Vec<_> = receipt.events.iter().map(|event| event.version).collect();
    assert_eq!(told, [4, 5], "the receipt tells the versions that were stored");
}

pub(super) async fn a_refused_append_uses_no_version(s: Subject) {
    let one = stream("user");
    s.commits(commit().append(&one, NoStream, 1)).await;
    conflict(s.commit(commit().append(&one, NoStream, 3)).await);
    s.commits(commit().append(&one, Exact(1), 1)).await;
    assert_eq!(s.version(&one).await, 2);
}

pub(super) async fn no_stream_refuses_a_stream_that_exists(s: Subject) {
    let one = stream("user");
    s.commits(commit().append(&one, NoStream, 2)).await;
    let refused = conflict(s.commit(commit().append(&one, NoStream, 1)).await);
    assert_eq!((refused.expected, refused.actual), (NoStream, 2));
    assert_eq!(refused.subject, one.to_string());
}

pub(super) async fn exact_refuses_a_stream_that_moved_on(s: Subject) {
    let one = stream("user");
    s.commits(commit().append(&one, NoStream, 3)).await;
    let refused = conflict(s.commit(commit().append(&one, Exact(2), 1)).await);
    assert_eq!((refused.expected, refused.actual), (Exact(2), 3));
    assert_eq!(refused.subject, one.to_string());
}

pub(super) async fn exact_refuses_a_stream_that_is_not_there_yet(s: Subject) {
    let one = stream("user");
    let refused = conflict(s.commit(commit().append(&one, Exact(1), 1)).await);
    assert_eq!((refused.expected, refused.actual), (Exact(1), 0));
    s.commits(commit().append(&one, NoStream, 1)).await;
    let refused = conflict(s.commit(commit().append(&one, Exact(2), 1)).await);
    assert_eq!((refused.expected, refused.actual), (Exact(2), 1));
}

pub(super) async fn a_conflict_is_retryable_and_left_nothing(s: Subject) {
    let one = stream("user");
    s.commits(commit().append(&one, NoStream, 1)).await;
    let error = s.commit(commit().append(&one, NoStream, 1)).await.unwrap_err();
    assert!(error.is_conflict() && error.is_retryable(), "{error}");
    assert_eq!(error.was_applied(), earnorm_core::error::Applied::No);
    assert_eq!(s.version(&one).await, 1);
}

pub(super) async fn any_appends_to_whatever_is_there(s: Subject) {
    let one = stream("user");
    let first = s.commits(commit().append(&one, Any, 1)).await;
    let second = s.commits(commit().append(&one, Any, 2)).await;
    assert_eq!(first.events[0].version, 1);
    assert_eq!(second.events[1].version, 3);
    assert_eq!(s.version(&one).await, 3);
}

pub(super) async fn positions_rise_in_commit_order(s: Subject) {
    let mut before = earnorm_core::position::Position::START;
    for _ in 0..20 {
        let receipt = s.commits(commit().append(&stream("user"), NoStream, 2)).await;
        assert!(receipt.events[0].position > before, "a commit stands after what its writer has seen");
        assert!(receipt.events[1].position > receipt.events[0].position, "events of a commit keep their order");
        before = last(&receipt);
    }
}

pub(super) async fn position_order_is_version_order_in_a_stream(s: Subject) {
    let (one, other) = (stream("user"), stream("user"));
    for _ in 0..10 {
        s.commits(commit().append(&other, Any, 1).append(&one, Any, 2)).await;
    }
    for stream in [one, other] {
        let events = s.events(&stream).await;
        assert!(!events.is_empty());
        assert!(events.is_sorted_by(|a, b| a.version < b.version && a.position < b.position));
    }
}

pub(super) async fn the_log_and_the_receipt_agree(s: Subject) {
    let (one, other) = (stream("user"), stream("order"));
    let receipt = s.commits(commit().append(&one, Any, 2).append(&other, Any, 1)).await;
    let log = s.log_to(last(&receipt)).await;
    assert_eq!(log.len(), receipt.events.len());
    for (event, told) in log.iter().zip(&receipt.events) {
        assert_eq!((event.id, &event.stream), (told.id, &told.stream));
        assert_eq!((event.version, event.position), (told.version, told.position));
        assert_eq!(event.recorded_at, told.recorded_at);
    }
}

pub(super) async fn streams_with_like_names_stay_apart(s: Subject) {
    let names =
        [("user", "1"), ("user", "01"), ("user", "1 "), ("user", "$1"), ("user", "a.b"), ("user", "a"), ("user", "A")];
    let more = [("user.a", "b"), ("user", "ä"), ("user", "a\u{308}"), ("user", "a-b"), ("users", "1"), ("user", "%")];
    for (category, key) in names.iter().chain(&more) {
        s.commits(commit().append(&named(category, key), NoStream, 1)).await;
    }
    for (category, key) in names.iter().chain(&more) {
        let one = named(category, key);
        let events = s.events(&one).await;
        assert_eq!(events.len(), 1, "{one}");
        assert_eq!(events[0].stream, one);
    }
}
