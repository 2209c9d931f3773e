//! A paused scheduler: it fires nothing, and when it is resumed each schedule follows its policy once.

use earnorm::events::{EventBus, Misfire, Periodic, Schedule};

use super::schedules::{Runs, reminder, reminding, running, runs};
use super::*;

const MINUTE: i64 = 60_000;
const SCHEDULER: &str = "earnorm:scheduler";

/// Schedules of every policy, each ten minutes, and what they ran.
#[derive(Debug, Clone, Default)]
struct Policies([Runs; 3]);

impl Policies {
    fn bus(&self, db: &Database, notes: &Notes) -> EventBusBuilder {
        let every = |misfire| Periodic::every(Duration::from_secs(600)).misfire(misfire);
        let bus = bus(db).handler(reminding(notes)).handler(running("skip", every(Misfire::Skip), &self.0[0]));
        let bus = bus.handler(running("once", every(Misfire::Once), &self.0[1]));
        bus.handler(running("all", every(Misfire::All), &self.0[2]))
    }

    /// What each ran since this was asked last.
    fn ran(&self) -> [Vec<String>; 3] {
        [0, 1, 2].map(|n| {
            let ran = runs(&self.0[n]);
            self.0[n].lock().unwrap().clear();
            ran
        })
    }
}

async fn fired(db: &Database) -> usize {
    db.events().by_type("schedule.*").all().await.unwrap().len()
        + db.events().by_type("reminder.due").all().await.unwrap().len()
}

/// Waits until either is idle: both offer a scheduler, and one has it.
async fn idle(one: &EventBus, two: &EventBus) {
    tokio::select! { done = one.run_until_idle() => done, done = two.run_until_idle() => done }.unwrap();
}

with_clock! {
    async fn nothing_fires_while_it_is_paused_and_nothing_twice_afterwards(db: Database, clock: ManualClock) {
        let (policies, notes) = (Policies::default(), Notes::default());
        let (one, two) = (policies.bus(&db, &notes).start().await.unwrap(), policies.bus(&db, &notes).start().await.unwrap());
        clock.advance(10 * MINUTE);
        idle(&one, &two).await;
        assert_eq!(policies.ran(), [["28 12:10"], ["28 12:10"], ["28 12:10"]]);
        assert_eq!(one.handlers().pause(SCHEDULER, "the mail server moves").await.unwrap(), [SCHEDULER]);
        // As the process does that has the scheduler, whichever it is.
        one.run_until_idle().await.unwrap();
        two.run_until_idle().await.unwrap();
        db.publish_in(reminder(1), Duration::from_secs(60)).await.unwrap();
        let before = fired(&db).await;
        clock.advance(25 * MINUTE);
        one.run_until_idle().await.unwrap();
        two.run_until_idle().await.unwrap();
        // It stays so over a restart.
        one.stop().await.unwrap();
        let three = policies.bus(&db, &notes).start().await.unwrap();
        three.run_until_idle().await.unwrap();
        two.run_until_idle().await.unwrap();
        assert_eq!((policies.ran(), notes.len(), fired(&db).await), (Default::default(), 0, before));
        let list = db.handlers().list().await.unwrap();
        let scheduler = list.iter().find(|info| info.id == SCHEDULER).unwrap();
        assert_eq!(scheduler.paused.as_ref().unwrap().reason, "the mail server moves");

        let refused = db.handlers().replay(SCHEDULER, earnorm::position::Position::START).await.unwrap_err().to_string();
        assert!(refused.contains("reads nothing of the log"), "{refused}");
        assert_eq!(db.handlers().resume(SCHEDULER).await.unwrap(), [SCHEDULER]);
        three.run_until_idle().await.unwrap();
        two.run_until_idle().await.unwrap();
        let expected: [&[&str]; 3] = [&[], &["28 12:30"], &["28 12:20", "28 12:30"]];
        assert_eq!(policies.ran(), expected);
        assert_eq!(notes.len(), 1, "an event that was planned follows once");
        three.run_until_idle().await.unwrap();
        two.run_until_idle().await.unwrap();
        assert_eq!((policies.ran(), notes.len()), (Default::default(), 1));
        clock.advance(5 * MINUTE);
        three.run_until_idle().await.unwrap();
        two.run_until_idle().await.unwrap();
        assert_eq!(policies.ran(), [["28 12:40"], ["28 12:40"], ["28 12:40"]]);
        two.stop().await.unwrap();
        three.stop().await.unwrap();
        let mut planned: Vec<_> = db.events().by_type("schedule.*").all().await.unwrap();
        planned.retain(|event| event.data().unwrap().contains_key("planned_at"));
        let times = planned.iter().map(|event| (event.event_type.clone(), event.data().unwrap().get_datetime("planned_at").unwrap().timestamp_millis()));
        let distinct: std::collections::BTreeSet<_> = times.collect();
        assert_eq!((planned.len(), distinct.len()), (2 + 3 + 4, 9));
    }
}
