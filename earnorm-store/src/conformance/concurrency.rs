//! Many writers and readers at once.

use std::collections::BTreeSet;

use bson::doc;
use earnorm_core::Error;
use earnorm_core::commit::{Commit, Committed};
use earnorm_core::position::Position;
use earnorm_core::predicate::Predicate;
use earnorm_core::store::DocumentQuery;
use earnorm_core::stream::ExpectedVersion::{self, Any, NoStream};
use futures::future::join_all;

use super::Subject;
use super::draft::{Draft, THINGS, commit, compare, stream, thing, write};
use super::subject::{ATTEMPTS_MAX, last, sort};

const WRITERS: usize = 6;
const COMMITS: usize = 10;

pub(super) async fn writers_of_one_stream_lose_nothing_and_share_no_version(s: Subject) {
    let one = stream("user");
    let acknowledged = writers(&s, |_| {
        let one = one.clone();
        move |s: Subject| {
            let one = one.clone();
            async move { commit().append(&one, ExpectedVersion::after(s.version(&one).await), 1) }
        }
    })
    .await;
    let events = s.events(&one).await;
    assert_eq!(events.len(), WRITERS * COMMITS, "every acknowledged event is stored, and no other");
    assert!(events.iter().zip(1..).all(|(event, version)| event.version == version), "versions have no gaps");
    assert!(events.is_sorted_by(|a, b| a.position < b.position), "position order is version order");
    let told: BTreeSet<_> = acknowledged.iter().map(|receipt| receipt.events[0].id).collect();
    assert_eq!(told, events.iter().map(|event| event.id).collect());
}

pub(super) async fn appends_at_any_version_get_distinct_versions(s: Subject) {
    let one = stream("user");
    let acknowledged = writers(&s, |_| {
        let one = one.clone();
        move |_| {
            let sent = commit().append(&one, Any, 2);
            async move { sent }
        }
    })
    .await;
    let versions: BTreeSet<_> =
        acknowledged.iter().flat_map(|receipt| &receipt.events).map(|event| event.version).collect();
    assert_eq!(versions, (1..=(2 * WRITERS * COMMITS) as u64).collect());
    assert!(acknowledged.iter().all(|receipt| receipt.events[0].version + 1 == receipt.events[1].version));
}

pub(super) async fn writers_of_many_streams_do_not_disturb_each_other(s: Subject) {
    let acknowledged = writers(&s, |_| {
        |_| {
            let id = stream("user");
            let sent = commit().append(&id, NoStream, 1).insert(THINGS, thing(id.key(), doc! {}));
            async move { sent }
        }
    })
    .await;
    let end = acknowledged.iter().map(last).max().unwrap();
    let log = s.log_to(end).await;
    assert_eq!(log.len(), WRITERS * COMMITS);
    assert_eq!(log.iter().map(|event| event.position).collect::<BTreeSet<_>>().len(), log.len());
    assert_eq!(s.count(THINGS, &Predicate::always()).await.unwrap(), log.len() as u64);
}

pub(super) async fn a_counter_that_many_raise_counts_every_raise(s: Subject) {
    s.put([thing(1, doc! { "n": 0_i64 })]).await;
    writers(&s, |_| {
        |s: Subject| async move {
            let found = s.document(1).await.expect("it is there");
            let version = found.get_i64("_v").unwrap().unsigned_abs();
            write().patch(THINGS, 1, version, doc! { "n": found.get_i64("n").unwrap() + 1 }, &[])
        }
    })
    .await;
    assert_eq!(s.document(1).await.unwrap().get_i64("n").ok(), Some((WRITERS * COMMITS) as i64));
}

pub(super) async fn of_many_with_one_unique_value_one_wins(s: Subject) {
    let unique = earnorm_core::schema::IndexSpec {
        keys: vec![("email".to_owned(), false)],
        unique: true,
        present: Vec::new(),
        live_only: false,
    };
    s.prepare_indexes(vec![unique]).await;
    for round in 0..5 {
        let rivals = (0..WRITERS).map(|writer| {
            let (s, id) = (s.clone(), format!("{round}-{writer}"));
            tokio::spawn(async move { s.commit(write().insert(THINGS, thing(id, doc! { "email": round }))).await })
        });
        let answers: Vec<_> = join_all(rivals).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "one wins round {round}");
        for error in answers.into_iter().filter_map(Result::err) {
            assert!(matches!(error, Error::Unique(_)), "the others are told why: {error}");
        }
    }
}

pub(super) async fn of_many_owners_of_a_checkpoint_one_advances(s: Subject) {
    for round in 0..5_i64 {
        let expected = (round > 0).then(|| super::draft::mark(round - 1, 1));
        let rivals = (0..WRITERS).map(|_| {
            let (s, sent) = (s.clone(), write().advance("mailer", expected, super::draft::mark(round, 1)));
            tokio::spawn(async move { s.commit(sent).await })
        });
        let answers: Vec<_> = join_all(rivals).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "one wins round {round}");
        for error in answers.into_iter().filter_map(Result::err) {
            assert!(matches!(error, Error::CheckpointConflict { .. }), "the others are told why: {error}");
        }
    }
}

pub(super) async fn who_has_seen_an_event_writes_after_it(s: Subject) {
    let mut seen = Position::START;
    for _ in 0..10 {
        let round = (0..4).map(|_| {
            let s = s.clone();
            tokio::spawn(async move { last(&s.commits(commit().append(&stream("user"), NoStream, 1)).await) })
        });
        let positions: Vec<_> = join_all(round).await.into_iter().map(Result::unwrap).collect();
        assert!(positions.iter().all(|position| *position > seen), "{positions:?} were written after {seen}");
        seen = positions.into_iter().max().unwrap();
    }
    s.settle(seen).await;
}

pub(super) async fn finding_while_others_write_neither_fails_nor_repeats(s: Subject) {
    let unmoved: BTreeSet<i32> = (0..200).filter(|id| id % 2 == 0).collect();
    let index = earnorm_core::schema::IndexSpec {
        keys: vec![("n".to_owned(), false), ("_id".to_owned(), false)],
        unique: false,
        present: Vec::new(),
        live_only: false,
    };
    s.prepare_indexes(vec![index]).await;
    s.put((0..200_i32).map(|id| thing(id, doc! { "n": id }))).await;
    let writer = s.clone();
    let writer = tokio::spawn(async move {
        for id in (0..200_i32).filter(|id| id % 2 == 1) {
            writer.commits(write().patch(THINGS, id, 1, doc! { "n": 1_000 - id }, &[])).await;
        }
    });
    for _ in 0..15 {
        let all = compare("n", earnorm_core::predicate::Comparison::Gte, 0);
        let found = s.documents(DocumentQuery { sort: sort(&["n"]), ..DocumentQuery::new(THINGS, all) }).await;
        let ids: BTreeSet<i32> = found.iter().map(|document| document.get_i32("_id").unwrap()).collect();
        assert_eq!(ids.len(), found.len(), "no document is found twice");
        assert!(ids.is_superset(&unmoved), "what nobody touches is found");
    }
    writer.await.unwrap();
    assert_eq!(s.count(THINGS, &Predicate::always()).await.unwrap(), 200);
}

/// Runs writers, each of which builds its commit anew until it is acknowledged, so many times.
async fn writers<M, F>(s: &Subject, make: impl Fn(usize) -> M) -> Vec<Committed>
where
    M: Fn(Subject) -> F + Send + Sync + 'static,
    F: Future<Output = Commit> + Send,
{
    let running = (0..WRITERS).map(|writer| {
        let (s, make) = (s.clone(), make(writer));
        tokio::spawn(async move {
            let mut acknowledged = Vec::new();
            for _ in 0..COMMITS {
                acknowledged.push(persist(&s, &make).await);
            }
            acknowledged
        })
    });
    join_all(running).await.into_iter().flat_map(Result::unwrap).collect()
}

async fn persist<F: Future<Output = Commit>>(s: &Subject, make: impl Fn(Subject) -> F) -> Committed {
    for _ in 0..ATTEMPTS_MAX {
        match s.commit(make(s.clone()).await).await {
            Ok(receipt) => return receipt,
            Err(error) => assert!(error.is_retryable(), "{error}"),
        }
    }
    panic!("a writer that tries again gets through within {ATTEMPTS_MAX} attempts");
}
