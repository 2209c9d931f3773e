//! The main job in one program: models, hooks, one atomic commit, conflicts, queries and time travel.
//!
//! `cargo run --example quickstart` needs no server: its data is in the file `quickstart.db`, and a second run knows what
//! the first one did. Pass a MongoDB URI to run the same on a replica set, or `memory:` to leave nothing behind.

#![allow(clippy::print_stdout, reason = "it tells its story on the terminal")]

use earnorm::prelude::*;

#[model(collection = "users", version = 1)]
#[derive(Debug, Clone, PartialEq)]
struct User {
    #[model(id)]
    id: Uuid,
    #[model(unique)]
    #[validate(email)]
    email: String,
    #[validate(length(min = 1, max = 80))]
    name: String,
    #[model(index)]
    age: u32,
    #[model(updated_at)]
    updated_at: Option<DateTime<Utc>>,
}

#[model]
impl User {
    #[validate]
    fn adult(&self) -> Result<(), ValidationError> {
        if self.age < 18 { Err(ValidationError::new("age", "must be 18 or more")) } else { Ok(()) }
    }

    #[pre_save]
    fn normalise(&mut self) {
        self.email = self.email.to_lowercase();
    }

    #[post_save]
    async fn announce(&self, cx: &PostContext<'_, User>) {
        println!("  hook: {} is durable at version {}", self.name, cx.version());
    }

    #[pre_delete]
    async fn archive(&self, cx: &mut PreContext<'_, User>) -> Result<(), Abort> {
        cx.create(ArchivedUser { id: self.id, name: self.name.clone() }).await?; // joins the same commit
        Ok(())
    }
}

#[model(collection = "archived_users")]
#[derive(Debug, Clone)]
struct ArchivedUser {
    #[model(id)]
    id: Uuid,
    name: String,
}

/// A sourced model: only its events change it.
#[model(sourced)]
#[derive(Debug, Clone)]
struct Account {
    #[model(id)]
    id: Uuid,
    cents: i64,
}

#[event]
#[derive(Debug, Clone)]
struct Opened {
    id: Uuid,
}

#[event]
#[derive(Debug, Clone)]
struct Deposited {
    cents: i64,
}

#[model]
impl Account {
    #[apply]
    fn opened(event: &Opened) -> Self {
        Self { id: event.id, cents: 0 }
    }

    #[apply]
    fn deposited(&mut self, event: &Deposited) {
        self.cents += event.cents;
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let uri = std::env::args().nth(1).unwrap_or_else(|| "sqlite:quickstart.db".to_owned());
    tell(&uri).await
}

pub(crate) async fn tell(uri: &str) -> Result<()> {
    let db = Database::connect(uri).await?;
    let db = db.with_metadata(Metadata::new().actor("quickstart"));
    let earlier = db.events().backwards().limit(1).all().await?;
    if let Some(last) = earlier.first() {
        println!("This store has {} users whom earlier runs archived,", ArchivedUser::all().count(&db).await?);
        println!("and its last event is of {}. On with the same story:", last.recorded_at.format("%Y-%m-%d %H:%M:%S"));
    }
    let earlier = earlier.first().map_or(earnorm::position::Position::default(), |last| last.position);

    println!("1. Save: the document and its event become durable together");
    let id = Uuid::now_v7();
    let user = User { id, email: "Ada@Example.org".into(), name: "Ada".into(), age: 36, updated_at: None };
    let mut ada = db.create(user).await?;
    println!("  {} <{}>, version {}", ada.name, ada.email, ada.version());

    println!("2. Change two fields: one event records what changed, old and new");
    ada.name = "Ada Lovelace".into();
    ada.age = 37;
    ada.save(&db).await?;
    for change in &User::changes_between(&db, id, 1, 2).await? {
        let show = |value: &Option<bson::Bson>| value.as_ref().map_or("nothing".to_owned(), ToString::to_string);
        println!("  {}: {} → {}", change.path, show(&change.old), show(&change.new));
    }

    println!("3. A rule refuses: nothing is written");
    let child = User { id: Uuid::now_v7(), email: "no address".into(), name: String::new(), age: 7, updated_at: None };
    if let Err(error) = db.create(child).await {
        println!("  {error}");
    }

    println!("4. Two writers: the second learns that it was late");
    let mut stale = User::load(&db, id).await?;
    ada.age = 38;
    ada.save(&db).await?;
    stale.age = 99;
    if let Err(error) = stale.save(&db).await {
        println!("  {error}");
    }

    println!("5. Ask: typed queries mean the same on every store");
    let found = User::find(User::AGE.gte(18) & User::NAME.starts_with("Ada")).sort(User::NAME.asc()).all(&db).await?;
    println!("  adults named Ada: {}", found.len());

    println!("6. Many writes, one commit");
    let unit = db.unit();
    let number = Uuid::now_v7();
    let mut account = unit.start::<Account>(number, Opened { id: number }).await?;
    account.raise(Deposited { cents: 1_250 })?;
    account.save(&unit).await?;
    unit.commit().await?;
    println!("  account holds {} cents at version {}", account.cents, account.version());

    println!("7. Travel in time: any state, as of any version or moment");
    for revision in User::history(&db, id).await? {
        let age = revision.state.map_or(0, |user| user.age);
        println!("  version {}: {:<13} age {age}", revision.event.version, revision.event.event_type);
    }
    let first = User::at_version(&db, id, 1).await?;
    println!("  at version 1 the name was {:?}", first.map(|user| user.name));

    println!("8. Delete: a hook archives the user in the same commit, the history stays");
    ada.delete(&db).await?;
    println!("  archived: {}", ArchivedUser::all().count(&db).await?);

    println!("9. The log has everything, in one order; this is what is new");
    for event in db.events().after(earlier).all().await? {
        let actor = event.metadata.actor.unwrap_or_default();
        println!("  {:>2}  {:<22} version {}  by {actor}", event.position, event.event_type, event.version);
    }
    db.close().await
}
