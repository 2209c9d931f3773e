//! What an erasure leaves.

use super::*;

every_store! {
    async fn an_erased_subject_is_erased_everywhere(db: Database) {
        let customer = lived(&db).await;
        let other = db.create(Customer { email: Some("grace@example.org".into()), name: "Grace".into(), ..ada() }).await;
        let other = other.unwrap();
        let report = db.erase_subject(customer.id).await.unwrap();
        assert_eq!(counts(&report), (1, 1, 1, 1));
        assert!(report.projections.is_empty());

        let now = Customer::load(&db, customer.id).await.unwrap();
        let blank = Customer { name: Personal::Erased, email: None, address: None, born: None, ..Customer::clone(&customer) };
        assert_eq!((&*now, now.version()), (&blank, 8));
        let history = Customer::history(&db, customer.id).await.unwrap();
        assert_eq!(history.last().unwrap().event.event_type, "p_customer.erased");
        let plans: Vec<_> = history.iter().filter_map(|revision| Some(revision.state.as_ref()?.plan.clone())).collect();
        assert_eq!(plans, ["free", "paid", "paid", "paid", "paid", "paid", "paid"]);
        for state in history.iter().filter_map(|revision| revision.state.as_ref()) {
            assert_eq!(state, &Customer { plan: state.plan.clone(), ..blank.clone() });
        }
        let called = history[4].event.data().unwrap();
        assert_eq!((called.get("about"), called.get_i32("minutes").unwrap()), (Some(&bson::Bson::Null), 7));
        let change = history[3].event.data().unwrap().get_array("changes").unwrap()[0].as_document().unwrap();
        assert_eq!([change.get("new"), change.get("old")], [Some(&bson::Bson::Null); 2]);
        assert_eq!(Customer::at_version(&db, customer.id, 1).await.unwrap().unwrap().plan, "free");
        let then = Customer::as_of(&db, customer.id, history[6].event.recorded_at).await.unwrap().unwrap();
        assert!(then.name.is_erased());
        assert_eq!(Customer::fold_all(&db).await.unwrap()[&customer.id.to_string()].as_ref(), Some(&blank));

        let kept = Customer::at_version(&db, other.id, 1).await.unwrap().unwrap();
        assert_eq!(kept, *other);
        assert_complete(&db, customer.id).await;
        assert_whole(&db).await;
    }

    async fn nothing_of_it_is_left_in_the_store(db: Database) {
        let customer = lived(&db).await;
        db.create(invoice("i-1", customer.id)).await.unwrap();
        db.erase_subject(customer.id).await.unwrap();
        assert_gone(&db, &CANARIES).await;
        db.rebuild::<Customer>().unwrap().run().await.unwrap();
        assert_gone(&db, &CANARIES).await;
        assert_whole(&db).await;
    }

    async fn one_subject_is_erased_in_all_models(db: Database) {
        let (customer, other) = (db.create(ada()).await.unwrap(), Uuid::now_v7());
        for n in 0..3 {
            db.create(invoice(&format!("hers-{n}"), customer.id)).await.unwrap();
        }
        db.create(invoice("other", other)).await.unwrap();
        let mut gone = db.create(invoice("gone", customer.id)).await.unwrap();
        gone.delete(&db).await.unwrap();
        let report = db.erase_subject(customer.id).await.unwrap();
        assert_eq!(counts(&report), (1, 4, 4, 4));
        for invoice in Invoice::find(Invoice::CUSTOMER.eq(customer.id)).all(&db).await.unwrap() {
            assert!(invoice.billed_to.is_erased() && invoice.cents == 1200);
            assert!(Invoice::at_version(&db, invoice.id.clone(), 1).await.unwrap().unwrap().billed_to.is_erased());
        }
        assert_eq!(Invoice::load(&db, "other").await.unwrap().billed_to, NAME);
        let history = Invoice::history(&db, "gone").await.unwrap();
        assert!(history[0].state.as_ref().unwrap().billed_to.is_erased());
        assert_whole(&db).await;
    }

    async fn deleted_instances_are_erased_too(db: Database) {
        let mut soft = db.create(ada()).await.unwrap();
        soft.delete(&db).await.unwrap();
        let mut hard = db.create(ada()).await.unwrap();
        hard.hard_delete(&db).await.unwrap();
        assert_eq!(counts(&db.erase_subject(soft.id).await.unwrap()), (1, 1, 1, 1));
        assert_eq!(counts(&db.erase_subject(hard.id).await.unwrap()), (1, 0, 0, 0));
        assert_gone(&db, &CANARIES).await;
        assert_whole(&db).await;
        let soft = Customer::restore(&db, soft.id).await.unwrap();
        assert!(soft.name.is_erased() && soft.plan == "free");
        let hard = Customer::restore(&db, hard.id).await.unwrap();
        assert!(hard.name.is_erased() && hard.email.is_none() && hard.plan == "free");
        assert_whole(&db).await;
    }

    async fn sourced_models_forget_what_their_events_said(db: Database) {
        let id = Uuid::now_v7();
        let mut file = db.start::<Patient>(id, Admitted { id, name: NAME.into() }).await.unwrap();
        file.raise(Treated { note: Some(EMAIL.into()), hours: 2 }).unwrap();
        file.raise(Treated { note: Some(CITY.into()), hours: 3 }).unwrap();
        file.save(&db).await.unwrap();
        assert_eq!(Patient::at_version(&db, id, 2).await.unwrap().unwrap().note.as_deref(), Some(EMAIL));
        assert_eq!(counts(&db.erase_subject(id).await.unwrap()), (1, 1, 1, 1));
        assert_gone(&db, &CANARIES).await;
        let hours: Vec<_> = Patient::history(&db, id).await.unwrap().into_iter().map(|r| r.state.unwrap().hours).collect();
        assert_eq!(hours, [0, 2, 5, 5]);
        let mut file = Patient::load(&db, id).await.unwrap();
        assert!(file.name.is_erased() && file.note.is_none());
        file.raise(Treated { note: None, hours: 1 }).unwrap();
        file.save(&db).await.unwrap();
        assert_eq!(Patient::load(&db, id).await.unwrap().hours, 6);
        assert_whole(&db).await;
    }

    async fn new_consent_gets_a_new_key(db: Database) {
        let customer = lived(&db).await;
        db.erase_subject(customer.id).await.unwrap();
        let mut back = Customer::load(&db, customer.id).await.unwrap();
        back.name = "Augusta".into();
        back.address = Some(Address { street: "S".into(), city: "C".into() });
        back.save(&db).await.unwrap();
        back.address.as_mut().unwrap().city = "D".into();
        back.save(&db).await.unwrap();
        let history = Customer::history(&db, customer.id).await.unwrap();
        assert_eq!(history.last().unwrap().state.as_ref(), Some(&*back));
        assert!(history[0].state.as_ref().unwrap().name.is_erased());
        assert_whole(&db).await;
        assert_eq!(counts(&db.erase_subject(customer.id).await.unwrap()), (1, 1, 1, 1));
        assert_gone(&db, &["Augusta"]).await;
        assert_whole(&db).await;
    }

    async fn an_erased_value_is_free_for_others(db: Database) {
        let customer = db.create(ada()).await.unwrap();
        db.erase_subject(customer.id).await.unwrap();
        let second = db.create(ada()).await.unwrap();
        assert_eq!(Customer::find(Customer::EMAIL.eq(EMAIL)).first(&db).await.unwrap().unwrap().id, second.id);
        assert_eq!(Customer::find(Customer::NAME.is_erased()).first(&db).await.unwrap().unwrap().id, customer.id);
    }

    async fn an_instance_of_another_subject_from_now_on_is_sealed_for_that_one(db: Database) {
        let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
        let mut moved = db.create(invoice("i", first)).await.unwrap();
        moved.customer = second;
        moved.save(&db).await.unwrap();
        db.erase_subject(first).await.unwrap();
        assert_eq!(Invoice::load(&db, "i").await.unwrap().billed_to, NAME);
        let history = Invoice::history(&db, "i").await.unwrap();
        assert!(history[0].state.as_ref().unwrap().billed_to.is_erased());
        assert_eq!(history[1].state.as_ref().unwrap().billed_to, NAME);
        assert_whole(&db).await;
        db.erase_subject(second).await.unwrap();
        assert_gone(&db, &CANARIES).await;
        assert_whole(&db).await;
    }

    async fn an_entity_in_memory_does_not_bring_the_data_back(db: Database) {
        let mut stale = db.create(ada()).await.unwrap();
        db.erase_subject(stale.id.to_string().to_uppercase()).await.unwrap();
        stale.plan = "paid".into();
        assert!(stale.save(&db).await.unwrap_err().is_conflict());
        stale.reload(&db).await.unwrap();
        stale.plan = "paid".into();
        stale.save(&db).await.unwrap();
        assert_gone(&db, &CANARIES).await;
        stale.revert_to(&db, 1).await.unwrap();
        assert!(stale.name.is_erased() && stale.plan == "free");
    }

    async fn an_erasure_is_told_with_its_metadata(db: Database) {
        let customer = db.create(ada()).await.unwrap();
        db.with_metadata(Metadata::new().actor("officer")).erase_subject(customer.id).await.unwrap();
        let erased = db.events().by_type("*.erased").all().await.unwrap();
        assert_eq!((erased.len(), erased[0].metadata.actor.as_deref()), (1, Some("officer")));
        let fields: Vec<_> = erased[0].data().unwrap().get_array("fields").unwrap().iter().filter_map(|name| name.as_str()).collect();
        assert_eq!(fields, ["name", "email", "address", "born"]);
        assert_eq!(counts(&db.erase_subject(Uuid::now_v7()).await.unwrap()), (0, 0, 0, 0));
        assert!(matches!(db.erase_subject("").await, Err(Error::InvalidName { .. })));
    }

    async fn dead_letters_are_blanked(db: Database) {
        let customer = db.create(ada()).await.unwrap();
        let stream = customer.stream().unwrap().to_string();
        let admin = db.store().admin();
        let letters = [
            bson::doc! { "_id": 1, "stream": &stream, "error": format!("cannot mail {EMAIL}"), "attempts": 3 },
            bson::doc! { "_id": 2, "stream": "p_customer-other", "error": "time-out" },
        ];
        let own = admin.own(Own::DeadLetters);
        admin.put(&own, letters.to_vec(), earnorm::store::PutRule::Always).await.unwrap();
        assert_eq!(db.erase_subject(customer.id).await.unwrap().dead_letters, 1);
        assert_gone(&db, &CANARIES).await;
        let mut left = documents(&db, &own).await;
        left.sort_by_key(|letter| letter.get_i32("_id").unwrap());
        assert_eq!((left[0].get_i32("attempts").unwrap(), left[1].get_str("error").unwrap()), (3, "time-out"));
        assert_complete(&db, customer.id).await;
    }

    async fn dead_letters_about_an_instance_without_a_document_are_blanked(db: Database) {
        let mut gone = db.create(ada()).await.unwrap();
        gone.hard_delete(&db).await.unwrap();
        let stream = gone.stream().unwrap().to_string();
        let letter = bson::doc! { "_id": 1, "stream": &stream, "error": format!("cannot mail {EMAIL}") };
        let own = db.store().admin().own(Own::DeadLetters);
        db.store().admin().put(&own, vec![letter], earnorm::store::PutRule::Always).await.unwrap();
        let report = db.erase_subject(gone.id).await.unwrap();
        assert_eq!((report.dead_letters, counts(&report)), (1, (1, 0, 0, 0)));
        assert_gone(&db, &CANARIES).await;
    }

    async fn errors_of_streams_that_wait_are_blanked(db: Database) {
        let customer = db.create(ada()).await.unwrap();
        let stream = customer.stream().unwrap().to_string();
        let (admin, id) = (db.store().admin(), format!("mail/{stream}"));
        let waits = bson::doc! { "_id": &id, "_v": 2_i64, "stream": &stream, "error": format!("no {EMAIL}"), "attempts": 3 };
        let own = admin.own(Own::Parked);
        admin.put(&own, vec![waits], earnorm::store::PutRule::Always).await.unwrap();
        assert_eq!(db.erase_subject(customer.id).await.unwrap().parked, 1);
        assert_gone(&db, &CANARIES).await;
        assert_eq!(documents(&db, &own).await[0].get_i32("attempts").unwrap(), 3, "the stream goes on waiting");
        assert_eq!(db.erase_subject(customer.id).await.unwrap().parked, 0);
    }
}
