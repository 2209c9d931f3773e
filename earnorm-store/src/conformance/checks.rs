//! Versions that were only read and must still hold.

use bson::doc;
use earnorm_core::stream::ExpectedVersion::{Exact, NoStream};

use super::Subject;
use super::draft::{Draft, OTHERS, THINGS, commit, stream, thing, write};
use super::subject::{conflict, same};

pub(super) async fn a_check_that_holds_lets_the_commit_pass(s: Subject) {
    s.commits(write().insert(OTHERS, thing(1, doc! {}))).await;
    s.commits(write().check(OTHERS, 1, 1).insert(THINGS, thing(1, doc! {}))).await;
    assert!(s.document(1).await.is_some());
}

pub(super) async fn a_check_that_fails_refuses_the_commit(s: Subject) {
    s.commits(write().insert(OTHERS, thing(1, doc! {}))).await;
    s.commits(write().replace(OTHERS, 1, 1, doc! {})).await;
    let refused = conflict(s.commit(write().check(OTHERS, 1, 1).insert(THINGS, thing(1, doc! {}))).await);
    assert_eq!((refused.expected, refused.actual), (Exact(1), 2));
    assert!(refused.subject.contains(OTHERS), "{}", refused.subject);
    assert_eq!(s.document(1).await, None);
}

pub(super) async fn a_check_on_what_is_gone_refuses_the_commit(s: Subject) {
    s.commits(write().insert(OTHERS, thing(1, doc! {}))).await;
    s.commits(write().delete(OTHERS, 1, 1)).await;
    for id in [1, 2] {
        let refused = conflict(s.commit(write().check(OTHERS, id, 1)).await);
        assert_eq!((refused.expected, refused.actual), (Exact(1), 0));
    }
}

pub(super) async fn a_check_changes_neither_version_nor_fields(s: Subject) {
    let document = thing(1, doc! { "a": { "b": [1] } });
    s.put([document.clone()]).await;
    for _ in 0..3 {
        s.commits(write().check(THINGS, 1, 1)).await;
    }
    same(&s.document(1).await.unwrap(), &document);
    s.commits(write().replace(THINGS, 1, 1, doc! {})).await;
}

pub(super) async fn every_check_must_hold(s: Subject) {
    s.put([thing(1, doc! {}), thing(2, doc! {}), thing(3, doc! {})]).await;
    s.commits(write().check(THINGS, 1, 1).check(THINGS, 2, 1).check(THINGS, 3, 1)).await;
    let refused = conflict(s.commit(write().check(THINGS, 1, 1).check(THINGS, 2, 2).check(THINGS, 3, 1)).await);
    assert_eq!((refused.expected, refused.actual), (Exact(2), 1));
}

pub(super) async fn commits_that_check_what_the_other_writes_do_not_both_win(s: Subject) {
    let mut won = 0;
    for round in 0..20_i32 {
        let (left, right) = (round * 2, round * 2 + 1);
        s.put([thing(left, doc! { "on_call": true }), thing(right, doc! { "on_call": true })]).await;
        let off = |mine: i32, other: i32| {
            let change = doc! { "on_call": false };
            commit().append(&stream("shift"), NoStream, 1).patch(THINGS, mine, 1, change, &[]).check(THINGS, other, 1)
        };
        let (a, b) = (s.clone(), s.clone());
        let (first, second) = (off(left, right), off(right, left));
        let (first, second) = tokio::join!(
            tokio::spawn(async move { a.commit(first).await }),
            tokio::spawn(async move { b.commit(second).await })
        );
        let results = [first.unwrap(), second.unwrap()];
        let winners = results.iter().filter(|result| result.is_ok()).count();
        for error in results.into_iter().filter_map(Result::err) {
            assert!(error.is_retryable(), "the loser may reload and try again: {error}");
        }
        assert!(winners <= 1, "nobody is on call after round {round}");
        won += winners;
    }
    assert!(won > 0, "not every round may end without a winner");
}
