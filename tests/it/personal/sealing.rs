//! What stands where while nothing is erased.

use super::*;
use earnorm::personal::{Personal, SEALED_SUBTYPE};
use earnorm::snapshot::SnapshotPolicy;

every_store! {
    async fn the_log_tells_nothing_and_documents_stay_plain(db: Database) {
        let customer = lived(&db).await;
        db.create(invoice("i-1", customer.id)).await.unwrap();
        let mut file = db.start::<Patient>(customer.id, Admitted { id: customer.id, name: NAME.into() }).await.unwrap();
        file.raise(Treated { note: Some(NAME.into()), hours: 2 }).unwrap();
        file.save(&db).await.unwrap();
        let log = raw_log(&db).await;
        assert_eq!(log.len(), 10);
        for data in &log {
            assert!(CANARIES.iter().all(|canary| !holds(data, canary)), "{data}");
        }
        for collection in ["p_customers", "p_invoices", "p_patients"] {
            assert!(documents(&db, collection).await.iter().all(|document| holds(document, NAME)), "{collection}");
        }
        assert_whole(&db).await;
    }

    async fn the_history_is_readable(db: Database) {
        let customer = lived(&db).await;
        let history = Customer::history(&db, customer.id).await.unwrap();
        let names: Vec<_> = history.iter().map(|revision| revision.event.name().to_owned()).collect();
        assert_eq!(names, ["created", "updated", "updated", "updated", "called", "deleted", "restored"]);
        assert_eq!(history[0].state.as_ref().unwrap(), &ada_of(customer.id));
        assert_eq!(history[3].event.data().unwrap().get_array("changes").unwrap().len(), 1);
        assert!(holds(history[3].event.data().unwrap(), &format!("new.{EMAIL}")) && holds(history[3].event.data().unwrap(), EMAIL));
        assert_eq!(history[4].event.data().unwrap().get_str("about").unwrap(), format!("about {NAME}"));
        assert_eq!(history[6].state.as_ref().unwrap(), &*customer);
        let changes = Customer::changes_between(&db, customer.id, 1, 3).await.unwrap();
        assert_eq!(changes.paths(), ["address.city", "plan"]);
        let events = db.events().by_type("p_customer.called").all().await.unwrap();
        assert!(holds(events[0].data().unwrap(), NAME));
    }

    async fn filters_sorts_and_unique_values_work(db: Database) {
        let customer = db.create(ada()).await.unwrap();
        let grace = Customer { name: "Grace".into(), email: None, born: Some(1906), ..ada() };
        db.create(grace).await.unwrap();
        for filter in [
            Customer::EMAIL.eq(EMAIL),
            Customer::NAME.eq(NAME),
            Customer::NAME.starts_with("Ada-"),
            Customer::NAME.lt("B"),
            Customer::BORN.lt(1900),
            Customer::ADDRESS.some().then(Address::CITY).eq(CITY) & Customer::EMAIL.is_some(),
            Customer::NAME.is_known() & !Customer::NAME.eq("Grace"),
        ] {
            let found = Customer::find(filter).all(&db).await.unwrap();
            assert_eq!(found.iter().map(|found| found.id).collect::<Vec<_>>(), [customer.id]);
        }
        assert_eq!(Customer::find(Customer::NAME.is_erased()).count(&db).await.unwrap(), 0);
        let sorted = Customer::all().sort(Customer::NAME.desc()).all(&db).await.unwrap();
        assert_eq!(sorted[0].name, "Grace");
        assert!(matches!(db.create(ada()).await, Err(Error::Unique(_))));
    }

    async fn rules_look_into_personal_values(db: Database) {
        let nameless = Customer { name: "".into(), ..ada() };
        assert!(matches!(db.create(nameless).await, Err(Error::Validation { .. })));
        let erased = Customer { name: Personal::Erased, ..ada() };
        let id = db.create(erased).await.unwrap().id;
        assert!(Customer::load(&db, id).await.unwrap().name.is_erased());
    }

    async fn values_of_the_sealed_subtype_are_refused(db: Database) {
        #[model(name = "p_blob", collection = "p_blobs")]
        #[derive(Debug, Clone)]
        struct Blob {
            #[model(id)]
            id: i64,
            parts: Vec<bson::Binary>,
        }
        #[event(name = "forged")]
        #[derive(Debug, Clone)]
        struct Forged {
            part: bson::Binary,
        }
        let registry = earnorm::Registry::empty().model::<Blob>();
        let db = Database::builder().registry(registry).store(db.store().clone()).await.unwrap();
        let part = |subtype| bson::Binary { subtype, bytes: vec![1; 64] };
        let sealed = part(bson::spec::BinarySubtype::UserDefined(SEALED_SUBTYPE));
        let error = db.create(Blob { id: 1, parts: vec![sealed.clone()] }).await.unwrap_err();
        assert!(error.to_string().contains("field `parts`") && error.to_string().contains("0xE5"), "{error}");
        let other = part(bson::spec::BinarySubtype::UserDefined(0x90));
        let mut blob = db.create(Blob { id: 1, parts: vec![other] }).await.unwrap();
        assert!(blob.raise(Forged { part: sealed }).is_err());
    }

    async fn snapshots_are_sealed_and_open_again(db: Database) {
        let builder = Database::builder().registry(registry()).snapshots(SnapshotPolicy::every(2));
        let db = builder.store(db.store().clone()).await.unwrap();
        let customer = lived(&db).await;
        for _ in 0..2 {
            assert_eq!(Customer::at_version(&db, customer.id, 7).await.unwrap().unwrap(), *customer);
        }
        let snapshots = documents(&db, &db.store().admin().own(Own::Snapshots)).await;
        assert!(snapshots.len() >= 3);
        assert!(snapshots.iter().all(|snapshot| CANARIES.iter().all(|canary| !holds(snapshot, canary))));
        let report = db.erase_subject(customer.id).await.unwrap();
        assert_eq!(report.snapshots, snapshots.len() as u64);
        let then = Customer::at_version(&db, customer.id, 7).await.unwrap().unwrap();
        assert!(then.name.is_erased() && then.plan == "paid");
        assert_whole(&db).await;
    }

    async fn the_state_of_a_snapshot_opens_in_that_snapshot_alone(db: Database) {
        let builder = Database::builder().registry(registry()).snapshots(SnapshotPolicy::every(2));
        let db = builder.store(db.store().clone()).await.unwrap();
        let mut customer = db.create(ada()).await.unwrap();
        for version in 2..5 {
            customer.name = format!("name {version}").as_str().into();
            customer.save(&db).await.unwrap();
        }
        let read = async || {
            let then = Customer::at_version(&db, customer.id, 4).await.unwrap().unwrap();
            (then.name.known().unwrap(), then.plan)
        };
        assert_eq!(read().await, ("name 4".to_owned(), "free".to_owned()));
        let own = db.store().admin().own(Own::Snapshots);
        let mut notes = documents(&db, &own).await;
        notes.sort_by_key(|note| note.get_i64("v").unwrap());
        let [second, fourth] = notes.try_into().unwrap();
        let put = async |state: &Document| {
            let mut note = fourth.clone();
            note.insert("state", state.clone());
            note.get_document_mut("state").unwrap().insert("plan", "planted");
            db.store().admin().put(&own, vec![note], earnorm::store::PutRule::Always).await.unwrap();
        };
        put(fourth.get_document("state").unwrap()).await;
        assert_eq!(read().await, ("name 4".to_owned(), "planted".to_owned()), "it is gone on from");
        put(second.get_document("state").unwrap()).await;
        assert_eq!(read().await, ("name 4".to_owned(), "free".to_owned()), "one that was moved is not");
    }

    async fn a_page_of_events_asks_for_keys_once(db: Database) {
        let counting = super::store::Keys::over(&db);
        let db = counting.database(&db).await;
        db.create_many((0..40).map(|n| Customer { email: Some(format!("a{n}@example.org")), ..ada() })).await.unwrap();
        assert_eq!(counting.calls("current"), 1, "one question for all keys of a unit");
        let before = counting.calls("find");
        assert_eq!(Customer::fold_all(&db).await.unwrap().len(), 40);
        assert_eq!(counting.calls("find"), before + 1);
        Customer::fold_all(&db).await.unwrap();
        assert_eq!(counting.calls("find"), before + 1, "and none while they are kept");
    }
}

fn ada_of(id: Uuid) -> Customer {
    Customer { id, ..ada() }
}
