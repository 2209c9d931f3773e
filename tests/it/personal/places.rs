//! Events that no save writes: they are sealed like any other.

use super::*;
use earnorm::store::PutRule;

every_store! {
    async fn adopted_documents_are_sealed(db: Database) {
        let customer = Customer { email: Some(EMAIL.into()), ..ada() };
        let mut plain = customer.encode().unwrap();
        plain.insert("plan", "old");
        db.store().admin().put("p_customers", vec![plain], PutRule::Always).await.unwrap();
        assert!(db.erase_subject(customer.id).await.unwrap_err().to_string().contains("baseline"));
        assert_eq!(db.adopt::<Customer>().unwrap().run().await.unwrap().adopted, 1);
        assert!(raw_log(&db).await.iter().all(|data| !holds(data, NAME)));
        assert_eq!(Customer::at_version(&db, customer.id, 1).await.unwrap().unwrap().name, NAME);
        db.erase_subject(customer.id).await.unwrap();
        assert_gone(&db, &CANARIES).await;
        assert_whole(&db).await;
    }

    async fn edits_made_outside_are_sealed(db: Database) {
        let customer = db.create(ada()).await.unwrap();
        let mut edited = documents(&db, "p_customers").await.remove(0);
        edited.get_document_mut("address").unwrap().insert("city", "Canary-Town-2");
        db.store().admin().put("p_customers", vec![edited], PutRule::Always).await.unwrap();
        let found = db.verify::<Customer>().unwrap().record_outside_edits().run().await.unwrap();
        assert_eq!(found.recorded, 1);
        assert!(raw_log(&db).await.iter().all(|data| !holds(data, CITY)));
        let second = Customer::at_version(&db, customer.id, 2).await.unwrap().unwrap();
        assert_eq!(second.address.unwrap().city, "Canary-Town-2");
        assert_whole(&db).await;
        db.erase_subject(customer.id).await.unwrap();
        assert_gone(&db, &CANARIES).await;
        assert_whole(&db).await;
    }

    async fn baselines_and_archives_are_sealed(db: Database) {
        let customer = lived(&db).await;
        let end = db.store().high_water().await.unwrap();
        let mut archive = Vec::new();
        db.truncate_below(end).unwrap().run(&mut archive).await.unwrap();
        assert!(raw_log(&db).await.iter().all(|data| CANARIES.iter().all(|canary| !holds(data, canary))));
        let archive = String::from_utf8(archive).unwrap();
        assert!(CANARIES.iter().all(|canary| !archive.contains(canary)));
        assert_eq!(Customer::at_version(&db, customer.id, 8).await.unwrap().unwrap(), *customer);
        db.erase_subject(customer.id).await.unwrap();
        assert_gone(&db, &CANARIES).await;
        assert_whole(&db).await;
    }
}
