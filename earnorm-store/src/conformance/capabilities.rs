//! What a store declares is so, in both directions; and its end.

use bson::{Bson, doc};
use earnorm_core::Error;
use earnorm_core::position::Position;
use earnorm_core::predicate::Predicate;
use earnorm_core::store::{Aggregation, DocumentQuery, EntryQuery, LogQuery, Measure, PutRule, StreamQuery};
use earnorm_core::stream::ExpectedVersion::{Any, NoStream};

use super::draft::{Draft, THINGS, commit, eq, mark, stream, thing, write};
use super::subject::last;
use super::{Sabotage, Subject};

pub(super) async fn a_raw_filter_works_or_is_refused(s: Subject) {
    s.put([thing(1, doc! { "n": 1 }), thing(2, doc! { "n": 2 })]).await;
    let raw = || Predicate::Raw(doc! { "n": { "$gte": 2 } });
    if s.capabilities().raw_queries {
        s.expect(raw(), &[2]).await;
        s.expect(!raw(), &[1]).await;
        s.expect(raw().and(eq("n", 1)), &[]).await;
        return;
    }
    for predicate in [raw(), !raw(), raw().and(eq("n", 1)), eq("n", 1).or(raw())] {
        unsupported(&s, s.find(DocumentQuery::new(THINGS, predicate.clone())).await.err());
        unsupported(&s, s.count(THINGS, &predicate).await.err());
        unsupported(&s, s.distinct(THINGS, &predicate, "n").await.err());
        unsupported(&s, s.aggregate(counting(predicate)).await.err());
    }
}

pub(super) async fn a_raw_pipeline_works_or_is_refused(s: Subject) {
    s.put([thing(1, doc! { "n": 1 }), thing(2, doc! { "n": 2 })]).await;
    let pipeline = vec![doc! { "$match": { "n": { "$gte": 2 } } }, doc! { "$project": { "n": 1 } }];
    let answer = s.aggregate_raw(THINGS, pipeline).await;
    if s.capabilities().raw_queries {
        assert_eq!(answer.unwrap(), [doc! { "_id": 2, "n": 2 }]);
    } else {
        unsupported(&s, answer.err());
    }
}

pub(super) async fn a_durable_store_is_there_after_a_restart(s: Subject) {
    let one = stream("user");
    let sent =
        commit().append(&one, NoStream, 2).insert(THINGS, thing(1, doc! { "n": 1 })).advance("a", None, mark(7, 3));
    let receipt = s.commits(sent.clone()).await;
    s.settle(last(&receipt)).await;
    let reopened = s.fixture.reopen(&s.store).await;
    assert_eq!(reopened.is_some(), s.capabilities().durable, "durable is what can be opened again");
    let Some(store) = reopened else { return };
    let again = Subject::new(store, s.fixture.clone());
    assert_eq!(again.events(&one).await, s.events(&one).await);
    assert_eq!(again.document(1).await, Some(thing(1, doc! { "n": 1 })));
    assert_eq!(again.checkpoint("a").await.unwrap(), Some(mark(7, 3)));
    assert_eq!(again.commits(sent).await, receipt, "the commit is known");
    let next = again.commits(commit().append(&one, Any, 1)).await;
    assert!(last(&next) > last(&receipt), "positions go on");
    assert_eq!(again.log_to(last(&next)).await.len(), 3);
    let _ = again.close().await;
}

pub(super) async fn a_store_that_reserves_positions_can_be_sabotaged(s: Subject) {
    let one = stream("user");
    let before = last(&s.commits(commit().append(&one, Any, 1)).await);
    let sent = commit().append(&one, Any, 1);
    let played = s.fixture.sabotage(&s.store, sent, Sabotage::AbandonAfterReserve).await;
    assert_eq!(played, s.capabilities().reserves_positions, "holes arise exactly where positions are reserved");
    assert_eq!(s.version(&one).await, 1, "an abandoned commit leaves nothing");
    let after = last(&s.commits(commit().append(&one, Any, 1)).await);
    assert_eq!(after > before.next(), played, "an abandoned commit leaves a hole: {before}, {after}");
    assert_eq!(s.log_to(after).await.len(), 2);
}

pub(super) async fn a_store_has_a_name(s: Subject) {
    s.put([thing(1, doc! {})]).await;
    assert_eq!(s.document(1).await, Some(thing(1, doc! {})));
    let name = s.capabilities().name;
    assert!(!name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase()), "{name}: lower-case, for errors");
}

pub(super) async fn a_closed_store_answers_that_it_is_closed(s: Subject) {
    let one = stream("user");
    s.commits(commit().append(&one, NoStream, 1)).await;
    s.close().await.expect("it closes");
    closed(s.commit(commit().append(&one, Any, 1)).await.err());
    closed(s.read_stream(StreamQuery::all(one)).await.err());
    closed(s.read_log(LogQuery::default()).await.err());
    closed(s.high_water().await.err());
    closed(s.get(THINGS, &Bson::from(1)).await.err());
    closed(s.find(DocumentQuery::new(THINGS, Predicate::always())).await.err());
    closed(s.find_stored(DocumentQuery::new(THINGS, Predicate::always())).await.err());
    closed(s.explain(&DocumentQuery::new(THINGS, Predicate::always())).await.err());
    closed(s.count(THINGS, &Predicate::always()).await.err());
    closed(s.distinct(THINGS, &Predicate::always(), "n").await.err());
    closed(s.aggregate(counting(Predicate::always())).await.err());
    closed(s.checkpoint("mailer").await.err());
    closed_to_upkeep(&s).await;
}

async fn closed_to_upkeep(s: &Subject) {
    let (admin, entries) = (s.admin(), EntryQuery { after: Position::START, upto: Position::END, limit: 1 });
    closed(s.moved(Position::START).await.err());
    closed(admin.prepare(&[]).await.err());
    closed(admin.put(THINGS, vec![thing(1, doc! {})], PutRule::Always).await.err());
    closed(admin.remove(THINGS, &Predicate::always()).await.err());
    closed(admin.swap(THINGS, "more").await.err());
    closed(admin.drop_collection(THINGS).await.err());
    closed(admin.streams("user", None, 1).await.err());
    closed(admin.scan("user", None, 1).await.err());
    closed(admin.categories().await.err());
    closed(admin.entries(entries).await.err());
    closed(admin.append_entries(Vec::new()).await.err());
    closed(admin.truncate(Position::START, &[]).await.err());
    closed(admin.truncated().await.err());
    closed(admin.checkpoints().await.err());
    closed(admin.examine().await.err());
}

pub(super) async fn closing_lets_waiting_commits_finish(s: Subject) {
    let one = stream("user");
    let senders: Vec<_> = (0..8)
        .map(|_| {
            let (s, sent) = (s.clone(), commit().append(&one, Any, 1));
            tokio::spawn(async move { s.commit(sent).await })
        })
        .collect();
    s.close().await.expect("it closes");
    for answer in futures::future::join_all(senders).await {
        match answer.unwrap() {
            Ok(receipt) => assert_eq!(receipt.events.len(), 1),
            Err(error) => assert!(matches!(error, Error::Closed), "committed or closed, not {error}"),
        }
    }
    closed(s.commit(write()).await.err());
}

fn counting(predicate: Predicate) -> Aggregation {
    Aggregation { collection: THINGS.to_owned(), predicate, group_by: None, measures: vec![Measure::Count] }
}

fn closed(error: Option<Error>) {
    assert!(matches!(error, Some(Error::Closed)), "a closed store says so, not {error:?}");
}

fn unsupported(s: &Subject, error: Option<Error>) {
    match error {
        Some(Error::Unsupported { store, .. }) => assert_eq!(store, s.capabilities().name),
        other => panic!("what a store cannot do it refuses, not {other:?}"),
    }
}
