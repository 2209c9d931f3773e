//! Checkpoints are compared and set.

use earnorm_core::stream::ExpectedVersion;

use super::Subject;
use super::draft::{Draft, commit, mark, stream, write};
use super::subject::checkpoint_conflict;

pub(super) async fn a_checkpoint_is_made_and_advanced(s: Subject) {
    assert_eq!(s.checkpoint("mailer").await.unwrap(), None);
    let receipt = s.commits(commit().advance("mailer", None, mark(0, 1))).await;
    assert_eq!(receipt.events, [], "a commit of checkpoints alone has no events");
    assert_eq!(s.checkpoint("mailer").await.unwrap(), Some(mark(0, 1)));
    s.commits(commit().advance("mailer", Some(mark(0, 1)), mark(5, 1))).await;
    assert_eq!(s.checkpoint("mailer").await.unwrap(), Some(mark(5, 1)));
}

pub(super) async fn a_checkpoint_is_made_once(s: Subject) {
    s.commits(commit().advance("mailer", None, mark(3, 1))).await;
    assert_eq!(checkpoint_conflict(s.commit(commit().advance("mailer", None, mark(4, 1))).await), "mailer");
    assert_eq!(checkpoint_conflict(s.commit(commit().advance("mailer", None, mark(3, 1))).await), "mailer");
    assert_eq!(s.checkpoint("mailer").await.unwrap(), Some(mark(3, 1)));
}

pub(super) async fn a_checkpoint_that_is_not_there_cannot_be_advanced(s: Subject) {
    let refused = s.commit(commit().advance("mailer", Some(mark(0, 1)), mark(4, 1))).await;
    assert_eq!(checkpoint_conflict(refused), "mailer");
    assert_eq!(s.checkpoint("mailer").await.unwrap(), None);
}

pub(super) async fn a_stale_position_is_refused(s: Subject) {
    s.commits(commit().advance("mailer", None, mark(3, 1))).await;
    for stale in [2, 4] {
        let error = s.commit(commit().advance("mailer", Some(mark(stale, 1)), mark(9, 1))).await.unwrap_err();
        assert!(error.is_retryable(), "load it again: {error}");
        checkpoint_conflict(Err(error));
    }
    assert_eq!(s.checkpoint("mailer").await.unwrap(), Some(mark(3, 1)));
}

pub(super) async fn a_new_epoch_refuses_the_old_owner(s: Subject) {
    s.commits(commit().advance("mailer", None, mark(3, 1))).await;
    s.commits(commit().advance("mailer", Some(mark(3, 1)), mark(3, 2))).await;
    let old = s.commit(write().advance("mailer", Some(mark(3, 1)), mark(4, 1))).await;
    assert_eq!(checkpoint_conflict(old), "mailer");
    s.commits(write().advance("mailer", Some(mark(3, 2)), mark(4, 2))).await;
    assert_eq!(s.checkpoint("mailer").await.unwrap(), Some(mark(4, 2)));
}

pub(super) async fn an_unchanged_checkpoint_still_guards(s: Subject) {
    s.commits(commit().advance("mailer", None, mark(3, 1))).await;
    s.commits(write().advance("mailer", Some(mark(3, 1)), mark(3, 1))).await;
    let refused = s.commit(write().advance("mailer", Some(mark(3, 2)), mark(3, 2))).await;
    assert_eq!(checkpoint_conflict(refused), "mailer");
}

pub(super) async fn a_checkpoint_may_go_back_on_purpose(s: Subject) {
    s.commits(commit().advance("mailer", None, mark(30, 1))).await;
    s.commits(commit().advance("mailer", Some(mark(30, 1)), mark(10, 2))).await;
    assert_eq!(s.checkpoint("mailer").await.unwrap(), Some(mark(10, 2)));
}

pub(super) async fn consumers_keep_to_themselves(s: Subject) {
    s.commits(commit().advance("a", None, mark(1, 1)).advance("b", None, mark(2, 1)).advance("a.b", None, mark(3, 1)))
        .await;
    s.commits(commit().advance("b", Some(mark(2, 1)), mark(7, 4))).await;
    assert_eq!(s.checkpoint("a").await.unwrap(), Some(mark(1, 1)));
    assert_eq!(s.checkpoint("b").await.unwrap(), Some(mark(7, 4)));
    assert_eq!(s.checkpoint("a.b").await.unwrap(), Some(mark(3, 1)));
    assert_eq!(s.checkpoint("A").await.unwrap(), None);
}

pub(super) async fn a_checkpoint_and_its_effects_are_one(s: Subject) {
    let one = stream("mail");
    s.commits(commit().append(&one, ExpectedVersion::Any, 1).advance("mailer", None, mark(1, 1))).await;
    let again = commit().append(&one, ExpectedVersion::Any, 1).advance("mailer", None, mark(1, 1));
    checkpoint_conflict(s.commit(again).await);
    assert_eq!(s.version(&one).await, 1, "the effect happened once");
}

pub(super) async fn a_checkpoint_is_removed_where_it_has_not_moved(s: Subject) {
    s.commits(commit().advance("gone", None, mark(3, 2)).advance("stays", None, mark(3, 2))).await;
    for other in [mark(2, 2), mark(3, 1)] {
        assert!(!s.admin().remove_checkpoint("gone", other).await.unwrap(), "it stands elsewhere than at {other:?}");
        assert_eq!(s.checkpoint("gone").await.unwrap(), Some(mark(3, 2)));
    }
    for _ in 0..2 {
        assert!(s.admin().remove_checkpoint("gone", mark(3, 2)).await.unwrap(), "it is gone, then and now");
        assert_eq!(s.checkpoint("gone").await.unwrap(), None);
    }
    assert_eq!(s.checkpoint("stays").await.unwrap(), Some(mark(3, 2)));
    s.commits(commit().advance("gone", None, mark(0, 1))).await;
    assert_eq!(s.checkpoint("gone").await.unwrap(), Some(mark(0, 1)), "it begins anew");
}
