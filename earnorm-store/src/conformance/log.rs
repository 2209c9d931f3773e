//! Which events of the log are read.

use earnorm_core::metadata::Metadata;
use earnorm_core::pattern::EventPattern;
use earnorm_core::position::Position;
use earnorm_core::store::LogQuery;
use earnorm_core::stream::ExpectedVersion::{Any, NoStream};

use super::Subject;
use super::draft::{Draft, at, commit, event_at, named, stream};
use super::subject::last;

pub(super) async fn an_empty_log_ends_at_its_start(s: Subject) {
    assert_eq!(s.high_water().await.unwrap(), Position::START);
    let page = s.read_log(LogQuery::default()).await.unwrap();
    assert_eq!((page.events, page.high_water, page.more), (vec![], Position::START, false));
    let receipt = s.commits(commit().append(&stream("user"), NoStream, 1)).await;
    assert!(receipt.events[0].position > Position::START);
    s.settle(last(&receipt)).await;
}

pub(super) async fn the_log_is_read_in_position_order(s: Subject) {
    story(&s).await;
    assert_eq!(read(&s, |_| {}).await, [1, 2, 3, 4, 5, 6]);
    assert_eq!(read(&s, |query| query.backwards = true).await, [6, 5, 4, 3, 2, 1]);
}

pub(super) async fn positions_bound_what_is_read(s: Subject) {
    let positions = story(&s).await;
    assert_eq!(read(&s, |query| query.after = positions[1]).await, [3, 4, 5, 6]);
    assert_eq!(read(&s, |query| query.upto = positions[1]).await, [1, 2]);
    assert_eq!(read(&s, |query| (query.after, query.upto) = (positions[0], positions[3])).await, [2, 3, 4]);
    let back = |query: &mut LogQuery| (query.after, query.upto, query.backwards) = (positions[0], positions[3], true);
    assert_eq!(read(&s, back).await, [4, 3, 2]);
    assert!(read(&s, |query| query.after = positions[5]).await.is_empty());
    assert!(read(&s, |query| query.after = Position::new(i64::MAX - 1)).await.is_empty());
}

pub(super) async fn streams_choose_events(s: Subject) {
    story(&s).await;
    assert_eq!(read(&s, |query| query.streams = vec![named("user", "1")]).await, [1, 3]);
    assert_eq!(read(&s, |query| query.streams = vec![named("user", "1"), named("order", "1")]).await, [1, 3, 4, 5]);
    assert!(read(&s, |query| query.streams = vec![named("user", "9")]).await.is_empty());
}

pub(super) async fn categories_choose_events(s: Subject) {
    story(&s).await;
    assert_eq!(read(&s, |query| query.categories = vec!["user".to_owned()]).await, [1, 2, 3]);
    let both = |query: &mut LogQuery| query.categories = vec!["order".to_owned(), "app.mail".to_owned()];
    assert_eq!(read(&s, both).await, [4, 5, 6]);
    assert!(read(&s, |query| query.categories = vec!["use".to_owned()]).await.is_empty());
    assert!(read(&s, |query| query.categories = vec!["app".to_owned()]).await.is_empty());
}

pub(super) async fn type_patterns_choose_events(s: Subject) {
    story(&s).await;
    let patterns: [(&[&str], &[u64]); 10] = [
        (&["user.created"], &[1, 2]),
        (&["user.*"], &[1, 2, 3]),
        (&["*.created"], &[1, 2, 4]),
        (&["**.created"], &[1, 2, 4]),
        (&["order.**"], &[4, 5]),
        (&["order.*"], &[4]),
        (&["**"], &[1, 2, 3, 4, 5, 6]),
        (&["*"], &[]),
        (&["user.renamed", "app.**"], &[3, 6]),
        (&["order.*.paid", "use.*"], &[5]),
    ];
    for (texts, expected) in patterns {
        let types: Vec<_> = texts.iter().map(|text| EventPattern::new(text).unwrap()).collect();
        assert_eq!(read(&s, |query| query.types = types).await, expected, "{texts:?}");
    }
}

pub(super) async fn times_choose_events(s: Subject) {
    story(&s).await;
    assert_eq!(read(&s, |query| query.since = Some(at(3))).await, [3, 4, 5, 6]);
    assert_eq!(read(&s, |query| query.until = Some(at(3))).await, [1, 2]);
    assert_eq!(read(&s, |query| (query.since, query.until) = (Some(at(2)), Some(at(5)))).await, [2, 3, 4]);
    assert!(read(&s, |query| query.since = Some(at(7))).await.is_empty());
}

pub(super) async fn actors_and_flows_choose_events(s: Subject) {
    story(&s).await;
    assert_eq!(read(&s, |query| query.actor = Some("ada".to_owned())).await, [1, 3, 5]);
    assert_eq!(read(&s, |query| query.correlation_id = Some("f2".to_owned())).await, [4, 5]);
    assert!(read(&s, |query| query.actor = Some("Ada".to_owned())).await.is_empty());
    assert!(read(&s, |query| query.actor = Some("$ada".to_owned())).await.is_empty());
    assert!(read(&s, |query| query.correlation_id = Some(String::new())).await.is_empty());
}

pub(super) async fn conditions_are_joined_by_and(s: Subject) {
    story(&s).await;
    let both = |query: &mut LogQuery| {
        query.categories = vec!["user".to_owned(), "order".to_owned()];
        query.types = vec![EventPattern::new("**.created").unwrap()];
        query.since = Some(at(2));
    };
    assert_eq!(read(&s, both).await, [2, 4]);
    let narrow = |query: &mut LogQuery| {
        query.actor = Some("ada".to_owned());
        query.correlation_id = Some("f2".to_owned());
        query.streams = vec![named("order", "1")];
    };
    assert_eq!(read(&s, narrow).await, [5]);
    let none = |query: &mut LogQuery| {
        query.categories = vec!["order".to_owned()];
        query.streams = vec![named("user", "1")];
    };
    assert!(read(&s, none).await.is_empty());
}

/// Six events, each with its number as its time.
async fn story(s: &Subject) -> Vec<Position> {
    let events = [
        ("user", "1", "user.created", "ada", "f1"),
        ("user", "2", "user.created", "bob", "f1"),
        ("user", "1", "user.renamed", "ada", "f1"),
        ("order", "1", "order.created", "bob", "f2"),
        ("order", "1", "order.line.paid", "ada", "f2"),
        ("app.mail", "7", "app.mail.sent", "", ""),
    ];
    let mut positions = Vec::new();
    for (number, (category, key, event_type, actor, flow)) in (1..).zip(events) {
        let mut one = event_at(event_type, number);
        if !actor.is_empty() {
            one.metadata = Metadata::new().actor(actor).correlation_id(flow);
        }
        let receipt = s.commits(commit().append_events(&named(category, key), Any, vec![one])).await;
        positions.push(last(&receipt));
    }
    s.settle(positions[5]).await;
    positions
}

/// The numbers of the events that a query reads.
async fn read(s: &Subject, change: impl FnOnce(&mut LogQuery)) -> Vec<u64> {
    let mut query = LogQuery::default();
    change(&mut query);
    let page = s.read_log(query).await.unwrap();
    assert!(!page.more, "the page holds all of it");
    page.events.iter().map(|event| u64::try_from((event.recorded_at - at(0)).num_milliseconds()).unwrap()).collect()
}
