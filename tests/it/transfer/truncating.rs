//! What a truncation writes, refuses and says, also when it is run again and while others write.

use std::io::Write;
use std::sync::{Arc, Mutex};

use earnorm::bson::doc;
use earnorm::store::{Own, PutRule};

use super::*;
use crate::support::meddler::{Meddler, out_of_reach};

/// An archive whose disk is full.
struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn item(id: i64) -> Item {
    Item { id, name: format!("n{id}"), price: 1.0, tags: vec![] }
}

async fn truncated(db: &Database, upto: Position) -> Result<earnorm::transfer::Truncated> {
    db.truncate_below(upto).unwrap().run(&mut Vec::new()).await
}

async fn rename(db: Database, name: String) {
    let mut item = Item::load(&db, 1).await.unwrap();
    item.name = name;
    item.save(&db).await.unwrap();
}

every_store! {
    async fn a_truncation_that_could_not_archive_goes_on_with_its_baselines(db: Database) {
        fill(&db).await;
        let end = db.store().high_water().await.unwrap();
        let failed = db.truncate_below(end).unwrap().run(&mut Full).await.unwrap_err();
        assert!(failed.to_string().contains("could not write the export"), "{failed}");
        assert_eq!(db.store().admin().truncated().await.unwrap(), Position::START);
        // Six of thirty are gone for good; the wheel is one more.
        let baselines = db.events().by_type("*.baseline").all().await.unwrap();
        assert_eq!(baselines.len(), 25);
        let again = truncated(&db, end).await.unwrap();
        assert_eq!((again.baselines, again.archived.last), (0, end), "they stand above what goes");
        whole(&db).await;
        // Those that go themselves do not count.
        let last = baselines.last().unwrap().position;
        assert_eq!(truncated(&db, last).await.unwrap().baselines, 25);
        assert_eq!(db.events().by_type("*.baseline").all().await.unwrap().len(), 25);
        whole(&db).await;
    }

    async fn tombstones_are_exported_archived_and_counted(db: Database) {
        let source = fresh().await;
        source.create_many((1..=3).map(item)).await.unwrap();
        let query = EntryQuery { after: Position::START, upto: Position::END, limit: 100 };
        let mut entries = source.store().admin().entries(query).await.unwrap();
        entries.remove(1);
        let [first, last] = [entries[0].position(), entries[1].position()];
        for entry in &mut entries {
            if let earnorm::store::LogEntry::Event { commit, .. } = entry {
                *commit = None;
            }
        }
        db.store().admin().append_entries(entries).await.unwrap();
        db.rebuild::<Item>().unwrap().run().await.unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let told = || (told.clone(), told.clone());
        let (kept, tell) = told();
        let mut file = Vec::new();
        let run = db.export().after(first).on_progress(move |progress| tell.lock().unwrap().push(progress.to_string()));
        let rest = run.run(&mut file).await.unwrap();
        assert_eq!((rest.events, rest.tombstones, rest.last), (1, 1, last));
        assert_eq!(*kept.lock().unwrap(), ["exporting: 2 of 2"]);
        let all = exported(&db).await;
        let other = fresh().await;
        let imported = other.import().run(&mut Cursor::new(&all)).await.unwrap();
        assert_eq!((imported.entries, imported.written), (3, 3));
        kept.lock().unwrap().clear();
        let (kept, tell) = told();
        let run = db.truncate_below(last).unwrap().on_progress(move |progress| tell.lock().unwrap().push(progress.to_string()));
        let report = run.run(&mut Vec::new()).await.unwrap();
        assert_eq!((report.baselines, report.archived.events, report.archived.tombstones, report.removed), (2, 2, 1, 3));
        let told = kept.lock().unwrap().clone();
        assert_eq!(told[told.len() - 2..], ["removing: 0 of 3", "removing: 3 of 3"], "{told:?}");
    }

    async fn a_log_with_a_model_that_is_not_known_is_not_truncated(db: Database) {
        fill(&db).await;
        let end = db.store().high_water().await.unwrap();
        let some = Database::builder().registry(Registry::empty().model::<Item>()).store(db.store().clone()).await.unwrap();
        let refused = truncated(&some, end).await;
        assert!(matches!(&refused, Err(Error::NeedsCode { model, .. }) if model == "wheel"), "{refused:?}");
        assert_eq!(db.store().high_water().await.unwrap(), end, "no baseline was written");
    }

    async fn the_first_event_that_a_handler_still_needs_is_named(db: Database) {
        fill(&db).await;
        let own = db.store().admin().own(Own::DeadLetters);
        let dead = |id: &str, position: i64| {
            doc! { "_id": id, "handler": "mailer", "type": "item.created", "stream": "item-1", "position": position }
        };
        let dead = vec![dead("a", 9), dead("b", 3), dead("c", 7)];
        db.store().admin().put(&own, dead, PutRule::Always).await.unwrap();
        let refused = truncated(&db, Position::new(9)).await.unwrap_err().to_string();
        assert!(refused.contains("handler `mailer` has not handled item.created of item-1 at 3"), "{refused}");
        truncated(&db, Position::new(2)).await.unwrap();
    }

    async fn a_baseline_is_tried_again_after_conflicts_alone_and_only_so_often(db: Database) {
        db.create(item(1)).await.unwrap();
        let end = db.store().high_water().await.unwrap();
        let (meddled, meddler) = Meddler::at(&db, registry()).await;
        meddler.fail("commit", 1, out_of_reach());
        let failed = truncated(&meddled, end).await;
        assert!(matches!(failed, Err(Error::Store(_))), "{failed:?}");
        assert_eq!(meddler.calls("commit").len(), 1);
        meddler.forget();
        for number in 1..=20 {
            meddler.before("commit", number, rename(db.clone(), format!("first {number}")));
        }
        let failed = truncated(&meddled, end).await;
        assert!(matches!(&failed, Err(error) if error.is_conflict()), "{failed:?}");
        assert_eq!(meddler.calls("commit").len(), 20);
        assert_eq!(db.store().admin().truncated().await.unwrap(), Position::START);
        meddler.forget();
        for number in 1..=19 {
            meddler.before("commit", number, rename(db.clone(), format!("second {number}")));
        }
        assert_eq!(truncated(&meddled, end).await.unwrap().baselines, 1);
        assert_eq!(meddler.calls("commit").len(), 20);
        assert_eq!(Item::load(&db, 1).await.unwrap().name, "second 19");
        whole(&db).await;
    }
}
