//! Where personal data stands in few places: in events alone, in some instances of a model, or about somebody else.

use earnorm::Registry;

use super::*;

/// Holds nothing about anybody; its events do.
#[model(name = "p_visit", collection = "p_visits")]
#[derive(Debug, Clone)]
struct Visit {
    #[model(id)]
    id: Uuid,
    minutes: i32,
}

/// May be about nobody.
#[model(name = "p_letter", collection = "p_letters")]
#[derive(Debug, Clone)]
struct Letter {
    #[model(id)]
    id: i64,
    #[model(subject)]
    to: String,
    #[model(personal)]
    text: Option<String>,
    pages: i32,
}

#[event(name = "opened")]
#[derive(Debug, Clone)]
struct Opened {
    id: i64,
    owner: String,
    #[event(personal)]
    name: Option<String>,
}

#[event(name = "passed_on")]
#[derive(Debug, Clone)]
struct PassedOn {
    owner: String,
}

#[event(name = "counted")]
#[derive(Debug, Clone)]
struct Counted {
    pages: i64,
}

#[model(sourced, name = "p_case", collection = "p_cases")]
#[derive(Debug, Clone, PartialEq)]
struct Case {
    #[model(id)]
    id: i64,
    #[model(subject)]
    owner: String,
    #[model(personal)]
    name: Option<String>,
    pages: i64,
}

#[model]
impl Case {
    #[apply]
    fn opened(event: &Opened) -> Self {
        Self { id: event.id, owner: event.owner.clone(), name: event.name.clone(), pages: 0 }
    }

    #[apply]
    fn passed_on(&mut self, event: &PassedOn) {
        self.owner.clone_from(&event.owner);
    }

    #[apply]
    fn counted(&mut self, event: &Counted) {
        self.pages += event.pages;
    }
}

fn registry() -> Registry {
    Registry::empty().model::<Visit>().model::<Letter>().model::<Case>()
}

fn letter(id: i64, to: &str, text: Option<&str>) -> Letter {
    Letter { id, to: to.into(), text: text.map(Into::into), pages: 1 }
}

every_store! {
    async fn events_of_a_model_that_holds_nothing_are_sealed_too(db: Database) {
        let mut visit = db.create(Visit { id: Uuid::now_v7(), minutes: 0 }).await.unwrap();
        visit.minutes = 7;
        visit.raise(Called { about: Some(NAME.into()), minutes: 7 }).unwrap();
        visit.save(&db).await.unwrap();
        assert!(raw_log(&db).await.iter().all(|data| !holds(data, NAME)));
        let about = async || {
            let called = db.events().by_type("p_visit.called").all().await.unwrap().remove(0);
            called.read::<Called>(&db).unwrap().about
        };
        assert_eq!(about().await.as_deref(), Some(NAME));
        assert_eq!(counts(&db.erase_subject(visit.id).await.unwrap()), (1, 0, 0, 0));
        assert_eq!(about().await, None);
    }

    async fn a_subject_is_needed_only_where_there_is_something_about_one(db: Database) {
        let mut blank = db.create(letter(1, "", None)).await.unwrap();
        blank.pages = 2;
        blank.save(&db).await.unwrap();
        let refused = db.create(letter(2, "", Some(NAME))).await.unwrap_err();
        assert!(matches!(refused, Error::Encode { .. }), "{refused:?}");
        assert!(refused.to_string().contains("`to`") && refused.to_string().contains("needs a subject"), "{refused}");
        blank.text = Some(NAME.into());
        assert!(matches!(blank.save(&db).await, Err(Error::Encode { .. })));
        blank.to = "ada".into();
        blank.save(&db).await.unwrap();
        (blank.to, blank.text) = (String::new(), None);
        blank.save(&db).await.unwrap();
        blank.delete(&db).await.unwrap();
        let mut other = db.create(letter(3, "", None)).await.unwrap();
        other.delete(&db).await.unwrap();
        let mut other = Letter::restore(&db, 3).await.unwrap();
        other.to = "grace".into();
        other.save(&db).await.unwrap();
        let history = Letter::history(&db, 1).await.unwrap();
        let texts: Vec<_> = history.iter().map(|r| r.state.as_ref().and_then(|letter| letter.text.as_deref())).collect();
        assert_eq!(texts, [None, None, Some(NAME), None, None]);
        assert_eq!(db.events().all().await.unwrap().len(), 9);
        assert!(raw_log(&db).await.iter().all(|data| !holds(data, NAME)));
    }

    async fn the_subject_of_a_sourced_instance_never_changes(db: Database) {
        let opened = Opened { id: 1, owner: "ada".into(), name: Some(NAME.into()) };
        let mut case = db.start::<Case>(1, opened).await.unwrap();
        case.raise(Counted { pages: 3 }).unwrap();
        case.save(&db).await.unwrap();
        let mut moved = case.clone();
        moved.raise(PassedOn { owner: "grace".into() }).unwrap();
        let refused = moved.save(&db).await.unwrap_err();
        assert!(matches!(refused, Error::Encode { .. }), "{refused:?}");
        assert!(refused.to_string().contains("`owner` changed, and the subject of a sourced"), "{refused}");
        case.raise(PassedOn { owner: "ada".into() }).unwrap();
        case.save(&db).await.unwrap();
        assert_eq!((case.version(), db.events().all().await.unwrap().len()), (3, 3));
        assert_whole(&db).await;
    }
}
