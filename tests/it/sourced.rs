//! Sourced models: only their events change them.

use earnorm::Registry;
use earnorm::commit::{Append, Commit};
use earnorm::event::NewEvent;
use earnorm::prelude::*;
use earnorm::stream::{ExpectedVersion, StreamId};

#[model(sourced)]
#[derive(Debug, Clone, PartialEq)]
struct Order {
    #[model(id)]
    id: String,
    #[model(index)]
    customer: String,
    paid: i64,
    open: bool,
}

#[event]
#[derive(Debug, Clone)]
struct Placed {
    number: String,
    customer: String,
}

#[event(name = "payment_received")]
#[derive(Debug, Clone)]
struct PaymentReceived {
    cents: i64,
    method: String,
}

#[event]
#[derive(Debug, Clone)]
struct Closed;

#[model]
impl Order {
    #[apply]
    fn placed(event: &Placed) -> Self {
        Self { id: event.number.clone(), customer: event.customer.clone(), paid: 0, open: true }
    }

    #[apply]
    fn payment_received(&mut self, event: &PaymentReceived) {
        self.paid += event.cents;
    }

    #[apply]
    fn closed(&mut self, _: &Closed) {
        self.open = false;
    }

    #[validate]
    fn not_overpaid(&self) -> Result<(), ValidationError> {
        if self.paid > 10_000 { Err(ValidationError::new("paid", "is too much")) } else { Ok(()) }
    }

    #[pre_save]
    fn close_when_paid(&self, cx: &mut PreContext<'_, Order>) -> Result<(), Abort> {
        if self.open && self.paid >= 5_000 {
            cx.raise(Closed)?;
        }
        Ok(())
    }
}

fn registry() -> Registry {
    Registry::empty().model::<Order>().hooks_of::<Order>().model::<Tracked>()
}

/// A tracked model may raise events beside its changes.
#[model]
#[derive(Debug, Clone)]
struct Tracked {
    #[model(id)]
    id: i64,
    size: i32,
}

fn placed(number: &str) -> Placed {
    Placed { number: number.into(), customer: "ada".into() }
}

fn paid(cents: i64) -> PaymentReceived {
    PaymentReceived { cents, method: "card".into() }
}

every_store! {
    async fn events_make_the_state(db: Database) {
        let mut order = db.start::<Order>("o-1", placed("o-1")).await.unwrap();
        assert_eq!((order.version(), order.open), (1, true));
        order.raise(paid(1_200)).unwrap();
        assert_eq!(order.paid, 1_200, "a raised event applies at once");
        order.raise(paid(300)).unwrap();
        order.save(&db).await.unwrap();
        assert_eq!(order.version(), 3);
        let events = db.events().category("order").all().await.unwrap();
        let types: Vec<_> = events.iter().map(|event| event.event_type.as_str()).collect();
        assert_eq!(types, ["order.placed", "order.payment_received", "order.payment_received"]);
        assert_eq!(events[1].schema_version, 1);
        let stored = Order::load(&db, "o-1").await.unwrap();
        assert_eq!(*stored, *order);
        assert_eq!(Order::at_version(&db, "o-1", 2).await.unwrap().unwrap().paid, 1_200);
        assert_eq!(Order::at_version(&db, "o-1", 3).await.unwrap().unwrap(), *stored);
    }

    async fn a_hook_may_raise(db: Database) {
        let mut order = db.start::<Order>("o-1", placed("o-1")).await.unwrap();
        order.raise(paid(5_000)).unwrap();
        order.save(&db).await.unwrap();
        assert!(!order.open);
        assert_eq!(order.version(), 3);
        assert_eq!(Order::at_version(&db, "o-1", 3).await.unwrap().unwrap(), *order);
    }

    async fn a_change_without_an_event_is_refused(db: Database) {
        let mut order = db.start::<Order>("o-1", placed("o-1")).await.unwrap();
        order.paid = 7;
        let error = order.save(&db).await.unwrap_err();
        assert!(matches!(&error, Error::Unexplained { fields, .. } if fields == &["paid"]), "{error:?}");
        let bare = Order { id: "o-2".into(), customer: "ada".into(), paid: 0, open: true };
        assert!(matches!(db.create(bare).await.unwrap_err(), Error::InvalidCommit { .. }));
        assert!(matches!(order.revert_to(&db, 1).await.unwrap_err(), Error::Unsupported { .. }));
    }

    async fn a_refused_save_keeps_its_events_for_the_next(db: Database) {
        let mut order = db.start::<Order>("o-1", placed("o-1")).await.unwrap();
        let mut rival = Order::load(&db, "o-1").await.unwrap();
        rival.raise(paid(1)).unwrap();
        rival.save(&db).await.unwrap();
        order.raise(paid(2)).unwrap();
        assert!(order.save(&db).await.unwrap_err().is_conflict());
        assert_eq!(order.version(), 1);
        let unit = db.unit();
        order.save(&unit).await.unwrap();
        assert!(unit.commit().await.unwrap_err().is_conflict());
        let settled = Order::retry_on_conflict(&db, "o-1", |order| order.raise(paid(2))).await.unwrap();
        assert_eq!((settled.version(), settled.paid), (3, 3));
        order.raise(paid(10_001)).unwrap();
        assert!(matches!(order.save(&db).await.unwrap_err(), Error::Validation { .. }));
    }

    async fn a_unit_saves_an_instance_twice(db: Database) {
        let unit = db.unit();
        let mut order = unit.start::<Order>("o-1", placed("o-1")).await.unwrap();
        order.raise(paid(1)).unwrap();
        order.save(&unit).await.unwrap();
        order.raise(paid(2)).unwrap();
        order.save(&unit).await.unwrap();
        let receipt = unit.commit().await.unwrap();
        let versions: Vec<_> = receipt.events().iter().map(|event| event.version).collect();
        assert_eq!((versions, order.version()), (vec![1, 2, 3], 3));
        assert_eq!(Order::load(&db, "o-1").await.unwrap().paid, 3);
        assert_eq!(Order::at_version(&db, "o-1", 3).await.unwrap().unwrap().paid, 3);
    }

    async fn a_sourced_instance_is_deleted_and_restored(db: Database) {
        let mut order = db.start::<Order>("o-1", placed("o-1")).await.unwrap();
        order.delete(&db).await.unwrap();
        assert!(Order::at_version(&db, "o-1", 2).await.unwrap().is_none());
        let mut order = Order::restore(&db, "o-1").await.unwrap();
        order.raise(paid(5)).unwrap();
        order.save(&db).await.unwrap();
        let versions: Vec<_> = Order::history(&db, "o-1").await.unwrap().into_iter().map(|r| r.state.map(|o| o.paid)).collect();
        assert_eq!(versions, [Some(0), None, Some(0), Some(5)]);
    }

    async fn events_raised_with_a_delete_or_a_restore_count_once(db: Database) {
        let mut order = db.start::<Order>("o-1", placed("o-1")).await.unwrap();
        order.raise(paid(7)).unwrap();
        order.delete(&db).await.unwrap();
        assert_eq!((order.version(), order.paid), (3, 7));
        order.raise(paid(5)).unwrap();
        order.restore(&db).await.unwrap();
        assert_eq!((order.version(), Order::load(&db, "o-1").await.unwrap().paid), (5, 12));
        assert_eq!(Order::at_version(&db, "o-1", 4).await.unwrap().unwrap().paid, 7);
        assert_eq!(Order::at_version(&db, "o-1", 5).await.unwrap().unwrap(), *order);
        order.delete(&db).await.unwrap();
        order.paid = 99;
        let error = order.restore(&db).await.unwrap_err();
        assert!(matches!(&error, Error::Unexplained { fields, .. } if fields == &["paid"]), "{error:?}");
    }

    async fn a_fold_for_tools_reads_what_its_model_reads(db: Database) {
        let mut order = db.start::<Order>("o-1", placed("o-1")).await.unwrap();
        order.raise(paid(5)).unwrap();
        order.save(&db).await.unwrap();
        let folder = db.folder("order").unwrap();
        let mut document = order.encode().unwrap();
        folder.check(&document).unwrap();
        document.insert("paid", "much");
        let error = folder.check(&document).unwrap_err().to_string();
        assert!(error.contains("orders") && error.contains("paid"), "{error}");
        // Without its first event there is no state to tell.
        let events = db.events().all().await.unwrap();
        let mut fold = folder.begin();
        fold.add(&events[1]).unwrap();
        let error = fold.document().unwrap_err().to_string();
        assert!(error.contains("order-o-1 version 2") && error.contains("before version 2"), "{error}");
    }

    async fn an_event_of_a_tracked_model_is_none_of_a_sourced_one(db: Database) {
        let mut commit = Commit::new(Uuid::now_v7());
        let order = Order { id: "o-1".into(), customer: "ada".into(), paid: 0, open: true };
        let created = NewEvent {
            id: Uuid::now_v7(),
            event_type: "order.created".into(),
            schema_version: 1,
            data: order.encode().unwrap(),
            metadata: Metadata::new(),
            recorded_at: DateTime::from_timestamp_millis(1_000).unwrap(),
        };
        commit.appends.push(Append {
            stream: StreamId::new("order", "o-1").unwrap(),
            expected: ExpectedVersion::NoStream,
            not_before: None,
            events: vec![created],
        });
        db.store().commit(commit).await.unwrap();
        let error = Order::at_version(&db, "o-1", 1).await.unwrap_err();
        assert!(matches!(error, Error::Fold { .. }) && error.to_string().contains("method for `order.created`"), "{error}");
    }

    async fn an_event_that_makes_another_id_is_refused(db: Database) {
        let error = db.start::<Order>("o-1", placed("o-2")).await.unwrap_err();
        assert!(error.to_string().contains("o-2"), "{error}");
    }

    async fn a_tracked_model_raises_beside_its_change(db: Database) {
        let mut tracked = db.create(Tracked { id: 1, size: 1 }).await.unwrap();
        tracked.size = 2;
        tracked.raise(Closed).unwrap();
        tracked.save(&db).await.unwrap();
        tracked.raise(Closed).unwrap();
        tracked.save(&db).await.unwrap();
        let types: Vec<_> = db.events().all().await.unwrap().into_iter().map(|event| event.event_type).collect();
        assert_eq!(types, ["tracked.created", "tracked.updated", "tracked.closed", "tracked.closed"]);
        assert_eq!(tracked.version(), 4);
        assert_eq!(Tracked::at_version(&db, 1, 4).await.unwrap().unwrap().size, 2);
        tracked.raise(Closed).unwrap();
        tracked.delete(&db).await.unwrap();
        let history = Tracked::history(&db, 1).await.unwrap();
        let last: Vec<_> = history[4..].iter().map(|revision| (revision.event.name(), revision.state.is_some())).collect();
        assert_eq!(last, [("closed", true), ("deleted", false)]);
    }
}
