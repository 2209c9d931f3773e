//! Waiting until the log may have grown.

use std::time::Duration;

use earnorm_core::Error;
use earnorm_core::position::Position;
use earnorm_core::stream::ExpectedVersion::Any;
use futures::FutureExt;
use tokio::time::{Instant, timeout};

use super::Subject;
use super::draft::{Draft, commit, stream};
use super::subject::last;

/// More than a second or so, and less than a wait that nothing ends.
const SOON: Duration = Duration::from_secs(5);

pub(super) async fn what_is_there_is_told_at_once(s: Subject) {
    let end = last(&s.commits(commit().append(&stream("user"), Any, 3)).await);
    s.settle(end).await;
    let began = Instant::now();
    for _ in 0..10 {
        s.moved(Position::START).await.unwrap();
        s.moved(Position::new(end.get() - 1)).await.unwrap();
    }
    assert!(began.elapsed() < SOON, "twenty answers at once took {:?}", began.elapsed());
}

pub(super) async fn a_quiet_log_is_answered_for_after_a_while(s: Subject) {
    let end = last(&s.commits(commit().append(&stream("user"), Any, 1)).await);
    let began = Instant::now();
    timeout(SOON, s.moved(end)).await.expect("within a second or so").unwrap();
    assert!(began.elapsed() > Duration::from_millis(200), "a busy loop would eat a processor");
}

pub(super) async fn a_commit_wakes_who_waits(s: Subject) {
    let mut end = last(&s.commits(commit().append(&stream("user"), Any, 1)).await);
    let other = s.fixture.reopen(&s.store).await;
    let others = other.map(|store| Subject::new(store, s.fixture.clone()));
    let mut fastest = Duration::MAX;
    for waiting in [Some(&s), others.as_ref()].into_iter().flatten() {
        waiting.settle(end).await;
        for _ in 0..5 {
            let mut waiter = std::pin::pin!(waiting.moved(end));
            // It waits before the commit begins, and not only after.
            let early = waiter.as_mut().now_or_never();
            let began = Instant::now();
            end = last(&s.commits(commit().append(&stream("user"), Any, 1)).await);
            if early.is_none() {
                timeout(SOON, waiter).await.expect("it wakes").unwrap();
                fastest = fastest.min(began.elapsed());
            }
            waiting.settle(end).await;
        }
        // The longest wait is no wake.
        assert!(fastest < Duration::from_millis(700), "the fastest of five took {fastest:?}");
    }
    if let Some(others) = others {
        let _ = others.close().await;
    }
}

pub(super) async fn waiting_ends_when_the_store_is_closed(s: Subject) {
    let end = last(&s.commits(commit().append(&stream("user"), Any, 1)).await);
    let waiters: Vec<_> = (0..4)
        .map(|_| {
            let s = s.clone();
            tokio::spawn(async move { s.moved(end).await })
        })
        .collect();
    tokio::task::yield_now().await;
    timeout(SOON, s.close()).await.expect("closing waits for nobody").unwrap();
    for waiter in waiters {
        let answer = timeout(SOON, waiter).await.expect("it wakes").unwrap();
        assert!(matches!(answer, Ok(()) | Err(Error::Closed)), "{answer:?}");
    }
    assert!(matches!(s.moved(end).await, Err(Error::Closed)));
}

pub(super) async fn a_wait_that_is_dropped_disturbs_nobody(s: Subject) {
    let end = last(&s.commits(commit().append(&stream("user"), Any, 1)).await);
    for micros in 0..20 {
        let _dropped = timeout(Duration::from_micros(micros * 50), s.moved(end)).await;
    }
    let waiter = s.clone();
    let waiter = tokio::spawn(async move { waiter.moved(end).await });
    let next = last(&s.commits(commit().append(&stream("user"), Any, 1)).await);
    timeout(SOON, waiter).await.expect("it wakes").unwrap().unwrap();
    s.settle(next).await;
}
