//! Hooks: their order, what they may do, and what happens when they fail.

use std::sync::Mutex;

use earnorm::Registry;
use earnorm::prelude::*;
use earnorm::save::Operation;

/// What hooks of one instance did, by the instance's id, so that tests do not see each other.
static SEEN: Mutex<Vec<(Uuid, String)>> = Mutex::new(Vec::new());

fn note(id: Uuid, what: impl Into<String>) {
    SEEN.lock().unwrap().push((id, what.into()));
}

fn seen(id: Uuid) -> Vec<String> {
    SEEN.lock().unwrap().iter().filter(|(of, _)| *of == id).map(|(_, what)| what.clone()).collect()
}

#[model]
#[derive(Debug, Clone, PartialEq)]
struct Post {
    #[model(id)]
    id: Uuid,
    title: String,
    /// What the hooks of a test shall do.
    mode: String,
    saves: i32,
}

#[model]
impl Post {
    #[validate]
    fn titled(&self) -> Result<(), ValidationError> {
        note(self.id, "validate");
        if self.title.is_empty() { Err(ValidationError::new("title", "is empty")) } else { Ok(()) }
    }

    #[pre_save(order = 2)]
    fn second(&mut self) {
        note(self.id, "pre_save 2");
        self.saves += 1;
        if self.mode == "clear title" {
            self.title.clear();
        }
    }

    #[pre_save(order = 1)]
    async fn first(&mut self, cx: &mut PreContext<'_, Post>) -> Result<(), Abort> {
        note(self.id, "pre_save 1");
        tokio::task::yield_now().await;
        match self.mode.as_str() {
            "veto" => Err(Abort::new("not on my watch")),
            "panic" => panic!("boom"),
            "save itself" => {
                let mut own = Entity::clone(&Post::load(cx.database(), self.id).await?);
                own.title = "again".into();
                own.save(cx).await?;
                Ok(())
            }
            "tell" => {
                let was = cx.before()?.map(|post| post.title);
                note(self.id, format!("before: {:?} {} {was:?}", cx.metadata().actor, cx.is_create()));
                Ok(())
            }
            "write a note" => {
                let note = cx.create(Note { id: self.id, text: format!("saved {}", self.title) }).await?;
                assert_eq!(cx.get::<Note>(note.id).await?.unwrap().text, note.text);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    #[pre_create]
    fn creating(&self) {
        note(self.id, "pre_create");
    }

    #[pre_update]
    fn updating(&self, cx: &mut PreContext<'_, Post>) -> Result<(), Abort> {
        assert_eq!(cx.operation(), Operation::Update);
        let before = cx.before()?.map(|post| post.title).unwrap_or_default();
        let changed = cx.changes(self)?.paths().join(",");
        note(self.id, format!("pre_update {before} {changed}"));
        Ok(())
    }

    #[pre_delete]
    fn deleting(&self) -> Result<(), Abort> {
        note(self.id, "pre_delete");
        if self.mode == "keep" { Err(Abort::new("kept")) } else { Ok(()) }
    }

    #[post_save]
    async fn saved(&self, cx: &PostContext<'_, Post>) -> Result<(), std::io::Error> {
        let durable = Post::get(cx.database(), self.id).await.unwrap().map(|post| post.version());
        assert_eq!(durable, Some(cx.version()), "a post hook runs after the commit");
        if self.mode == "tell" {
            let (was, commit) = (cx.before().unwrap().map(|post| post.title), cx.receipt().commit_id().unwrap());
            note(self.id, format!("after: {:?} {:?} {was:?} {commit}", cx.metadata().actor, cx.operation()));
        }
        note(self.id, "post_save");
        if self.mode == "post fails" { Err(std::io::Error::other("mail is down")) } else { Ok(()) }
    }

    #[post_create]
    fn created(&self) {
        note(self.id, "post_create");
        assert!(self.mode != "post panics", "late boom");
    }

    #[post_update]
    fn updated(&self, cx: &PostContext<'_, Post>) {
        note(self.id, format!("post_update {}", cx.changes().paths().join(",")));
    }

    #[post_delete]
    fn deleted(&self) {
        note(self.id, "post_delete");
    }
}

/// A free function is a hook too.
#[pre_save(order = 3)]
fn third(post: &mut Post) {
    note(post.id, "pre_save 3");
}

#[model]
#[derive(Debug, Clone)]
struct Note {
    #[model(id)]
    id: Uuid,
    #[validate(length(min = 1))]
    text: String,
}

/// A model that computes a field as it is read.
#[model]
#[derive(Debug, Clone)]
struct Circle {
    #[model(id)]
    id: i64,
    radius: i32,
    #[model(skip)]
    diameter: i32,
}

#[post_load]
async fn measure(circle: &mut Circle) -> Result<(), std::io::Error> {
    if circle.radius < 0 {
        return Err(std::io::Error::other("no such circle"));
    }
    circle.diameter = 2 * circle.radius;
    Ok(())
}

fn registry() -> Registry {
    Registry::empty()
        .model::<Post>()
        .hooks_of::<Post>()
        .model::<Note>()
        .model::<Circle>()
        .hooks_of::<Circle>()
        .model::<Tag>()
        .hooks_of::<Tag>()
        .model::<Chain>()
        .hooks_of::<Chain>()
}

fn post(mode: &str) -> Post {
    Post { id: Uuid::now_v7(), title: "Hello".into(), mode: mode.into(), saves: 0 }
}

every_store! {
    async fn hooks_run_in_their_order(db: Database) {
        let mut made = db.create(post("")).await.unwrap();
        let expected = [
            "validate", "pre_create", "pre_save 1", "pre_save 2", "pre_save 3", "validate", "post_save", "post_create",
        ];
        assert_eq!(seen(made.id), expected);
        assert_eq!(made.saves, 1);
        made.title = "Bye".into();
        made.save(&db).await.unwrap();
        made.delete(&db).await.unwrap();
        let expected = [
            "validate", "pre_update Hello title", "pre_save 1", "pre_save 2", "pre_save 3", "validate",
            "post_save", "post_update title,saves", "pre_delete", "post_delete",
        ];
        assert_eq!(seen(made.id)[8..], expected);
    }

    async fn hooks_are_told_who_writes_and_what_was_there(db: Database) {
        let ada = db.with_metadata(Metadata::new().actor("ada"));
        let mut made = ada.create(post("tell")).await.unwrap();
        let first = made.receipt().unwrap().commit_id().unwrap();
        made.title = "Again".into();
        let second = made.save(&db).await.unwrap().commit_id().unwrap();
        let told: Vec<_> = seen(made.id).into_iter().filter(|what| what.contains(": ")).collect();
        assert_eq!(told, [
            r#"before: Some("ada") true None"#.to_owned(),
            format!(r#"after: Some("ada") Create None {first}"#),
            r#"before: None false Some("Hello")"#.to_owned(),
            format!(r#"after: None Update Some("Hello") {second}"#),
        ]);
    }

    async fn a_veto_names_the_hook_and_writes_nothing(db: Database) {
        let refused = post("veto");
        let error = db.create(refused.clone()).await.unwrap_err();
        let Error::Veto(veto) = &error else { panic!("{error:?}") };
        assert!(veto.hook.ends_with("Post::first") && !veto.panicked, "{}", veto.hook);
        assert_eq!(veto.message, "not on my watch");
        assert!(db.events().all().await.unwrap().is_empty());
        assert!(Post::get(&db, refused.id).await.unwrap().is_none());
    }

    async fn a_panic_is_a_veto(db: Database) {
        let error = db.create(post("panic")).await.unwrap_err();
        let Error::Veto(veto) = &error else { panic!("{error:?}") };
        assert!(veto.panicked && veto.message.contains("boom"), "{}", veto.message);
        assert!(db.events().all().await.unwrap().is_empty());
    }

    async fn what_hooks_change_is_validated_again(db: Database) {
        let mut made = db.create(post("")).await.unwrap();
        made.mode = "clear title".into();
        let before = (*made).clone();
        let error = made.save(&db).await.unwrap_err();
        assert!(matches!(&error, Error::Validation { errors, .. } if errors.iter().count() == 1), "{error:?}");
        assert_eq!(*made, before, "a failed save leaves the entity as it was");
        assert_eq!(made.version(), 1);
    }

    async fn a_hook_that_saves_its_own_instance_is_an_error(db: Database) {
        let mut made = db.create(post("")).await.unwrap();
        made.mode = "save itself".into();
        let error = made.save(&db).await.unwrap_err();
        assert!(matches!(error, Error::Reentrant { .. }), "{error:?}");
        assert_eq!(db.events().all().await.unwrap().len(), 1);
    }

    async fn what_a_hook_writes_joins_the_commit(db: Database) {
        let made = db.create(post("write a note")).await.unwrap();
        assert_eq!(Note::load(&db, made.id).await.unwrap().text, "saved Hello");
        let receipt = made.receipt().unwrap();
        assert_eq!(receipt.events().len(), 2);
        // Without its title the post is refused, and the note with it.
        let mut refused = post("write a note");
        refused.title = String::new();
        assert!(db.create(refused.clone()).await.is_err());
        assert!(Note::get(&db, refused.id).await.unwrap().is_none());
    }

    async fn a_failed_post_hook_stands_in_the_receipt(db: Database) {
        let made = db.create(post("post fails")).await.unwrap();
        let receipt = made.receipt().unwrap();
        assert!(receipt.is_written());
        let failures: Vec<_> = receipt.hook_failures().iter().map(ToString::to_string).collect();
        assert_eq!(failures.len(), 1);
        assert!(failures[0].contains("Post::saved") && failures[0].contains("mail is down"), "{failures:?}");
        assert_eq!(seen(made.id).last().unwrap(), "post_create", "the others run all the same");
        let panicked = db.create(post("post panics")).await.unwrap().receipt().unwrap();
        assert!(panicked.hook_failures()[0].panicked);
    }

    async fn a_unit_runs_pre_hooks_at_the_save_and_post_hooks_after_the_commit(db: Database) {
        let unit = db.unit();
        let made = unit.create(post("")).await.unwrap();
        assert_eq!(seen(made.id).last().unwrap(), "validate");
        unit.commit().await.unwrap();
        assert_eq!(seen(made.id)[6..], ["post_save", "post_create"]);
    }

    async fn a_delete_can_be_refused(db: Database) {
        let mut made = db.create(post("keep")).await.unwrap();
        let error = made.delete(&db).await.unwrap_err();
        assert!(matches!(error, Error::Veto(_)));
        assert!(!made.is_deleted() && Post::get(&db, made.id).await.unwrap().is_some());
    }

    async fn loading_fills_what_is_not_stored(db: Database) {
        db.create(Circle { id: 1, radius: 2, diameter: 0 }).await.unwrap();
        assert_eq!(Circle::load(&db, 1).await.unwrap().diameter, 4);
        assert_eq!(Circle::all().first(&db).await.unwrap().unwrap().diameter, 4);
        db.create(Circle { id: 2, radius: -2, diameter: 0 }).await.unwrap();
        let error = Circle::load(&db, 2).await.unwrap_err();
        assert!(matches!(&error, Error::PostLoad { hook, .. } if hook.ends_with("measure")), "{error:?}");
    }

    async fn a_unique_value_that_hooks_normalise_is_found(db: Database) {
        let tag = |id, name: &str| Tag { id, name: name.into() };
        let (made, created) = Tag::find_or_create(&db, Tag::NAME, tag(1, "Rust")).await.unwrap();
        assert!(created && made.name == "rust");
        let (same, created) = Tag::find_or_create(&db, Tag::NAME, tag(2, "RUST")).await.unwrap();
        assert_eq!((same.id, created), (1, false));
        assert_eq!(db.events().all().await.unwrap().len(), 1);
    }

    async fn hooks_that_call_hooks_without_end_are_stopped(db: Database) {
        let error = db.create(Chain { id: 0 }).await.unwrap_err();
        assert!(error.to_string().contains("nest deeper than 8"), "{error}");
        assert!(db.events().all().await.unwrap().is_empty());
    }
}

#[model]
#[derive(Debug, Clone)]
struct Tag {
    #[model(id)]
    id: i64,
    #[model(unique)]
    name: String,
}

#[pre_save]
fn lower(tag: &mut Tag) {
    tag.name = tag.name.to_lowercase();
}

/// Each creates the next.
#[model]
#[derive(Debug, Clone)]
struct Chain {
    #[model(id)]
    id: i64,
}

#[pre_create]
async fn next_link(chain: &mut Chain, cx: &mut PreContext<'_, Chain>) -> Result<(), Abort> {
    cx.create(Chain { id: chain.id + 1 }).await?;
    Ok(())
}
