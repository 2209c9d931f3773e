//! What is stored of a version of a projection, beside its rows and its checkpoint.
//!
//! Rows are built in collections that are numbered. `build` is the one that is being folded into, `live` the one that is
//! read; they differ while the version is built, or built again.

use bson::{Bson, Document, doc};
use chrono::{DateTime, Utc};
use earnorm_core::commit::{DocumentOp, DocumentWrite};
use earnorm_core::database::Database;
use earnorm_core::predicate::Predicate;
use earnorm_core::schema::VERSION;
use earnorm_core::store::{DocumentQuery, Own, Store};
use earnorm_core::{Error, Result};
use futures::TryStreamExt;

use crate::records::{EventRef, Failure, Fields, int, millis, put_event, put_failure};

/// The consumer of a version: what its checkpoint and its record are named.
pub(super) fn consumer(name: &str, version: u32) -> String {
    format!("{name}.v{version}")
}

/// The collection of the rows of one build: `earnorm_projection_revenue_v1`, and `…_v1_2` once it was built again.
pub(super) fn rows(store: &dyn Store, name: &str, version: u32, build: u32) -> String {
    let own = store.admin().own(Own::Projections);
    let base = own.strip_suffix('s').unwrap_or(&own);
    if build <= 1 { format!("{base}_{name}_v{version}") } else { format!("{base}_{name}_v{version}_{build}") }
}

/// An event that the projection stands at.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Failing {
    pub(super) event: EventRef,
    pub(super) failure: Failure,
    pub(super) next_try_at: DateTime<Utc>,
}

/// An event that a person told it to pass over.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Skipped {
    pub(super) event: EventRef,
    pub(super) error: String,
    pub(super) at: DateTime<Utc>,
}

/// A version of a projection.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Record {
    /// The version of the record itself; 0 while it is not stored.
    pub(super) record: u64,
    pub(super) name: String,
    pub(super) version: u32,
    pub(super) build: u32,
    /// 0 while it has never caught up.
    pub(super) live: u32,
    /// No build before this one has a collection.
    pub(super) oldest: u32,
    pub(super) retired: bool,
    pub(super) failing: Option<Failing>,
    pub(super) skipped: Vec<Skipped>,
}

impl Record {
    pub(super) fn new(name: &str, version: u32, build: u32) -> Self {
        Self {
            record: 0,
            name: name.to_owned(),
            version,
            build,
            live: 0,
            oldest: build,
            retired: false,
            failing: None,
            skipped: Vec::new(),
        }
    }

    pub(super) fn id(&self) -> String {
        consumer(&self.name, self.version)
    }

    pub(super) fn is_live(&self) -> bool {
        self.live == self.build
    }

    pub(super) fn rows(&self, store: &dyn Store, build: u32) -> String {
        rows(store, &self.name, self.version, build)
    }

    pub(super) async fn find(db: &Database, id: &str) -> Result<Option<Self>> {
        let found = db.store().get(&db.store().admin().own(Own::Projections), &Bson::from(id)).await?;
        found.as_ref().map(Self::from_document).transpose()
    }

    /// Every version of one projection, or of all, in order.
    pub(super) async fn all(db: &Database, name: Option<&str>) -> Result<Vec<Self>> {
        let predicate = name.map_or_else(Predicate::always, |name| Predicate::eq("name", name));
        let query = DocumentQuery::new(db.store().admin().own(Own::Projections), predicate);
        let found: Vec<Document> = db.store().find(query).await?.try_collect().await?;
        let mut all = found.iter().map(Self::from_document).collect::<Result<Vec<_>>>()?;
        all.sort_by(|a, b| (&a.name, a.version).cmp(&(&b.name, b.version)));
        Ok(all)
    }

    /// The write that makes `next` of this, whose version is one more.
    pub(super) fn write(&self, store: &dyn Store, next: &mut Self) -> DocumentWrite {
        next.record = self.record + 1;
        let document = next.to_document();
        let op = match self.record {
            0 => DocumentOp::Insert { document },
            expected => DocumentOp::Replace { expected, document },
        };
        DocumentWrite { collection: store.admin().own(Own::Projections), id: self.id().into(), op }
    }

    fn to_document(&self) -> Document {
        let mut document = doc! {
            "_id": self.id(),
            VERSION: int(self.record),
            "name": &self.name,
            "version": i64::from(self.version),
            "build": i64::from(self.build),
            "live": i64::from(self.live),
            "oldest": i64::from(self.oldest),
            "retired": self.retired,
        };
        if let Some(failing) = &self.failing {
            let mut inner = Document::new();
            put_event(&mut inner, &failing.event);
            put_failure(&mut inner, &failing.failure);
            inner.insert("next_try_at", millis(failing.next_try_at));
            document.insert("failing", inner);
        }
        let skipped = self.skipped.iter().map(|skipped| {
            let mut inner = Document::new();
            put_event(&mut inner, &skipped.event);
            inner.insert("error", skipped.error.as_str());
            inner.insert("skipped_at", millis(skipped.at));
            Bson::Document(inner)
        });
        document.insert("skipped", skipped.collect::<Vec<_>>());
        document
    }

    fn from_document(document: &Document) -> Result<Self> {
        let fields = Fields(document);
        let small = |field: &str| Ok::<_, Error>(u32::try_from(fields.number(field)?).unwrap_or(u32::MAX));
        let failing = document.get_document("failing").ok().map(|inner| {
            let fields = Fields(inner);
            let next_try_at = fields.time("next_try_at")?.unwrap_or_default();
            Ok::<_, Error>(Failing { event: fields.event()?, failure: fields.failure()?, next_try_at })
        });
        let skipped = document.get_array("skipped").map(Vec::as_slice).unwrap_or_default();
        let skipped = skipped.iter().filter_map(Bson::as_document).map(|inner| {
            let fields = Fields(inner);
            let at = fields.time("skipped_at")?.unwrap_or_default();
            Ok(Skipped { event: fields.event()?, error: fields.text("error")?.to_owned(), at })
        });
        Ok(Self {
            record: fields.number(VERSION)?,
            name: fields.text("name")?.to_owned(),
            version: small("version")?,
            build: small("build")?,
            live: small("live")?,
            oldest: small("oldest")?,
            retired: document.get_bool("retired").unwrap_or(false),
            failing: failing.transpose()?,
            skipped: skipped.collect::<Result<_>>()?,
        })
    }
}
