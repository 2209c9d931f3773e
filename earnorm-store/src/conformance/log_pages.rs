//! Paging through the log, and the mark that bounds it.

use earnorm_core::pattern::EventPattern;
use earnorm_core::position::Position;
use earnorm_core::store::LogQuery;
use earnorm_core::stream::ExpectedVersion::{Any, NoStream};
use uuid::Uuid;

use super::Subject;
use super::draft::{Draft, commit, stream};
use super::subject::last;

pub(super) async fn paging_forwards_covers_everything_once(s: Subject) {
    let all = many(&s, 23).await;
    for limit in [1, 2, 5, 22, 23, 24] {
        assert_eq!(pages(&s, LogQuery { limit, ..LogQuery::default() }).await, all, "pages of {limit}");
    }
}

pub(super) async fn paging_backwards_covers_everything_once(s: Subject) {
    let mut all = many(&s, 11).await;
    all.reverse();
    for limit in [1, 3, 11, 12] {
        let query = LogQuery { limit, backwards: true, ..LogQuery::default() };
        assert_eq!(pages(&s, query).await, all, "pages of {limit}");
    }
}

pub(super) async fn paging_with_a_filter_covers_what_matches_once(s: Subject) {
    let mut matching = Vec::new();
    for number in 0..24 {
        let category = if number % 5 == 0 { "order" } else { "user" };
        let receipt = s.commits(commit().append(&stream(category), NoStream, 1)).await;
        if category == "order" {
            matching.push(receipt.events[0].id);
        }
        s.settle(last(&receipt)).await;
    }
    let types = vec![EventPattern::new("order.*").unwrap()];
    for limit in [1, 2, 10] {
        let query = LogQuery { limit, types: types.clone(), ..LogQuery::default() };
        assert_eq!(pages(&s, query).await, matching, "pages of {limit}");
    }
}

pub(super) async fn more_says_whether_anything_is_left(s: Subject) {
    many(&s, 5).await;
    for (limit, more) in [(1, true), (4, true), (5, false), (6, false)] {
        for backwards in [false, true] {
            let page = s.read_log(LogQuery { limit, backwards, ..LogQuery::default() }).await.unwrap();
            assert_eq!(page.events.len(), limit.min(5));
            assert_eq!(page.more, more, "limit {limit} of 5, backwards {backwards}");
        }
    }
}

pub(super) async fn more_looks_only_within_what_was_asked(s: Subject) {
    s.commits(commit().append(&stream("order"), NoStream, 1)).await;
    many(&s, 5).await;
    let log = s.read_log(LogQuery::default()).await.unwrap().events;
    let bounded = LogQuery { limit: 2, upto: log[1].position, ..LogQuery::default() };
    let page = s.read_log(bounded).await.unwrap();
    assert_eq!((page.events.len(), page.more), (2, false), "beyond `upto` nothing was asked");
    let back = LogQuery { limit: 2, after: log[3].position, backwards: true, ..LogQuery::default() };
    let page = s.read_log(back).await.unwrap();
    assert_eq!((page.events.len(), page.more), (2, false), "before `after` nothing was asked");
    let one = LogQuery { limit: 1, streams: vec![log[0].stream.clone()], ..LogQuery::default() };
    let page = s.read_log(one).await.unwrap();
    assert_eq!((page.events.len(), page.more), (1, false), "other streams were not asked");
}

pub(super) async fn no_page_reaches_past_the_high_water_mark(s: Subject) {
    for _ in 0..10 {
        s.commits(commit().append(&stream("user"), NoStream, 2)).await;
        for backwards in [false, true] {
            let before = s.high_water().await.unwrap();
            let page = s.read_log(LogQuery { backwards, ..LogQuery::default() }).await.unwrap();
            assert!(page.high_water >= before, "the mark never falls");
            assert!(page.events.iter().all(|event| event.position <= page.high_water));
        }
    }
    let receipt = s.commits(commit().append(&stream("user"), NoStream, 1)).await;
    s.settle(last(&receipt)).await;
}

pub(super) async fn the_mark_of_a_quiet_log_is_its_last_event(s: Subject) {
    many(&s, 7).await;
    let page = s.read_log(LogQuery::default()).await.unwrap();
    assert_eq!(page.high_water, page.events[6].position);
    assert_eq!(s.high_water().await.unwrap(), page.high_water);
}

/// So many events, several a commit; their ids in log order.
async fn many(s: &Subject, events: usize) -> Vec<Uuid> {
    let (one, mut ids) = (stream("user"), Vec::new());
    let mut position = Position::START;
    while ids.len() < events {
        let receipt = s.commits(commit().append(&one, Any, (events - ids.len()).min(3))).await;
        ids.extend(receipt.events.iter().map(|event| event.id));
        position = last(&receipt);
    }
    s.settle(position).await;
    ids
}

/// The ids of all events that page after page brings.
async fn pages(s: &Subject, mut query: LogQuery) -> Vec<Uuid> {
    let mut ids = Vec::new();
    for _ in 0..100 {
        let page = s.read_log(query.clone()).await.unwrap();
        assert!(page.events.len() <= query.limit, "a page keeps its limit");
        ids.extend(page.events.iter().map(|event| event.id));
        let Some(last) = page.events.last().filter(|_| page.more) else {
            assert!(!page.more, "a page that says there is more brings something");
            return ids;
        };
        if query.backwards {
            query.upto = Position::new(last.position.get() - 1);
        } else {
            query.after = last.position;
        }
    }
    panic!("paging ends");
}
