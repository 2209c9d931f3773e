//! Moving the log: exported, imported elsewhere, verified; cut and edited files are found; truncation leaves every
//! instance whole.

mod batches;
mod truncating;

use std::io::Cursor;

use earnorm::Registry;
use earnorm::position::Position;
use earnorm::prelude::*;
use earnorm::store::EntryQuery;

#[model(soft_delete)]
#[derive(Debug, Clone, PartialEq)]
struct Item {
    #[model(id)]
    id: i64,
    name: String,
    price: f64,
    tags: Vec<String>,
}

#[event(name = "opened")]
#[derive(Debug, Clone)]
struct Opened {}

#[event(name = "turned")]
#[derive(Debug, Clone)]
struct Turned {
    by: i64,
}

#[model(sourced)]
#[derive(Debug, Clone, PartialEq)]
struct Wheel {
    #[model(id)]
    id: String,
    at: i64,
}

#[model]
impl Wheel {
    #[apply]
    fn opened(_: &Opened) -> Self {
        Self { id: "w".into(), at: 0 }
    }

    #[apply]
    fn turned(&mut self, event: &Turned) {
        self.at += event.by;
    }
}

fn registry() -> Registry {
    Registry::empty().model::<Item>().model::<Wheel>()
}

async fn fill(db: &Database) {
    let ada = db.with_metadata(Metadata::new().actor("ada \u{1f600}").extra("k", 5_i64));
    for id in 0..30 {
        let item = Item { id, name: format!("n{id}"), price: f64::NAN, tags: vec!["a".into()] };
        let mut item = ada.create(item).await.unwrap();
        item.price = 0.1;
        item.save(&ada).await.unwrap();
        match id % 5 {
            1 => drop(item.delete(db).await.unwrap()),
            2 => drop(item.hard_delete(db).await.unwrap()),
            _ => {}
        }
    }
    let mut wheel = db.start::<Wheel>("w", Opened {}).await.unwrap();
    for by in 1..6 {
        wheel.raise(Turned { by }).unwrap();
        wheel.save(db).await.unwrap();
    }
}

async fn exported(db: &Database) -> Vec<u8> {
    let mut file = Vec::new();
    db.export().run(&mut file).await.unwrap();
    file
}

async fn fresh() -> Database {
    crate::support::memory(registry()).await
}

async fn whole(db: &Database) {
    let items = db.verify::<Item>().unwrap().run().await.unwrap();
    assert!(items.is_whole(), "{:?}", items.differences);
    let wheels = db.verify::<Wheel>().unwrap().run().await.unwrap();
    assert!(wheels.is_whole(), "{:?}", wheels.differences);
}

every_store! {
    async fn a_log_moves_to_another_store_and_back(db: Database) {
        fill(&db).await;
        let file = exported(&db).await;
        let other = fresh().await;
        let report = other.import().run(&mut Cursor::new(&file)).await.unwrap();
        assert_eq!(report.entries, report.written);
        let (here, there) = (db.events().all().await.unwrap(), other.events().all().await.unwrap());
        assert_eq!(format!("{here:?}"), format!("{there:?}"));
        other.rebuild::<Item>().unwrap().run().await.unwrap();
        other.rebuild::<Wheel>().unwrap().run().await.unwrap();
        whole(&other).await;
        assert_eq!(Wheel::load(&other, "w").await.unwrap().at, 15);
        // Again is nothing new; the log goes on behind it, and the rest of a longer file is added.
        assert_eq!(other.import().run(&mut Cursor::new(&file)).await.unwrap().written, 0);
        let mut item = Item::load(&db, 0).await.unwrap();
        item.name = "later".into();
        item.save(&db).await.unwrap();
        let longer = exported(&db).await;
        assert_eq!(other.import().run(&mut Cursor::new(&longer)).await.unwrap().written, 1);
        other.rebuild::<Item>().unwrap().run().await.unwrap();
        assert_eq!(Item::load(&other, 0).await.unwrap().name, "later");
        let mut item = Item::load(&other, 0).await.unwrap();
        item.name = "elsewhere".into();
        item.save(&other).await.unwrap();
        // Both logs went on: they do not fit together any more.
        let mut item = Item::load(&db, 0).await.unwrap();
        item.name = "here".into();
        item.save(&db).await.unwrap();
        let apart = other.import().run(&mut Cursor::new(exported(&db).await)).await.unwrap_err();
        assert!(matches!(apart, Error::Corrupt { .. }), "{apart}");
    }

    async fn an_import_into_this_store_is_the_same_log(db: Database) {
        let source = fresh().await;
        fill(&source).await;
        let file = exported(&source).await;
        db.import().run(&mut Cursor::new(&file)).await.unwrap();
        db.rebuild::<Item>().unwrap().run().await.unwrap();
        db.rebuild::<Wheel>().unwrap().run().await.unwrap();
        whole(&db).await;
        let again = exported(&db).await;
        let entries = |file: &[u8]| {
            let text = String::from_utf8(file.to_vec()).unwrap();
            text.lines().skip(1).map(|line| line.split(",\"h\":").next().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(entries(&file), entries(&again));
        let item = db.create(Item { id: 99, name: "new".into(), price: 1.0, tags: vec![] }).await.unwrap();
        assert!(item.receipt().unwrap().position().unwrap() > source.store().high_water().await.unwrap());
    }

    async fn a_file_that_was_cut_or_edited_is_found_before_anything_is_written(db: Database) {
        let source = fresh().await;
        fill(&source).await;
        let file = String::from_utf8(exported(&source).await).unwrap();
        let lines: Vec<_> = file.lines().collect();
        let refused = async |text: String, line: usize, why: &str| {
            let error = db.import().run(&mut Cursor::new(text)).await.unwrap_err().to_string();
            assert!(error.contains(&format!("line {line} ")) && error.contains(why), "{error}");
        };
        refused(lines[..10].join("\n") + "\n", 11, "cut").await;
        refused(file[..file.len() - 5].to_owned(), lines.len(), "cut").await;
        refused(file.replacen("\"n7\"", "\"n8\"", 1), 1 + lines.iter().position(|line| line.contains("\"n7\"")).unwrap(), "checksum").await;
        let mut swapped = lines.clone();
        swapped.swap(5, 6);
        refused(swapped.join("\n") + "\n", 6, "checksum").await;
        let mut missing = lines.clone();
        missing.remove(5);
        refused(missing.join("\n") + "\n", 6, "checksum").await;
        refused(file.clone() + lines[1] + "\n", lines.len() + 1, "checksum").await;
        refused(String::new(), 1, "empty").await;
        refused("hello\n".to_owned(), 1, "checksum").await;
        assert_eq!(db.events().all().await.unwrap().len(), 0);
    }

    async fn a_truncated_log_still_folds(db: Database) {
        fill(&db).await;
        let middle = Position::new(db.store().high_water().await.unwrap().get() - 4);
        let late = Item::load(&db, 29).await.unwrap();
        let first = db.events().all().await.unwrap()[0].recorded_at;
        let early = DateTime::from_timestamp_millis(first.timestamp_millis() - 1).unwrap();
        let before = exported(&db).await;
        let mut archive = Vec::new();
        let report = db.truncate_below(middle).unwrap().run(&mut archive).await.unwrap();
        assert!(report.baselines > 20 && report.removed > 50, "{report:?}");
        assert_eq!(db.store().admin().truncated().await.unwrap(), middle);
        whole(&db).await;
        // The archive is an import of what went.
        let old = fresh().await;
        old.import().run(&mut Cursor::new(&archive)).await.unwrap();
        assert!(String::from_utf8(before).unwrap().len() > archive.len());
        // Instances live on from their baselines.
        let mut item = Item::load(&db, 0).await.unwrap();
        assert_eq!(item.version(), 3);
        item.name = "after".into();
        item.save(&db).await.unwrap();
        assert_eq!(Item::at_version(&db, 0, 3).await.unwrap().unwrap().name, "n0");
        // What was before is not taken for nothing.
        let (version, moment) = (Item::at_version(&db, 0, 1).await, Item::as_of(&db, 0, early).await);
        for (gone, upto) in [(version, "up to version 1:"), (moment, "up to version 2:")] {
            let gone = gone.unwrap_err();
            assert!(matches!(gone, Error::Corrupt { .. }), "{gone:?}");
            assert!(gone.to_string().contains("before version 3") && gone.to_string().contains("archive"), "{gone}");
            assert!(gone.to_string().contains(upto), "{gone}");
        }
        assert_eq!(Item::at_version(&db, 0, 0).await.unwrap(), None);
        // Neither is a state told from the middle of a history whose beginning is gone.
        let torn = Wheel::at_version(&db, "w", 4).await.unwrap_err();
        assert!(matches!(torn, Error::Corrupt { .. }) && torn.to_string().contains("before version 3"), "{torn:?}");
        assert_eq!(Wheel::at_version(&db, "w", 7).await.unwrap().unwrap().at, 15, "its baseline makes up for it");
        let told: Vec<_> = Wheel::history(&db, "w").await.unwrap().into_iter().map(|r| (r.event.version, r.state.unwrap().at)).collect();
        assert_eq!(told, [(7, 15)], "what was before is in the archive");
        assert_eq!(Item::as_of(&db, 77, early).await.unwrap(), None, "this one never was");
        assert_eq!(Wheel::load(&db, "w").await.unwrap().at, 15);
        drop(late);
        // A deleted id never begins again.
        let again = db.create(Item { id: 2, name: "x".into(), price: 1.0, tags: vec![] }).await;
        assert!(matches!(again, Err(Error::AlreadyExists { deleted: true, .. })), "{again:?}");
        // A soft-deleted one comes back.
        Item::restore(&db, 1).await.unwrap();
        // Rebuilding from what is left gives the same documents, and nothing looks like a hole.
        db.rebuild::<Item>().unwrap().run().await.unwrap();
        db.rebuild::<Wheel>().unwrap().run().await.unwrap();
        whole(&db).await;
        let entries = db.store().admin().entries(EntryQuery { after: Position::START, upto: Position::END, limit: 10_000 });
        assert!(entries.await.unwrap().len() >= db.events().all().await.unwrap().len());
    }

    async fn truncation_stops_in_front_of_a_consumer(db: Database) {
        fill(&db).await;
        let mut commit = earnorm::commit::Commit::new(Uuid::now_v7());
        let next = earnorm::commit::Checkpoint { position: Position::new(10), epoch: 1 };
        let write = earnorm::commit::CheckpointWrite { consumer: "mailer".to_owned(), expected: None, next };
        commit.checkpoints.push(write);
        db.store().commit(commit).await.unwrap();
        let count = db.events().all().await.unwrap().len();
        let mut archive = Vec::new();
        let refused = db.truncate_below(Position::new(11)).unwrap().run(&mut archive).await.unwrap_err().to_string();
        assert!(refused.contains("`mailer`") && refused.contains("10"), "{refused}");
        assert!(archive.is_empty());
        assert_eq!(db.events().all().await.unwrap().len(), count, "no baseline was written");
        db.truncate_below(Position::new(10)).unwrap().run(&mut archive).await.unwrap();
        let beyond = db.truncate_below(Position::new(100_000)).unwrap().run(&mut archive).await.unwrap_err().to_string();
        assert!(beyond.contains("ends at"), "{beyond}");
        whole(&db).await;
    }
}
