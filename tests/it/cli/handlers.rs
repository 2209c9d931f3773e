//! Handlers and dead letters from the command line, by a program with models and by one without.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use earnorm::cli::Exit;
use earnorm::events::{EventBus, EventContext, Handler, OnDead, RetryPolicy};
use earnorm::prelude::*;

use super::{Guest, bare, registry, run};

/// A bus whose handler `mail` parks every guest with an odd id until it is healed.
async fn bus(db: &Database, healed: &Arc<AtomicBool>) -> EventBus {
    let healed = Arc::clone(healed);
    let mail = Handler::new("mail", move |event: Arc<RecordedEvent>, _: EventContext| {
        let odd = event.stream.key().parse::<i64>().is_ok_and(|id| id % 2 == 1);
        let fails = odd
            && event.data().unwrap().get_str("name").is_ok_and(|name| name != "Mended")
            && !healed.load(Ordering::SeqCst);
        async move { if fails { Err("no such address".into()) } else { Ok(()) } }
    });
    let mail = mail.on(["guest.created"]).group("out").retry(RetryPolicy::never()).on_dead(OnDead::Park);
    EventBus::builder(db).only_added().lease(Duration::from_secs(2)).handler(mail).start().await.unwrap()
}

async fn guests(db: &Database, ids: std::ops::Range<i64>) {
    for id in ids {
        db.create(Guest { id, name: format!("Guest {id}"), age: 30 }).await.unwrap();
    }
}

async fn until_parked(bus: &EventBus, parked: u64) {
    let patience = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        bus.run_until_idle().await.unwrap();
        let info = bus.handlers().list().await.unwrap().remove(0);
        if info.parked == parked && info.dead_letters == parked && info.lag == 0 {
            return;
        }
        assert!(tokio::time::Instant::now() < patience, "{info:?}");
        tokio::task::yield_now().await;
    }
}

every_store! {
    async fn handlers_are_listed_paused_replayed_and_forgotten(db: Database) {
        let none = run(bare(&db), "handlers list").await;
        assert!(none.err.contains("no handlers yet"), "{none:?}");
        let healed = Arc::new(AtomicBool::new(true));
        let one = bus(&db, &healed).await;
        guests(&db, 0..3).await;
        one.run_until_idle().await.unwrap();
        for target in [(&db).into(), bare(&db)] {
            let list = run(target, "handlers list --json").await.json();
            assert_eq!((&list[0]["id"], &list[0]["running"], &list[0]["lag"]), (&"mail".into(), &true.into(), &0.into()));
        }
        let table = run(bare(&db), "handlers list").await.ok();
        assert!(table.contains("mail") && table.contains("running") && table.contains("guest.created"), "{table}");
        run(bare(&db), "handlers replay mail --from beginning --yes mail").await.fails(Exit::Failed, &["pause it first"]);
        let paused = run(bare(&db), "handlers pause out --reason maintenance").await.ok();
        assert_eq!(paused, "mail paused\n");
        assert!(run(bare(&db), "handlers list").await.ok().contains("paused: maintenance"));
        run(bare(&db), "handlers replay mail --from 1").await.fails(Exit::Usage, &["cannot be taken back", "--yes mail"]);
        run(bare(&db), "handlers replay mail --from 0").await.fails(Exit::Usage, &["beginning"]);
        run(bare(&db), "handlers replay mail --from beginning --yes mail").await.ok();
        assert_eq!(run(bare(&db), "handlers list --json").await.json()[0]["lag"], 3);
        assert_eq!(run(bare(&db), "handlers resume mail --json").await.json()["handlers"][0], "mail");
        one.run_until_idle().await.unwrap();
        run(bare(&db), "handlers forget mail --yes mail").await.fails(Exit::Failed, &["deploy programs without it"]);
        run(bare(&db), "handlers resume mial").await.fails(Exit::Usage, &["mial", "did you mean mail?"]);
        one.stop().await.unwrap();
        assert!(run(bare(&db), "handlers list").await.ok().contains("unregistered"));
        run(bare(&db), "handlers forget mail --yes mail").await.ok();
        assert_eq!(run(bare(&db), "handlers list --json").await.json(), serde_json::json!([]));
    }

    async fn dead_letters_are_shown_edited_requeued_and_discarded(db: Database) {
        let healed = Arc::new(AtomicBool::new(false));
        let one = bus(&db, &healed).await;
        guests(&db, 0..8).await;
        until_parked(&one, 4).await;
        let lines = run(bare(&db), "dead-letters list --json").await.ok();
        let letters: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let id = |stream: &str| {
            let letter = letters.iter().find(|letter| letter["stream"] == stream).unwrap();
            letter["id"].as_str().unwrap().to_owned()
        };
        assert_eq!(letters.len(), 4);
        assert_eq!(run(bare(&db), "dead-letters list --limit 3 --json").await.ok().lines().count(), 3);
        let table = run(bare(&db), "dead-letters list --handler mail --type guest.* --reason exhausted").await.ok();
        assert!(table.contains("guest-5") && table.contains("no such address"), "{table}");
        assert!(run(bare(&db), "dead-letters list --reason fatal").await.err.contains("no dead letters"));
        let shown = run(bare(&db), &format!("dead-letters show {} --json", id("guest-1"))).await.json();
        assert_eq!((&shown["parked"], &shown["event"]["data"]["name"]), (&true.into(), &"Guest 1".into()));
        let text = run(bare(&db), &format!("dead-letters show {}", id("guest-1"))).await.ok();
        assert!(text.contains("its stream waits for it") && text.contains("Guest 1"), "{text}");

        let file = std::env::temp_dir().join(format!("earnorm-{}.json", Uuid::now_v7()));
        std::fs::write(&file, "[1]").unwrap();
        let edit = format!("dead-letters edit {} {}", id("guest-1"), file.display());
        run(bare(&db), &edit).await.fails(Exit::Usage, &["no JSON object"]);
        let mut data = shown["event"]["data"].clone();
        data["name"] = "Mended".into();
        std::fs::write(&file, data.to_string()).unwrap();
        run(bare(&db), &edit).await.ok();
        std::fs::remove_file(&file).unwrap();
        until_parked(&one, 3).await;

        let discard = format!("dead-letters discard {}", id("guest-3"));
        run(bare(&db), &discard).await.fails(Exit::Usage, &["--yes"]);
        run(bare(&db), &format!("{discard} --yes {}", id("guest-3"))).await.ok();
        until_parked(&one, 2).await;
        run(bare(&db), "dead-letters requeue").await.fails(Exit::Usage, &["--all"]);
        run(bare(&db), "dead-letters discard --all").await.fails(Exit::Usage, &["--yes all"]);
        healed.store(true, Ordering::SeqCst);
        let requeued = run(bare(&db), "dead-letters requeue --all --handler mail").await.ok();
        assert_eq!(requeued, "2 dead letters requeued\n");
        until_parked(&one, 0).await;
        run(bare(&db), "dead-letters show mail/none").await.fails(Exit::Failed, &["mail/none"]);
        one.stop().await.unwrap();
    }
}
