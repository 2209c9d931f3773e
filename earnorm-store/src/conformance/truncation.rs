//! The old part of the log, removed on purpose.

use earnorm_core::Error;
use earnorm_core::position::Position;
use earnorm_core::store::{LogQuery, StreamQuery};
use earnorm_core::stream::ExpectedVersion::{Any, Exact};

use super::draft::{Draft, commit, mark, named, write};
use super::entries::ALL;
use super::subject::{conflict, last};
use super::{Sabotage, Subject};

pub(super) async fn nothing_is_truncated_at_first(s: Subject) {
    let end = history(&s, 3).await;
    assert_eq!(s.admin().truncated().await.unwrap(), Position::START);
    assert_eq!(s.admin().truncate(Position::START, &[]).await.unwrap(), 0);
    assert_eq!(s.log_to(end).await.len(), 3);
}

pub(super) async fn what_is_truncated_is_gone_and_the_rest_stays(s: Subject) {
    let end = history(&s, 10).await;
    let before = s.log_to(end).await;
    assert_eq!(s.admin().truncate(Position::new(6), &[]).await.unwrap(), 6);
    assert_eq!(s.admin().truncated().await.unwrap(), Position::new(6));
    assert_eq!(s.log_to(end).await, before[6..]);
    assert_eq!(s.events(&one()).await, before[6..]);
    let head = &s.admin().streams("user", None, 5).await.unwrap()[0];
    assert_eq!((head.first, head.last), (7, 10));
    let part = s.read_stream(StreamQuery { from: 5, to: 8, ..StreamQuery::all(one()) }).await.unwrap();
    assert_eq!(part, before[6..8]);
    let page = s.read_log(LogQuery { after: Position::new(3), limit: 2, ..LogQuery::default() }).await.unwrap();
    assert_eq!((page.events.as_slice(), page.more), (&before[6..8], true));
    assert_eq!(s.admin().entries(ALL).await.unwrap().len(), 4);
}

pub(super) async fn what_is_kept_stays_readable(s: Subject) {
    let end = history(&s, 9).await;
    let before = s.log_to(end).await;
    let kept = [Position::new(2), Position::new(5), Position::new(8)];
    assert_eq!(s.admin().truncate(Position::new(7), &kept).await.unwrap(), 5);
    let stays: Vec<_> = [1, 4, 7, 8].map(|index| before[index].clone()).into();
    assert_eq!(s.log_to(end).await, stays);
    assert_eq!(s.events(&one()).await, stays);
    let last_two = s.read_stream(StreamQuery { limit: 3, backwards: true, ..StreamQuery::all(one()) }).await.unwrap();
    assert!(last_two.iter().eq(stays[1..].iter().rev()));
    assert_eq!(s.admin().truncate(Position::new(7), &[Position::new(5)]).await.unwrap(), 1, "the second is let go");
    assert_eq!(s.events(&one()).await, stays[1..]);
    let first = Position::new(5);
    assert_eq!(s.admin().truncate(Position::new(8), &[first]).await.unwrap(), 1, "the first that is left is kept");
    assert_eq!(s.events(&one()).await, [stays[1].clone(), stays[3].clone()]);
}

pub(super) async fn positions_and_versions_go_on_after_it(s: Subject) {
    let end = history(&s, 5).await;
    assert_eq!(s.admin().truncate(end, &[end]).await.unwrap(), 4);
    let receipt = s.commits(commit().append(&one(), Exact(5), 1)).await;
    assert_eq!(receipt.events[0].version, 6);
    assert!(last(&receipt) > end, "positions are never given out again");
    conflict(s.commit(commit().append(&one(), Exact(5), 1)).await);
    assert_eq!(s.log_to(last(&receipt)).await.len(), 2);
}

pub(super) async fn a_log_may_be_truncated_to_its_end(s: Subject) {
    let end = history(&s, 5).await;
    assert_eq!(s.admin().truncate(end, &[]).await.unwrap(), 5);
    assert_eq!((s.high_water().await.unwrap(), s.admin().truncated().await.unwrap()), (end, end));
    assert_eq!(s.log_to(end).await, []);
    let reopened = s.fixture.reopen(&s.store).await;
    let again = reopened.map_or_else(|| s.clone(), |store| Subject::new(store, s.fixture.clone()));
    assert_eq!(again.high_water().await.unwrap(), end, "the mark never falls");
    let receipt = again.commits(commit().append(&named("user", "new"), Any, 1)).await;
    assert!(last(&receipt) > end, "positions are never given out again");
    assert_eq!(s.log_to(last(&receipt)).await.len(), 1);
    if reopened_is_another(&again, &s) {
        let _ = again.close().await;
    }
}

pub(super) async fn what_is_not_final_is_not_truncated(s: Subject) {
    let end = history(&s, 4).await;
    let refused = s.admin().truncate(end.next(), &[]).await;
    assert!(matches!(refused, Err(Error::InvalidQuery { .. })), "{refused:?}");
    assert_eq!(s.admin().truncated().await.unwrap(), Position::START);
    assert_eq!(s.log_to(end).await.len(), 4);
}

pub(super) async fn what_a_consumer_has_not_read_is_not_truncated(s: Subject) {
    let end = history(&s, 6).await;
    s.commits(write().advance("slow-mailer", None, mark(3, 1)).advance("audit", None, mark(6, 1))).await;
    match s.admin().truncate(Position::new(4), &[]).await {
        Err(error @ Error::InvalidQuery { .. }) => assert!(error.to_string().contains("slow-mailer"), "{error}"),
        other => panic!("the consumer is named, not {other:?}"),
    }
    assert_eq!(s.log_to(end).await.len(), 7);
    assert_eq!(s.admin().truncate(Position::new(3), &[]).await.unwrap(), 3);
}

pub(super) async fn truncating_again_goes_on(s: Subject) {
    let end = history(&s, 12).await;
    assert_eq!(s.admin().truncate(Position::new(4), &[]).await.unwrap(), 4);
    assert_eq!(s.admin().truncate(Position::new(4), &[]).await.unwrap(), 0);
    assert_eq!(s.admin().truncate(Position::new(2), &[]).await.unwrap(), 0);
    assert_eq!(s.admin().truncated().await.unwrap(), Position::new(4), "it never falls");
    assert_eq!(s.admin().truncate(Position::new(9), &[]).await.unwrap(), 5);
    assert_eq!(s.admin().truncated().await.unwrap(), Position::new(9));
    assert_eq!(s.log_to(end).await.len(), 3);
}

pub(super) async fn no_handle_takes_what_is_gone_for_a_hole(s: Subject) {
    // One handle has seen nothing yet, one has seen a part, one comes afterwards.
    let open = async || s.fixture.reopen(&s.store).await.map(|store| Subject::new(store, s.fixture.clone()));
    let (fresh, seen) = (open().await, open().await);
    history(&s, 4).await;
    if let Some(seen) = &seen {
        seen.settle(Position::new(4)).await;
    }
    let end = history(&s, 6).await;
    s.admin().truncate(Position::new(8), &[Position::new(2)]).await.unwrap();
    let later = open().await;
    for handle in [Some(s.clone()), fresh, seen, later].into_iter().flatten() {
        assert_eq!(handle.high_water().await.unwrap(), end);
        let versions: Vec<_> = handle.log_to(end).await.iter().map(|event| event.version).collect();
        assert_eq!(versions, [2, 9, 10]);
        assert_eq!(handle.admin().entries(ALL).await.unwrap().len(), 3, "nobody filled what is gone");
        if reopened_is_another(&handle, &s) {
            let _ = handle.close().await;
        }
    }
}

pub(super) async fn tombstones_go_and_stay_like_events(s: Subject) {
    history(&s, 1).await;
    s.fixture.sabotage(&s.store, commit().append(&one(), Any, 3), Sabotage::AbandonAfterReserve).await;
    let end = history(&s, 1).await;
    let entries = s.admin().entries(ALL).await.unwrap();
    let kept = entries[entries.len() - 2].position();
    assert_eq!(s.admin().truncate(end, &[kept]).await.unwrap(), entries.len() as u64 - 1);
    assert_eq!(s.admin().entries(ALL).await.unwrap(), entries[entries.len() - 2..entries.len() - 1]);
}

fn one() -> earnorm_core::stream::StreamId {
    named("user", "one")
}

/// So many more events of one stream, one a commit; the end of the log.
async fn history(s: &Subject, events: usize) -> Position {
    let mut end = Position::START;
    for _ in 0..events {
        end = last(&s.commits(commit().append(&one(), Any, 1)).await);
    }
    s.settle(end).await;
    end
}

fn reopened_is_another(handle: &Subject, s: &Subject) -> bool {
    !std::sync::Arc::ptr_eq(&handle.store, &s.store)
}
