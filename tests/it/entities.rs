//! Entities: what a clone takes along, what a unit has staged and others do not see, and how large one may be.

use earnorm::Registry;
use earnorm::prelude::*;

#[model(name = "chore", collection = "chores")]
#[derive(Debug, Clone, PartialEq)]
struct Chore {
    #[model(id)]
    id: i64,
    text: String,
    done: i64,
}

#[event(name = "noted")]
#[derive(Debug, Clone)]
struct Noted {
    what: String,
}

/// Its hook writes a chore, and refuses then.
#[model(name = "chore_report", collection = "chore_reports")]
#[derive(Debug, Clone)]
struct Report {
    #[model(id)]
    id: i64,
    chore: i64,
}

#[pre_save]
async fn finish(report: &mut Report, cx: &mut PreContext<'_, Report>) -> Result<(), Abort> {
    let mut chore = Chore::load(cx, report.chore).await?;
    chore.done += 1;
    chore.save(cx).await?;
    Err(Abort::new("not today"))
}

#[model(name = "roll", collection = "rolls")]
#[derive(Debug, Clone)]
struct Roll {
    #[model(id)]
    id: i64,
    text: String,
}

#[model(name = "diary", collection = "diaries")]
#[derive(Debug, Clone)]
struct Diary {
    #[model(id)]
    id: i64,
    #[model(personal)]
    owner: Option<String>,
    #[model(personal)]
    born: Option<i64>,
    #[model(personal)]
    text: Personal<String>,
}

fn registry() -> Registry {
    Registry::empty().model::<Chore>().model::<Report>().hooks_of::<Report>().model::<Roll>().model::<Diary>()
}

fn chore(id: i64) -> Chore {
    Chore { id, text: "sweep".into(), done: 0 }
}

async fn types(db: &Database) -> Vec<String> {
    db.events().all().await.unwrap().into_iter().map(|event| event.event_type).collect()
}

every_store! {
    async fn a_clone_takes_along_what_was_saved_and_what_was_raised(db: Database) {
        let mut made = db.create(chore(1)).await.unwrap();
        made.raise(Noted { what: "dust".into() }).unwrap();
        made.done = 1;
        let mut copy = made.clone();
        let first = made.receipt().unwrap().commit_id().unwrap();
        assert_eq!((copy.version(), copy.receipt().unwrap().commit_id()), (1, Some(first)));
        assert_eq!(copy.changes().unwrap().paths(), ["done"]);
        let second = copy.save(&db).await.unwrap().commit_id().unwrap();
        assert_ne!(first, second);
        assert_eq!(copy.save(&db).await.unwrap().commit_id(), None, "nothing was left to write");
        assert_eq!(types(&db).await, ["chore.created", "chore.updated", "chore.noted"]);
        assert_eq!((copy.version(), made.version()), (3, 1));
        assert!(made.save(&db).await.unwrap_err().is_conflict());
    }

    async fn what_one_unit_staged_is_nothing_to_a_save_elsewhere(db: Database) {
        let mut made = db.create(chore(1)).await.unwrap();
        let unit = db.unit();
        made.done = 1;
        made.raise(Noted { what: "dust".into() }).unwrap();
        made.save(&unit).await.unwrap();
        made.done = 2;
        made.save(&db).await.unwrap();
        assert_eq!(types(&db).await, ["chore.created", "chore.updated", "chore.noted"]);
        let change = Chore::changes_between(&db, 1, 1, 2).await.unwrap().iter().next().unwrap().clone();
        assert_eq!((change.old, change.new), (Some(0_i64.into()), Some(2_i64.into())));
        assert!(unit.commit().await.unwrap_err().is_conflict());
        made.done = 3;
        made.save(&db).await.unwrap();
        assert_eq!((made.version(), Chore::load(&db, 1).await.unwrap().done), (4, 3));
    }

    async fn what_a_refusing_hook_wrote_is_taken_back_from_what_the_unit_staged(db: Database) {
        let unit = db.unit();
        let mut made = unit.create(chore(1)).await.unwrap();
        let refused = unit.create(Report { id: 1, chore: 1 }).await.unwrap_err();
        assert!(refused.to_string().contains("not today"), "{refused}");
        made.text = "mop".into();
        made.save(&unit).await.unwrap();
        let versions: Vec<_> = unit.commit().await.unwrap().events().iter().map(|event| event.version).collect();
        assert_eq!(versions, [1, 2]);
        assert_eq!(*Chore::load(&db, 1).await.unwrap(), Chore { text: "mop".into(), ..chore(1) });
    }

    async fn a_hook_that_passes_an_error_on_refuses_with_it(db: Database) {
        let error = db.create(Report { id: 1, chore: 99 }).await.unwrap_err();
        let Error::Veto(veto) = error else { panic!("{error:?}") };
        assert!(veto.hook.ends_with("finish") && veto.message.contains("chore `99` does not exist"), "{veto}");
        let source = veto.source.as_ref().and_then(|source| source.downcast_ref());
        assert!(matches!(source, Some(Error::NotFound { model: "chore", .. })), "{source:?}");
    }

    async fn a_unit_that_is_rolled_back_writes_nothing_and_is_closed(db: Database) {
        let unit = db.unit();
        let mut made = unit.create(chore(1)).await.unwrap();
        assert!(!made.is_deleted(), "it was never there");
        unit.rollback();
        assert!(matches!(unit.create(chore(2)).await, Err(Error::UnitClosed)));
        assert!(matches!(unit.commit().await, Err(Error::UnitClosed)));
        assert!(types(&db).await.is_empty());
        assert!(matches!(made.delete(&db).await, Err(Error::NotFound { deleted: false, .. })));
        made.save(&db).await.unwrap();
        made.delete(&db).await.unwrap();
        assert!(made.is_deleted());
        assert!(matches!(made.delete(&db).await, Err(Error::NotFound { deleted: true, .. })));
        made.done = 5;
        assert!(matches!(made.save(&db).await, Err(Error::NotFound { deleted: true, .. })));
    }

    async fn an_instance_leaves_room_for_what_the_library_adds(db: Database) {
        let room = 16 * 1024 * 1024 - 16 * 1024;
        let mut roll = db.create(Roll { id: 1, text: String::new() }).await.unwrap();
        roll.text = "x".repeat(room - roll.encode().unwrap().to_vec().unwrap().len());
        assert_eq!(roll.changes().unwrap().paths(), ["text"]);
        roll.text.push('x');
        let error = roll.changes().unwrap_err();
        assert!(matches!(error, Error::TooLarge { actual, limit, .. } if (actual, limit) == (room + 1, room)), "{error}");
        // A sealed value has 73 bytes more than the value.
        let room = room - 3 * 73;
        let mut diary = db.create(Diary { id: 1, owner: None, born: Some(1815), text: "".into() }).await.unwrap();
        let text = "x".repeat(room - diary.encode().unwrap().to_vec().unwrap().len());
        diary.text = Personal::Known(text.clone());
        assert_eq!(diary.changes().unwrap().paths(), ["text"]);
        diary.text = Personal::Known(text + "x");
        let error = diary.changes().unwrap_err();
        assert!(matches!(error, Error::TooLarge { actual, limit, .. } if (actual, limit) == (room + 1, room)), "{error}");
    }
}
