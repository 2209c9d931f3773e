//! A store at work, with personal data, keys, and a password behind its connection: what goes wrong shows none of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use earnorm::Registry;
use earnorm::bson::{self, Bson, doc};
use earnorm::cli::{Io, run_on};
use earnorm::events::{EventBus, EventContext, Handler, LetterFilter, RetryPolicy};
use earnorm::personal::{DataKey, KeyId, KeyState, KeyStore, StoredKeys};
use earnorm::predicate::Predicate;
use earnorm::store::{DocumentQuery, Own, PutRule};
use futures::TryStreamExt;

use super::needles::{NUMBERS, plant};
use super::watch::{assert_silent, begin};
use super::*;
use crate::support::{self, DatabaseFile};

const EMAIL: &str = "c4n4ry@example.org";

#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
enum Mood {
    Calm,
    Odd(u8),
}

#[model(embedded)]
#[derive(Debug, Clone, PartialEq)]
enum Rank {
    Guest,
    Member,
}

#[model(embedded)]
#[derive(Debug, Clone, PartialEq)]
struct Home {
    street: String,
    #[validate(range(max = 200))]
    number: i64,
}

#[model(name = "leaky", collection = "leakies")]
#[derive(Debug, Clone, PartialEq)]
struct Leaky {
    #[model(id)]
    id: i64,
    #[model(personal)]
    #[validate(length(max = 30))]
    name: Personal<String>,
    #[model(personal, unique)]
    #[validate(email)]
    email: Option<String>,
    #[model(personal)]
    #[validate(range(max = 9_999_999_999))]
    account: Personal<i64>,
    #[model(personal)]
    big: Option<u64>,
    #[model(personal)]
    small: Option<u8>,
    #[model(personal)]
    price: Option<Decimal>,
    #[model(personal)]
    map: Option<BTreeMap<String, i32>>,
    #[model(personal, serde)]
    mood: Option<Mood>,
    #[model(personal)]
    rank: Option<Rank>,
    #[model(personal)]
    #[validate(nested)]
    home: Option<Home>,
    plain: i32,
}

/// The same collection before it had a unique index.
#[model(name = "leaky", collection = "leakies")]
#[derive(Debug, Clone)]
struct Before {
    #[model(id)]
    id: i64,
    #[model(personal)]
    email: Option<String>,
}

#[event(name = "charged")]
#[derive(Debug, Clone)]
struct Charged {
    #[event(personal)]
    card: Option<u64>,
    #[event(personal)]
    notes: Option<BTreeMap<String, i32>>,
}

fn registry() -> Registry {
    Registry::empty().model::<Leaky>()
}

/// A model of which nothing is stored.
#[model(name = "leaky_other", collection = "leaky_others")]
#[derive(Debug, Clone)]
struct Other {
    #[model(id)]
    id: i64,
}

/// To open a store with, before the models are known.
pub(super) fn anything() -> Registry {
    Registry::empty().model::<Other>()
}

fn ada(id: i64) -> Leaky {
    Leaky {
        id,
        name: "Ada c4n4ry".into(),
        email: Some(format!("{id}.{EMAIL}")),
        account: NUMBERS[0].into(),
        big: Some(NUMBERS[1].unsigned_abs()),
        small: Some(1),
        price: None,
        map: Some(BTreeMap::from([("c4n4ry".to_owned(), 1)])),
        mood: Some(Mood::Calm),
        rank: Some(Rank::Guest),
        home: Some(Home { street: "c4n4ry row".into(), number: 12 }),
        plain: 1,
    }
}

/// Keys that are made of the mark.
#[derive(Debug)]
struct Planted;

fn key(subject: &str) -> DataKey {
    let mut id = [7; 16];
    id.iter_mut().zip(subject.bytes()).for_each(|(to, from)| *to = from);
    let bytes: Vec<u8> = MARK.bytes().cycle().take(32).collect();
    DataKey::new(KeyId::new(id), bytes.try_into().unwrap())
}

#[async_trait]
impl KeyStore for Planted {
    async fn current(&self, subjects: &[String]) -> earnorm::Result<Vec<DataKey>> {
        Ok(subjects.iter().map(|subject| key(subject)).collect())
    }

    async fn find(&self, ids: &[KeyId]) -> earnorm::Result<Vec<KeyState>> {
        let subject = |id: &KeyId| String::from_utf8(id.as_bytes().iter().copied().filter(|byte| *byte != 7).collect());
        Ok(ids.iter().map(|id| KeyState::Live(key(&subject(id).unwrap()))).collect())
    }

    async fn destroy(&self, _: &str, _: DateTime<Utc>) -> earnorm::Result<u64> {
        Ok(1)
    }
}

/// What is refused because of its values.
async fn refused_values(db: &Database) {
    db.create(ada(1)).await.unwrap();
    let long = || format!("c4n4ry {}", "x".repeat(40));
    let notes = |key: &str| Some(BTreeMap::from([(key.to_owned(), 1)]));
    for (what, wrong) in [
        ("unique", Leaky { email: ada(1).email, ..ada(2) }),
        ("again", ada(1)),
        ("length", Leaky { name: long().as_str().into(), ..ada(2) }),
        ("email", Leaky { email: Some("c4n4ry".into()), ..ada(2) }),
        ("range", Leaky { account: (NUMBERS[0] * 10).into(), ..ada(2) }),
        ("nested range", Leaky { home: Some(Home { street: "c4n4ry".into(), number: NUMBERS[0] }), ..ada(2) }),
        ("integer", Leaky { big: Some(u64::MAX), ..ada(2) }),
        ("map key", Leaky { map: notes("c4n4ry.x"), ..ada(2) }),
        ("operator", Leaky { map: notes("$c4n4ry"), ..ada(2) }),
        ("too large", Leaky { home: Some(Home { street: "c4n4ry".repeat(3 << 20), number: 1 }), ..ada(2) }),
    ] {
        clean_error(what, &db.create(wrong.clone()).await.unwrap_err());
        clean_error(what, &db.create_many([ada(3), wrong]).await.unwrap_err());
    }
    let mut saved = Leaky::load(db, 1).await.unwrap();
    clean_error("event", &saved.raise(Charged { card: Some(u64::MAX), notes: None }).map(|_| ()).unwrap_err());
    clean_error("event", &saved.raise(Charged { card: None, notes: notes("c4n4ry.y") }).map(|_| ()).unwrap_err());
    let mut stale = Leaky::load(db, 1).await.unwrap();
    saved.home = None;
    saved.save(db).await.unwrap();
    stale.name = "c4n4ry two".into();
    clean_error("conflict", &stale.save(db).await.unwrap_err());
    let spoil = |leaky: &mut Entity<Leaky>| {
        leaky.account = (NUMBERS[0] * 10).into();
        Ok(())
    };
    let report = Leaky::all().update(db, spoil).await.unwrap();
    clean("bulk", &report);
    clean_error("bulk", &report.failures[0].error);
}

/// What is asked in a way that cannot be answered.
async fn refused_questions(db: &Database) {
    let asked = [
        Leaky::find(Leaky::BIG.eq(u64::MAX)),
        Leaky::find(Filter::raw_mongodb(doc! { "email": { "$c4n4ry": 1 } }) & Leaky::EMAIL.eq(EMAIL.to_owned())),
        Leaky::find(Filter::raw_mongodb(doc! { "email": { "$regex": "c4n4ry(" } })),
        Leaky::find(Filter::raw_mongodb(doc! { "$and": "c4n4ry" })),
        Leaky::find(Filter::raw_mongodb(doc! { "email": { "$in": "c4n4ry" } })),
    ];
    for query in asked {
        // What a filter in the server's own language names is the program's own text, so its operators may be repeated.
        if let Err(error) = query.all(db).await
            && !error.to_string().contains("$c4n4ry")
        {
            clean_error("query", &error);
        }
    }
}

/// What is stored in a shape that no program wrote.
async fn broken_documents(db: &Database) {
    db.create(ada(5)).await.unwrap();
    let query = DocumentQuery::new("leakies", Predicate::eq("_id", 5_i64));
    let whole: Vec<bson::Document> = db.store().find(query).await.unwrap().try_collect().await.unwrap();
    let broken: [(&str, Bson); 11] = [
        ("name", NUMBERS[0].into()),
        ("account", "c4n4ry".into()),
        ("big", (-NUMBERS[0]).into()),
        ("small", NUMBERS[0].into()),
        ("price", Bson::Decimal128("4224224224E+900".parse().unwrap())),
        ("map", doc! { "c4n4ry": "c4n4ry" }.into()),
        ("mood", "c4n4ry".into()),
        ("mood", doc! { "Odd": NUMBERS[0] }.into()),
        ("rank", "c4n4ry".into()),
        ("home", doc! { "street": "c4n4ry", "number": "c4n4ry" }.into()),
        ("home", "c4n4ry".into()),
    ];
    for (field, value) in broken {
        let mut document = whole[0].clone();
        document.insert(field, value);
        db.store().admin().put("leakies", vec![document], PutRule::Always).await.unwrap();
        clean_error(field, &Leaky::get(db, 5).await.map(|_| ()).unwrap_err());
        clean_error(field, &Leaky::all().all(db).await.map(|_| ()).unwrap_err());
        let rows = Leaky::all().select((Leaky::SMALL, Leaky::PRICE, Leaky::RANK, Leaky::MAP)).all(db).await;
        let shorter = Leaky::all().select((Leaky::NAME, Leaky::ACCOUNT, Leaky::BIG, Leaky::HOME)).all(db).await;
        let distinct = Leaky::all().distinct(db, Leaky::ACCOUNT).await;
        let least = Leaky::all().min(db, Leaky::SMALL).await;
        let errors = [rows.err(), shorter.err(), distinct.err(), least.err()];
        errors.iter().flatten().for_each(|error| clean_error(field, error));
        clean("verified", &db.replay("leaky").unwrap().verify().run().await.map(|found| found.differences.len()));
        let _ = run(db, "verify leaky").await;
    }
    db.replay("leaky").unwrap().rebuild().run().await.unwrap();
    Leaky::load(db, 5).await.unwrap();
}

/// Handlers that fail because of what they were given.
async fn failing_handlers(db: &Database) {
    let failing = |id: &str, transactional: bool| {
        let policy = RetryPolicy::exponential(Duration::from_millis(2), 1.0, Duration::from_millis(2)).attempts(2);
        let handler = if transactional {
            Handler::transactional(id, move |_: Arc<RecordedEvent>, cx| {
                Box::pin(async move {
                    Leaky { account: (NUMBERS[0] * 10).into(), ..ada(8) }.create(cx).await?;
                    Ok(())
                })
            })
        } else {
            Handler::new(id, move |_: Arc<RecordedEvent>, cx: EventContext| async move {
                Leaky { email: ada(20).email, ..ada(9) }.create(&cx).await?;
                Ok(())
            })
        };
        handler.on(["leaky.created"]).retry(policy)
    };
    let bus = EventBus::builder(db).only_added().handler(failing("plain", false)).handler(failing("whole", true));
    let bus = bus.lease(Duration::from_secs(3)).start().await.unwrap();
    db.create(ada(20)).await.unwrap();
    let patience = tokio::time::Instant::now() + Duration::from_secs(20);
    let letters = loop {
        let letters = db.dead_letters().list(&LetterFilter::new()).await.unwrap();
        if ["plain", "whole"].iter().all(|id| letters.iter().any(|letter| letter.handler == *id)) {
            break letters;
        }
        assert!(tokio::time::Instant::now() < patience, "{letters:?}");
        tokio::task::yield_now().await;
    };
    clean("bus", &bus);
    clean("letters", &letters);
    clean("handlers", &db.handlers().list().await.unwrap());
    for line in ["dead-letters list", "dead-letters list --json", "handlers list", "doctor", "doctor --json", "models"]
    {
        assert_eq!(found(&run(db, line).await), None, "{line}");
    }
    bus.stop().await.unwrap();
}

/// All that the command says.
async fn run(db: &Database, line: &str) -> String {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let args = std::iter::once("earnorm").chain(line.split_whitespace());
    run_on(db, args, Io::plain(&mut out, &mut err)).await;
    [out, err].map(|text| String::from_utf8(text).unwrap()).concat()
}

/// An index that cannot be made, since two are alike.
async fn alike(db: &Database) {
    let before = Database::builder().registry(Registry::empty().model::<Before>());
    let before = before.key_store(Planted).store(Arc::clone(db.store())).await.unwrap();
    for id in [1, 2] {
        before.create(Before { id, email: Some(EMAIL.into()) }).await.unwrap();
    }
    let builder = Database::builder().registry(registry()).key_store(Planted);
    clean_error("index", &builder.store(Arc::clone(db.store())).await.map(|_| ()).unwrap_err());
}

/// Keys in the store itself, which are what they are.
async fn stored_keys(db: &Database) {
    let keys = StoredKeys::new(Arc::clone(db.store()));
    let made = keys.current(&["ada".into(), "eve".into()]).await.unwrap();
    made.iter().for_each(|key| plant(key.bytes()));
    let ids: Vec<_> = made.iter().map(DataKey::id).collect();
    clean("keys", &(&keys, &made, keys.find(&ids).await.unwrap()));
    let collection = db.store().admin().own(Own::Keys);
    let documents = DocumentQuery::new(&collection, Predicate::always());
    let documents: Vec<_> = db.store().find(documents).await.unwrap().try_collect().await.unwrap();
    for mut document in documents {
        let key = document.get_binary_generic("key").unwrap().clone();
        document.insert("key", bson::Binary { subtype: bson::spec::BinarySubtype::Generic, bytes: key[..31].to_vec() });
        db.store().admin().put(&collection, vec![document], PutRule::Always).await.unwrap();
    }
    clean_error("keys", &keys.find(&ids).await.map(|_| ()).unwrap_err());
    clean_error("keys", &keys.destroy("ada", Utc::now()).await.map(|_| ()).unwrap_err());
}

async fn work(store: Database) {
    begin();
    clean("database", &store);
    clean("store", store.store());
    let builder = Database::builder().registry(registry()).key_store(Planted);
    clean("builder", &builder);
    let db = builder.store(Arc::clone(store.store())).await.unwrap();
    clean("database", &db);
    refused_values(&db).await;
    refused_questions(&db).await;
    broken_documents(&db).await;
    failing_handlers(&db).await;
    // The planted keys cannot be destroyed.
    clean_error("erase", &db.erase_subject(1).await.map(|_| ()).unwrap_err());
    stored_keys(&db).await;
    db.close().await.unwrap();
    clean_error("closed", &db.create(ada(30)).await.unwrap_err());
    assert_silent();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_at_work_shows_no_secret() {
    alike(&support::memory(anything()).await).await;
    work(support::memory(anything()).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_at_work_shows_no_secret() {
    let files = [DatabaseFile::new(), DatabaseFile::new()];
    let db = support::sqlite(anything(), &files[0]).await;
    alike(&db).await;
    db.close().await.unwrap();
    work(support::sqlite(anything(), &files[1]).await).await;
}

/// A user of the server, who goes when the case ends well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mongodb_at_work_behind_a_password_shows_no_secret() {
    let names = [support::database_name(), support::database_name()];
    let client = mongodb::Client::with_uri_str(support::mongodb_uri()).await.unwrap();
    let admin = client.database("admin");
    let password = "c4n4ry@c4n4ry/c4n4ry:c4n4ry%";
    let user = doc! { "createUser": &names[0], "pwd": password, "roles": ["root"] };
    admin.run_command(user).await.unwrap();
    for (name, password) in names.iter().zip(["c4n4ry%40c4n4ry%2Fc4n4ry%3Ac4n4ry%25"; 2]) {
        let uri = addresses::with_credentials(&names[0], password);
        let builder = Database::builder().registry(anything()).database(name);
        let db = builder.connect(uri).await.unwrap();
        if name == &names[0] {
            alike(&db).await
        } else {
            work(db).await
        }
        support::drop_database(name).await;
    }
    admin.run_command(doc! { "dropUser": &names[0] }).await.unwrap();
    client.shutdown().await;
}
