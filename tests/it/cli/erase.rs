//! Erasing a person's data: only with the models, and only when the subject was typed twice.

use earnorm::Registry;
use earnorm::cli::Exit;
use earnorm::prelude::*;

use super::{bare, run};

#[model]
#[derive(Debug, Clone)]
struct Client {
    #[model(id)]
    id: i64,
    #[model(personal)]
    phone: Option<String>,
    city: String,
}

fn registry() -> Registry {
    Registry::empty().model::<Client>()
}

every_store! {
    async fn a_person_is_erased_after_a_confirmation(db: Database) {
        for id in [1, 2] {
            db.create(Client { id, phone: Some(format!("555-{id}")), city: "Turin".into() }).await.unwrap();
        }
        let phone = async |stream: &str| {
            run(bare(&db), &format!("stream show {stream} --json")).await.json()["state"]["phone"].clone()
        };
        assert_eq!(phone("client-1").await, "555-1");
        run(bare(&db), "erase 1 --yes 1").await.fails(Exit::NeedsCode, &["personal", "earnorm::cli::run()"]);
        run(&db, "erase 1").await.fails(Exit::Usage, &["cannot be taken back", "--yes 1"]);
        run(&db, "erase 1 --yes 2").await.fails(Exit::Usage, &["not confirmed", "nothing was changed"]);
        assert_eq!(phone("client-1").await, "555-1");
        let report = run(&db, "erase 1 --yes 1 --json").await.json();
        assert_eq!((&report["keys"], &report["documents"]), (&1.into(), &1.into()));
        assert!(phone("client-1").await.is_null());
        assert_eq!(phone("client-2").await, "555-2");
        for line in ["log tail --stream client-1", "stream show client-1 --diff", "stream show client-1 --history"] {
            assert!(!run(&db, line).await.ok().contains("555-1"), "{line}");
        }
        run(&db, "verify").await.ok();
        let again = run(&db, "erase 99 --yes 99").await;
        assert!(again.err.contains("no personal data of this subject"), "{again:?}");
        assert_eq!(again.ok(), "0 keys destroyed, 0 documents blanked, of 0 instances\n");
    }
}
