//! Bad input: a typed error each, and nothing is written.

use std::collections::BTreeMap;

use earnorm::limits::Limits;
use earnorm::prelude::*;
use earnorm::{Registry, limits};

use crate::support;

#[model]
#[derive(Debug, Clone, PartialEq)]
struct Blob {
    #[model(id)]
    id: String,
    text: String,
    big: u64,
    map: BTreeMap<String, i32>,
    #[model(serde)]
    tree: Tree,
}

#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
struct Tree {
    below: Option<Box<Tree>>,
}

fn registry() -> Registry {
    Registry::empty().model::<Blob>()
}

fn blob() -> Blob {
    Blob { id: "b1".into(), text: "x".into(), big: 1, map: BTreeMap::new(), tree: Tree::default() }
}

fn tree(depth: usize) -> Tree {
    (0..depth).fold(Tree::default(), |tree, _| Tree { below: Some(Box::new(tree)) })
}

async fn refused(db: &Database, blob: Blob) -> Error {
    let error = db.create(blob).await.unwrap_err();
    assert!(db.events().all().await.unwrap().is_empty());
    assert_eq!(Blob::all().count(db).await.unwrap(), 0);
    error
}

every_store! {
    async fn values_without_a_stored_form_name_their_field(db: Database) {
        let error = refused(&db, Blob { big: u64::MAX, ..blob() }).await;
        assert!(matches!(&error, Error::Encode { source, .. } if source.path == "big"), "{error:?}");
        let error = Blob::find(Blob::BIG.eq(u64::MAX)).all(&db).await.unwrap_err();
        assert!(matches!(&error, Error::InvalidQuery { path, .. } if path == "big"), "{error:?}");
    }

    async fn field_names_that_databases_read_otherwise_are_refused(db: Database) {
        for name in ["$set", "a.b", "a\0b", ""] {
            let error = refused(&db, Blob { map: BTreeMap::from([(name.to_owned(), 1)]), ..blob() }).await;
            assert!(matches!(&error, Error::InvalidField { name: found, .. } if found == name), "{error:?}");
        }
        let mut made = db.create(blob()).await.unwrap();
        made.map.insert("$inc".into(), 1);
        assert!(matches!(made.save(&db).await.unwrap_err(), Error::InvalidField { .. }));
        let scoped = db.with_metadata(Metadata::new().extra("$where", "1"));
        let other = Blob { id: "b2".into(), ..blob() };
        assert!(matches!(scoped.create(other).await.unwrap_err(), Error::InvalidField { .. }));
    }

    async fn ids_that_name_no_stream_are_refused(db: Database) {
        for id in ["", "a\0b", &"x".repeat(600)] {
            let error = refused(&db, Blob { id: id.to_owned(), ..blob() }).await;
            assert!(matches!(error, Error::InvalidName { .. }), "{error:?}");
        }
    }

    async fn depth_is_bounded(db: Database) {
        // The document itself is the first level, and `tree` the second.
        let error = refused(&db, Blob { tree: tree(limits::MODEL_DEPTH_MAX - 1), ..blob() }).await;
        assert!(matches!(error, Error::TooDeep { .. }), "{error:?}");
        let deepest = Blob { tree: tree(limits::MODEL_DEPTH_MAX - 2), ..blob() };
        let mut made = db.create(deepest.clone()).await.unwrap();
        assert_eq!(*Blob::load(&db, "b1").await.unwrap(), deepest);
        made.tree = Tree::default();
        made.save(&db).await.unwrap();
        assert_eq!(Blob::at_version(&db, "b1", 1).await.unwrap().unwrap(), deepest);
        assert_eq!(db.events().all().await.unwrap().len(), 2);
        made.delete(&db).await.unwrap();
    }

    async fn a_model_that_is_too_large_is_refused(db: Database) {
        let error = refused(&db, Blob { text: "x".repeat(9 << 20), ..blob() }).await;
        assert!(matches!(error, Error::CommitTooLarge { unit: "bytes", .. }), "{error:?}");
        let error = refused(&db, Blob { text: "x".repeat(16 << 20), ..blob() }).await;
        assert!(matches!(error, Error::TooLarge { .. }), "{error:?}");
        let many = (0..600).map(|n| Blob { id: format!("b{n}"), ..blob() });
        let error = db.create_many(many).await.unwrap_err();
        assert!(matches!(error, Error::CommitTooLarge { unit: "writes", actual: 1_200, limit: 1_000 }), "{error:?}");
    }

    async fn a_missing_or_mistyped_field_names_collection_id_and_path(db: Database) {
        use earnorm::commit::{Append, Commit, DocumentOp, DocumentWrite};
        use earnorm::event::NewEvent;
        use earnorm::stream::{ExpectedVersion, StreamId};
        db.create(blob()).await.unwrap();
        let mut commit = Commit::new(Uuid::now_v7());
        commit.appends.push(Append {
            stream: StreamId::new("blob", "b1").unwrap(),
            expected: ExpectedVersion::Exact(1),
            not_before: None,
            events: vec![NewEvent {
                id: Uuid::now_v7(),
                event_type: "blob.broken".into(),
                schema_version: 1,
                data: bson::Document::new(),
                metadata: Metadata::new(),
                recorded_at: Utc::now(),
            }],
        });
        let set = vec![("_v".to_owned(), bson::Bson::Int64(2)), ("big".to_owned(), "many".into())];
        let op = DocumentOp::Patch { expected: 1, set, unset: vec!["text".into()] };
        commit.documents.push(DocumentWrite { collection: "blobs".into(), id: "b1".into(), op });
        db.store().commit(commit).await.unwrap();
        let error = Blob::load(&db, "b1").await.unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, Error::Decode { .. }), "{error:?}");
        assert!(text.contains("blobs") && text.contains("b1") && text.contains("`text` is missing"), "{text}");
    }

    async fn a_closed_database_says_so(db: Database) {
        db.close().await.unwrap();
        assert!(matches!(db.create(blob()).await.unwrap_err(), Error::Closed));
        assert!(matches!(Blob::get(&db, "b1").await.unwrap_err(), Error::Closed));
        db.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_larger_limit_lets_a_larger_model_pass() {
    let limits = Limits { bytes: 64 << 20, ..Limits::default() };
    let db = Database::builder().registry(registry()).limits(limits).connect("memory:").await.unwrap();
    let made = db.create(Blob { text: "x".repeat(9 << 20), ..blob() }).await.unwrap();
    assert_eq!(made.version(), 1);
}

#[tokio::test]
async fn an_address_that_leads_nowhere_says_what_was_tried() {
    let timeout = std::time::Duration::from_millis(300);
    let connect = async |uri: &str| {
        let builder = Database::builder().registry(registry()).connect_timeout(timeout);
        builder.connect(uri).await.unwrap_err()
    };
    for uri in [
        "mongodb://ada:s3cret@127.0.0.1:1/app?replicaSet=rs0",
        "mongodb://ada:s3c/ret@host",
        "mongo://ada:s3cret@x",
        "nonsense",
    ] {
        let error = connect(uri).await;
        let shown = format!("{error} {error:?} {:?}", std::error::Error::source(&error));
        assert!(matches!(error, Error::Connect { .. }), "{shown}");
        assert!(!shown.contains("s3c"), "{shown}");
    }
    let error = connect("mongo://x").await.to_string();
    assert!(error.contains("memory") && error.contains("mongodb"), "{error}");
}

#[tokio::test]
async fn two_handles_see_one_database() {
    let name = support::database_name();
    let first = support::mongodb(registry(), &name).await;
    let second = support::mongodb(registry(), &name).await;
    first.create(blob()).await.unwrap();
    assert!(matches!(second.create(blob()).await.unwrap_err(), Error::AlreadyExists { .. }));
    assert!(second.drift().is_empty(), "{:?}", second.drift());
    first.close().await.unwrap();
    second.close().await.unwrap();
    support::drop_database(&name).await;
}
