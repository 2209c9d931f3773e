//! Time travel: at a version, as of a moment, and what differs.

use earnorm::Registry;
use earnorm::prelude::*;
use earnorm::snapshot::SnapshotPolicy;

use crate::support::ManualClock;
use crate::support::meddler::Meddler;

#[model]
#[derive(Debug, Clone, PartialEq)]
struct Car {
    #[model(id)]
    id: i64,
    colour: String,
    km: u32,
    owner: Option<String>,
}

fn registry() -> Registry {
    Registry::empty().model::<Car>()
}

fn car() -> Car {
    Car { id: 1, colour: "red".into(), km: 0, owner: None }
}

every_store! {
    async fn every_version_can_be_rebuilt(db: Database) {
        let mut car = db.create(car()).await.unwrap();
        let mut states = vec![Some((*car).clone())];
        for km in 1..=6 {
            car.km = km * 100;
            car.owner = (km % 2 == 0).then(|| format!("owner {km}"));
            car.save(&db).await.unwrap();
            states.push(Some((*car).clone()));
        }
        car.delete(&db).await.unwrap();
        states.push(None);
        for (index, state) in states.iter().enumerate() {
            assert_eq!(Car::at_version(&db, 1, index as u64 + 1).await.unwrap(), *state);
        }
        let history = Car::history(&db, 1).await.unwrap();
        let folded: Vec<_> = history.into_iter().map(|revision| revision.state).collect();
        assert_eq!(folded, states);
        assert_eq!(Car::at_version(&db, 1, 0).await.unwrap(), None);
        let error = Car::at_version(&db, 1, 99).await.unwrap_err();
        assert!(error.to_string().contains("the stream has 8 versions"), "{error}");
        assert!(Car::history(&db, 2).await.unwrap().is_empty());
    }

    async fn changes_between_versions_go_both_ways(db: Database) {
        let mut car = db.create(car()).await.unwrap();
        car.km = 5;
        car.save(&db).await.unwrap();
        car.colour = "blue".into();
        car.save(&db).await.unwrap();
        assert_eq!(Car::changes_between(&db, 1, 1, 3).await.unwrap().paths(), ["colour", "km"]);
        let back = Car::changes_between(&db, 1, 3, 1).await.unwrap();
        assert_eq!(back.iter().next().unwrap().new, Some("red".into()));
        assert_eq!(Car::changes_between(&db, 1, 0, 1).await.unwrap().len(), 4);
        assert!(Car::changes_between(&db, 1, 2, 2).await.unwrap().is_empty());
    }

    async fn as_of_takes_the_events_before_the_first_later_one(db: Database) {
        let clock = ManualClock::at(1_000_000);
        let db = Database::builder()
            .registry(registry())
            .clock(clock.clone())
            .store(std::sync::Arc::clone(db.store()))
            .await
            .unwrap();
        let at = |millis| DateTime::from_timestamp_millis(millis).unwrap();
        let mut car = db.create(car()).await.unwrap();
        clock.advance(10);
        car.km = 1;
        car.save(&db).await.unwrap();
        // The clock falls back; the stream's time does not.
        clock.advance(-500);
        car.km = 2;
        car.save(&db).await.unwrap();
        clock.advance(1_000);
        car.km = 3;
        car.save(&db).await.unwrap();
        let mut times = Vec::new();
        for (moment, km) in [(999_999, None), (1_000_000, Some(0)), (1_000_009, Some(0)), (1_000_010, Some(2)),
            (1_000_509, Some(2)), (1_000_510, Some(3)), (9_000_000, Some(3))] {
            times.push((moment, Car::as_of(&db, 1, at(moment)).await.unwrap().map(|car| car.km) == km));
        }
        assert!(times.iter().all(|(_, right)| *right), "{times:?}");
    }

    async fn folding_runs_no_hooks_and_reads_long_streams(db: Database) {
        let mut car = db.create(car()).await.unwrap();
        let unit = db.unit();
        for km in 1..=400 {
            car.km = km;
            car.save(&unit).await.unwrap();
        }
        unit.commit().await.unwrap();
        let unit = db.unit();
        for km in 401..=700 {
            car.km = km;
            car.save(&unit).await.unwrap();
        }
        unit.commit().await.unwrap();
        let unit = db.unit();
        for km in 701..=1_050 {
            car.km = km;
            car.save(&unit).await.unwrap();
        }
        unit.commit().await.unwrap();
        assert_eq!(car.version(), 1_051);
        assert_eq!(Car::at_version(&db, 1, 1_051).await.unwrap().unwrap().km, 1_050);
        assert_eq!(Car::at_version(&db, 1, 1_001).await.unwrap().unwrap().km, 1_000);
        let history = Car::history(&db, 1).await.unwrap();
        assert_eq!(history.iter().map(|revision| revision.event.version).collect::<Vec<_>>(), (1..=1_051).collect::<Vec<_>>());
        assert_eq!(history[1_050].state.as_ref().unwrap().km, 1_050);
    }

    async fn a_fold_up_to_a_moment_reads_no_page_behind_it(db: Database) {
        let clock = ManualClock::at(1_000_000);
        let (meddled, meddler) = Meddler::at(&db, registry()).await;
        let db = Database::builder().registry(registry()).clock(clock.clone()).snapshots(SnapshotPolicy::never());
        let db = db.store(std::sync::Arc::clone(meddled.store())).await.unwrap();
        let mut car = db.create(car()).await.unwrap();
        for part in [1..=500, 501..=1_000] {
            clock.advance(1);
            let unit = db.unit();
            for km in part {
                car.km = km;
                car.save(&unit).await.unwrap();
            }
            unit.commit().await.unwrap();
        }
        meddler.forget();
        let moment = DateTime::from_timestamp_millis(1_000_001).unwrap();
        assert_eq!(Car::as_of(&db, 1, moment).await.unwrap().unwrap().km, 500);
        assert_eq!(meddler.calls("read_stream").len(), 1);
    }
}
