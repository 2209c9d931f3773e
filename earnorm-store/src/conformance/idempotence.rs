//! The same commit id again is the same commit.

use bson::doc;
use earnorm_core::predicate::Predicate;
use earnorm_core::stream::ExpectedVersion::{Any, NoStream};

use super::draft::{Draft, THINGS, commit, mark, stream, thing};
use super::subject::{conflict, last};
use super::{Sabotage, Subject};

pub(super) async fn the_same_commit_again_answers_with_the_first_receipt(s: Subject) {
    let one = stream("user");
    let sent = commit().append(&one, Any, 2).insert(THINGS, thing(1, doc! {})).advance("mailer", None, mark(1, 1));
    let first = s.commits(sent.clone()).await;
    for _ in 0..3 {
        assert_eq!(s.commits(sent.clone()).await, first);
    }
    assert_eq!(s.version(&one).await, 2);
    assert_eq!(s.log_to(last(&first)).await.len(), 2, "it was applied once");
    s.expect(Predicate::always(), &[1]).await;
}

pub(super) async fn an_old_commit_is_known_after_others(s: Subject) {
    let one = stream("user");
    let sent = commit().append(&one, NoStream, 1).insert(THINGS, thing(1, doc! { "n": 1 }));
    let first = s.commits(sent.clone()).await;
    s.commits(commit().append(&one, Any, 1).replace(THINGS, 1, 1, doc! { "n": 2 })).await;
    assert_eq!(s.commits(sent).await, first);
    assert_eq!(s.version(&one).await, 2);
    assert_eq!(s.document(1).await.unwrap().get_i32("n").ok(), Some(2), "what came later stays");
}

pub(super) async fn the_same_commit_at_the_same_time_is_applied_once(s: Subject) {
    for round in 0..10_i32 {
        let one = stream("user");
        let sent = commit().append(&one, Any, 2).insert(THINGS, thing(round, doc! {}));
        let senders: Vec<_> = (0..4).map(|_| (s.clone(), sent.clone())).collect();
        let senders = senders.into_iter().map(|(s, sent)| tokio::spawn(async move { s.commits(sent).await }));
        let receipts: Vec<_> = futures::future::join_all(senders).await.into_iter().map(Result::unwrap).collect();
        assert!(receipts.iter().all(|receipt| *receipt == receipts[0]), "one receipt: {receipts:?}");
        assert_eq!(s.version(&one).await, 2);
    }
    assert_eq!(s.count(THINGS, &Predicate::always()).await.unwrap(), 10);
}

pub(super) async fn a_commit_of_checkpoints_alone_is_known_too(s: Subject) {
    let sent = commit().advance("mailer", None, mark(4, 1)).advance("indexer", None, mark(9, 1));
    let first = s.commits(sent.clone()).await;
    assert_eq!(s.commits(sent).await, first);
    let sent = commit().advance("mailer", Some(mark(4, 1)), mark(6, 1));
    let senders: Vec<_> = (0..4).map(|_| (s.clone(), sent.clone())).collect();
    let senders = senders.into_iter().map(|(s, sent)| tokio::spawn(async move { s.commits(sent).await }));
    for receipt in futures::future::join_all(senders).await {
        assert_eq!(receipt.unwrap().id, sent.id);
    }
    assert_eq!(s.checkpoint("mailer").await.unwrap(), Some(mark(6, 1)));
}

pub(super) async fn a_commit_is_known_after_its_checkpoint_moved_on(s: Subject) {
    let one = stream("user");
    let sent = commit().append(&one, Any, 1).advance("mailer", None, mark(1, 1));
    let first = s.commits(sent.clone()).await;
    s.commits(commit().advance("mailer", Some(mark(1, 1)), mark(2, 1))).await;
    assert_eq!(s.commits(sent).await, first);
    assert_eq!(s.version(&one).await, 1);
    assert_eq!(s.checkpoint("mailer").await.unwrap(), Some(mark(2, 1)));
}

pub(super) async fn other_commits_with_the_same_content_are_other_commits(s: Subject) {
    let one = stream("user");
    let first = s.commits(commit().append(&one, Any, 1)).await;
    let second = s.commits(commit().append(&one, Any, 1)).await;
    assert_ne!(first.id, second.id);
    assert_eq!(s.version(&one).await, 2);
}

pub(super) async fn the_id_of_a_refused_commit_is_free(s: Subject) {
    let one = stream("user");
    s.commits(commit().append(&one, NoStream, 1)).await;
    let mut sent = commit().append(&one, NoStream, 1);
    conflict(s.commit(sent.clone()).await);
    sent.appends[0].expected = earnorm_core::stream::ExpectedVersion::Exact(1);
    assert_eq!(s.commits(sent).await.events[0].version, 2);
}

pub(super) async fn a_lost_answer_is_settled_by_sending_the_commit_again(s: Subject) {
    for how in [Sabotage::LoseCommitAnswer, Sabotage::FailCommitOnce] {
        let one = stream("user");
        let sent = commit().append(&one, Any, 2).insert(THINGS, thing(format!("{how:?}"), doc! {}));
        let played = s.fixture.sabotage(&s.store, sent.clone(), how).await;
        assert!(played || !s.capabilities().reserves_positions, "a store that reserves positions plays {how:?}");
        let receipt = s.commits(sent.clone()).await;
        assert_eq!(s.commits(sent).await, receipt);
        assert_eq!(s.version(&one).await, 2, "applied once after {how:?}");
        s.settle(last(&receipt)).await;
    }
    assert_eq!(s.count(THINGS, &Predicate::always()).await.unwrap(), 2);
}
