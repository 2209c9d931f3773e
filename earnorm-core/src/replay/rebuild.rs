//! Rebuilding a collection from the log: shadow, catch up, swap, fold again what moved.

use std::time::Duration;

use super::Replay;
use super::folds::Folds;
use super::job::Job;
use super::progress::{OnProgress, Progress, Teller};
use crate::error::{Error, Result};
use crate::position::Position;
use crate::predicate::Predicate;
use crate::schema::{CollectionSpec, VERSION};
use crate::store::{PutRule, Store};

/// How many documents are written at once.
const BATCH: usize = 500;
/// How often the log is read on before the swap, while others write.
const CATCH_UPS_MAX: usize = 10;
/// How often the log is read on after the swap.
const FOLLOWS_MAX: usize = 30;
/// How long a store may take to say that the log goes on behind the mark.
const HINT_MAX: Duration = Duration::from_millis(100);

/// A rebuild that has not begun.
#[must_use = "a rebuild does nothing until it runs"]
pub struct Rebuild {
    replay: Replay,
    tell: Option<OnProgress>,
    restart: bool,
    drop_unknown: bool,
}

/// What a rebuild did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rebuilt {
    /// How many streams were folded; after an interruption only those of this run.
    pub streams: u64,
    /// How many documents were written.
    pub documents: u64,
    /// Whether the documents were repaired in place, because the database cannot rename the collection.
    pub in_place: bool,
    /// Whether it went on where an earlier run had stopped.
    pub resumed: bool,
}

impl std::fmt::Debug for Rebuild {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rebuild").field("replay", &self.replay).finish_non_exhaustive()
    }
}

impl Rebuild {
    pub(crate) fn new(replay: Replay) -> Self {
        Self { replay, tell: None, restart: false, drop_unknown: false }
    }

    /// Is told how far it is, after each page.
    pub fn on_progress(mut self, tell: impl FnMut(Progress) + Send + Sync + 'static) -> Self {
        self.tell = Some(Box::new(tell));
        self
    }

    /// Begins from the first stream, also where an earlier run had stopped half-way.
    pub fn restart(mut self) -> Self {
        self.restart = true;
        self
    }

    /// Lets documents go that have no events. Without it a collection that holds such documents is not rebuilt.
    pub fn drop_unknown(mut self) -> Self {
        self.drop_unknown = true;
        self
    }

    /// Rebuilds. Dropping the future stops it at a page with the old documents in place; the next run goes on there,
    /// with the code that it has then: [`Rebuild::restart`] after a change of `#[apply]` methods or upcasters. A run
    /// that failed because a stream cannot be folded leaves nothing to go on from.
    ///
    /// # Errors
    /// What folding answers, with the event named; [`Error::Corrupt`] when the collection holds documents without
    /// events; [`Error::Superseded`] when another run of the same rebuild was faster; [`Error::Unique`] when the folded
    /// documents break a unique index; what the store answers. The old documents stay in all these cases.
    pub async fn run(mut self) -> Result<Rebuilt> {
        let tell = self.tell.take();
        let mut run = Run::begin(&self).await?;
        let mut teller = Teller::new(tell, "folding", Some(run.total().await?));
        match run.go(&mut teller).await {
            Ok(()) => Ok(run.report),
            Err(error) => {
                run.forget_after(&error).await;
                Err(error)
            }
        }
    }

    /// Documents without a version were there before the library: they would be lost.
    async fn refuse_unknown(&self) -> Result<()> {
        let info = self.replay.folder.info();
        let unknown = Predicate::eq(VERSION, bson::Bson::Null);
        let count = self.replay.reader.store().count(&info.collection, &unknown).await?;
        if count == 0 || self.drop_unknown {
            return Ok(());
        }
        let reason = format!(
            "{count} of its documents have no events and would be lost: take them over with `adopt` first, or let them \
             go with `drop_unknown`"
        );
        Err(Error::Corrupt { subject: format!("collection `{}`", info.collection), reason })
    }
}

/// The note that a shadow takes its place.
fn claim_of(shadow: &str) -> String {
    format!("swap:{shadow}")
}

/// A rebuild on its way.
struct Run<'a> {
    rebuild: &'a Rebuild,
    replay: &'a Replay,
    job: Job,
    shadow: String,
    /// Up to here the shadow is complete for the streams that it holds.
    from: Position,
    /// Whether nobody will go on with the shadow.
    abandoned: bool,
    report: Rebuilt,
}

impl<'a> Run<'a> {
    async fn begin(rebuild: &'a Rebuild) -> Result<Self> {
        rebuild.refuse_unknown().await?;
        let replay = &rebuild.replay;
        let (store, info) = (replay.reader.store(), replay.folder.info());
        let id = format!("rebuild:{}", info.name);
        let mut report = Rebuilt { streams: 0, documents: 0, in_place: false, resumed: false };
        let mut old_shadow = None;
        if let Some(job) = Job::load(&**store, &id).await? {
            let shadow = job.text("shadow").unwrap_or_default().to_owned();
            let same_shape = job.number("schema_version") == Some(i64::from(info.version));
            // Once a shadow was about to take its place it may be gone: going on would fill an empty one from the middle.
            let whole = Job::load(&**store, &claim_of(&shadow)).await?.is_none();
            if !rebuild.restart && same_shape && whole && !shadow.is_empty() {
                report.resumed = true;
                let from = Position::new(job.number("from").unwrap_or(0));
                return Ok(Self { rebuild, replay, job, shadow, from, abandoned: false, report });
            }
            old_shadow = Some(shadow);
        }
        let from = store.high_water().await?;
        let shadow = format!("{}_rebuild_{}", info.collection, uuid::Uuid::now_v7().simple());
        let mut job = Job::new(&id);
        job.note.insert("shadow", &shadow);
        job.note.insert("schema_version", i64::from(info.version));
        job.note.insert("from", from.get());
        job.save(&**store).await?;
        // After the note: a run that still fills the old shadow sees there that it was overtaken, and does not swap.
        if let Some(old) = old_shadow {
            store.admin().drop_collection(&old).await?;
            Job::release(&**store, &claim_of(&old)).await?;
        }
        Ok(Self { rebuild, replay, job, shadow, from, abandoned: false, report })
    }

    fn store(&self) -> &dyn Store {
        &**self.replay.reader.store()
    }

    async fn go(&mut self, teller: &mut Teller) -> Result<()> {
        self.fill(teller).await?;
        teller.step("catching up", None);
        self.catch_up(teller).await?;
        self.swap(teller).await
    }

    /// A shadow that nobody will go on with is dropped: one that was overtaken, and one that would mix what was folded
    /// before the code was put right with what is folded afterwards.
    async fn forget_after(&self, error: &Error) {
        let of_a_stream = matches!(
            error,
            Error::Fold { .. }
                | Error::Decode { .. }
                | Error::Upcast { .. }
                | Error::SchemaAhead { .. }
                | Error::NeedsCode { .. }
                | Error::Corrupt { .. }
        );
        let forgotten = async {
            if of_a_stream {
                self.job.clone().end(self.store()).await?;
            }
            if of_a_stream || self.abandoned {
                self.store().admin().drop_collection(&self.shadow).await?;
            }
            Ok::<_, Error>(())
        };
        if let Err(error) = forgotten.await {
            tracing::warn!(shadow = %self.shadow, %error, "a shadow that is of no use any more was not dropped");
        }
    }

    fn superseded(&mut self, abandoned: bool) -> Error {
        self.abandoned = abandoned;
        Error::Superseded { what: format!("the rebuild of `{}`", self.replay.folder.info().name) }
    }

    async fn total(&self) -> Result<u64> {
        self.store().count(&self.replay.folder.info().collection, &Predicate::always()).await
    }

    /// Unique indexes come when the shadow is complete: on the way there, one document may still hold the value that
    /// another took over later.
    async fn fill(&mut self, teller: &mut Teller) -> Result<()> {
        let mut plain = self.replay.folder.info().collection_spec(&self.shadow);
        plain.indexes.retain(|index| !index.unique);
        self.prepare(plain).await?;
        let replay = self.replay;
        let after = self.job.text("after").map(str::to_owned);
        let mut folds = Folds::new(replay, after.as_deref());
        let mut batch = Vec::with_capacity(BATCH);
        while let Some(folded) = folds.next().await? {
            batch.extend(folded.fold?.stored_document()?);
            self.report.streams += 1;
            teller.add(1);
            if batch.len() >= BATCH {
                self.write(std::mem::take(&mut batch)).await?;
                let key = folded.stream.key().to_owned();
                if !self.job.set(&**replay.reader.store(), "after", key).await? {
                    return Err(self.superseded(true));
                }
            }
        }
        self.write(batch).await
    }

    async fn prepare(&self, spec: CollectionSpec) -> Result<()> {
        self.store().admin().prepare(&[spec]).await.map(|_| ())
    }

    async fn write(&mut self, documents: Vec<bson::Document>) -> Result<()> {
        if !documents.is_empty() {
            self.report.documents += self.store().admin().put(&self.shadow, documents, PutRule::Newer).await?;
        }
        Ok(())
    }

    /// Folds again what moved since the shadow was begun, and builds the unique indexes.
    async fn catch_up(&mut self, teller: &mut Teller) -> Result<()> {
        let mut whole = false;
        for round in 1..=CATCH_UPS_MAX {
            let moved = self.follow(&self.shadow.clone(), teller).await?;
            if whole && moved == 0 {
                break;
            }
            if !whole {
                let spec = self.replay.folder.info().collection_spec(&self.shadow);
                match self.prepare(spec).await {
                    Ok(()) => whole = true,
                    Err(error) if round == CATCH_UPS_MAX || moved == 0 => return Err(error),
                    Err(error) => tracing::debug!(%error, "the shadow is not consistent yet"),
                }
            }
        }
        Ok(())
    }

    /// Brings the documents of streams that moved since the last look up to date; answers how many they are.
    async fn follow(&mut self, collection: &str, teller: &mut Teller) -> Result<u64> {
        let upto = self.store().high_water().await?;
        let streams = self.replay.moved(self.from, upto).await?;
        let count = streams.len() as u64;
        self.report.documents += self.replay.settle(collection, streams).await?;
        self.from = upto;
        teller.add(count);
        Ok(count)
    }

    async fn swap(&mut self, teller: &mut Teller) -> Result<()> {
        let live = self.replay.folder.info().collection.clone();
        let before = self.from;
        self.rebuild.refuse_unknown().await?;
        self.claim().await?;
        match self.store().admin().swap(&self.shadow, &live).await {
            Ok(()) => {}
            Err(Error::Unsupported { .. }) => self.repair_in_place(&live, teller).await?,
            Err(error) => return Err(error),
        }
        self.from = before;
        self.settle(&live, teller).await?;
        self.job.clone().end(self.store()).await?;
        Job::release(self.store(), &claim_of(&self.shadow)).await
    }

    /// Commits that ran while the collections changed places wrote to the old one. The mark may stand below them as
    /// long as someone else's transaction is open, so it is followed while anything lies above it. What comes later is
    /// written to the new collection: there is no need to wait until nobody writes.
    async fn settle(&mut self, live: &str, teller: &mut Teller) -> Result<()> {
        for _ in 0..FOLLOWS_MAX {
            self.follow(live, teller).await?;
            match tokio::time::timeout(HINT_MAX, self.store().moved(self.from)).await {
                Ok(moved) => moved?,
                Err(_) => break,
            }
        }
        Ok(())
    }

    /// A shadow takes its place once, and only while it is the one that the note names: another run may have filled
    /// this one too, or thrown it away.
    async fn claim(&mut self) -> Result<()> {
        let claim = claim_of(&self.shadow);
        if !Job::claim(self.store(), &claim).await? {
            // Whoever has it may not have renamed it yet: it is not ours to drop.
            return Err(self.superseded(false));
        }
        if self.job.is_noted(self.store()).await? {
            return Ok(());
        }
        Job::release(self.store(), &claim).await?;
        Err(self.superseded(true))
    }

    /// Writes every document of the shadow over the live one that is at the same version or below it.
    async fn repair_in_place(&mut self, live: &str, teller: &mut Teller) -> Result<()> {
        self.report.in_place = true;
        teller.step("repairing in place", None);
        let replay = self.replay;
        let mut folds = Folds::new(replay, None);
        while let Some(folded) = folds.next().await? {
            let fold = folded.fold?;
            if let Some(document) = fold.stored_document()? {
                self.store().admin().put(live, vec![document], PutRule::SameVersion).await?;
            }
            replay.settle(live, vec![folded.stream]).await?;
            teller.add(1);
        }
        self.store().admin().drop_collection(&self.shadow).await
    }
}
