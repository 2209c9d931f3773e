//! What a command works on: a store, the notes in it, and the models of the program, if there are any.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;

use super::args::Address;
use super::exit::{Exit, Outcome, Stop};
use super::out::Out;
use super::{file, nearest};
use crate::backend::OpenOptions;
use crate::predicate::Predicate;
use crate::reader::Reader;
use crate::replay::Replay;
use crate::schema::ModelInfo;
use crate::store::{DocumentQuery, Own, Store};
use crate::{Database, Registry, fold};

/// What a command works on, before it is opened.
#[derive(Debug, Clone)]
pub enum Target {
    /// The store that `--store` or `EARNORM_STORE` names, with the models that are linked into the program.
    Address,
    /// A store that is open already, without models.
    Store(Arc<dyn Store>),
    /// A database that is connected already, with its models.
    Database(Database),
}

impl From<Arc<dyn Store>> for Target {
    fn from(store: Arc<dyn Store>) -> Self {
        Self::Store(store)
    }
}

impl From<&Database> for Target {
    fn from(db: &Database) -> Self {
        Self::Database(db.clone())
    }
}

/// What a command works on.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) reader: Reader,
    /// Only in programs with models.
    pub(super) db: Option<Database>,
    /// What the store knew of models before this program connected.
    pub(super) notes: Vec<ModelInfo>,
    /// Notes that could not be read, by name.
    pub(super) unreadable: Vec<String>,
    /// Whether the store ends with the command.
    owned: bool,
}

impl Opened {
    pub(super) async fn open(target: &Target, address: &Address, out: &mut Out<'_>) -> Outcome<Self> {
        let (store, db, owned) = match target {
            Target::Address => (dial(address, out).await?, None, true),
            Target::Store(store) => (Arc::clone(store), None, false),
            Target::Database(db) => (Arc::clone(db.store()), Some(db.clone()), false),
        };
        let (notes, unreadable) = read_notes(&*store).await?;
        let db = match db {
            None if owned && has_models() => Some(Database::builder().store(Arc::clone(&store)).await?),
            db => db,
        };
        let reader = db.as_ref().map_or_else(|| Reader::new(store), |db| db.reader().clone());
        Ok(Self { reader, db, notes, unreadable, owned })
    }

    pub(super) fn store(&self) -> &Arc<dyn Store> {
        self.reader.store()
    }

    /// The database, without models where the program has none.
    pub(super) fn database(&self) -> Database {
        self.db.clone().unwrap_or_else(|| Database::without_models(self.reader.clone()))
    }

    /// Gives connections back, unless someone else holds the store.
    pub(super) async fn close(&self) {
        if self.owned {
            // What was to be done is done; a server that does not answer now changes nothing.
            let _ = tokio::time::timeout(Duration::from_secs(2), self.store().close()).await;
        }
    }

    /// Every model that is known: those of the program, and those that only the store knows.
    pub(super) fn models(&self) -> Vec<ModelInfo> {
        let mut models: Vec<_> = self.db.iter().flat_map(Database::models).map(ModelInfo::of).collect();
        for note in &self.notes {
            if !models.iter().any(|model| model.name == note.name) {
                models.push(note.clone());
            }
        }
        models.sort_by(|a, b| a.name.cmp(&b.name));
        models
    }

    /// Whether the program has the model's code.
    pub(super) fn is_linked(&self, model: &str) -> bool {
        self.db.iter().flat_map(Database::models).any(|schema| schema.name == model)
    }

    /// The models that were named, or all.
    pub(super) fn chosen(&self, names: &[String]) -> Outcome<Vec<ModelInfo>> {
        if names.is_empty() {
            return Ok(self.models());
        }
        names.iter().map(|name| self.model(name)).collect()
    }

    /// One model by its name.
    pub(super) fn model(&self, name: &str) -> Outcome<ModelInfo> {
        let models = self.models();
        if let Some(model) = models.iter().find(|model| model.name == name) {
            return Ok(model.clone());
        }
        let known: Vec<_> = models.iter().map(|model| model.name.as_str()).collect();
        let stop = Stop::usage(format!("no model is named `{name}`"));
        Err(match nearest::instead("models", name, &known) {
            Some(hint) => stop.hint(hint),
            None => stop.hint("the store knows no models yet: a program that connects with its models notes them"),
        })
    }

    /// Replay of a model: by its code where that is linked, else by what the store knows of it.
    pub(super) fn replay(&self, model: &ModelInfo) -> crate::Result<Replay> {
        match &self.db {
            Some(db) if self.is_linked(&model.name) => db.replay(&model.name),
            _ => Ok(Replay::new(self.reader.clone(), fold::untyped(model.clone())?)),
        }
    }
}

/// Whether the program has models.
pub(super) fn has_models() -> bool {
    Registry::collected().models().next().is_some()
}

async fn dial(address: &Address, out: &mut Out<'_>) -> Outcome<Arc<dyn Store>> {
    let Some(named) = &address.store else {
        return Err(Stop::usage("no store is named").hint(
            "set EARNORM_STORE, which keeps passwords out of the list of processes, or pass --store \
             'mongodb://host/name?replicaSet=rs0' or the path of a database file",
        ));
    };
    out.hide(named.expose());
    let uri = file::uri(named.expose(), address.makes)?;
    let mut options = OpenOptions::new(uri);
    options.database.clone_from(&address.database);
    options.prefix.clone_from(&address.prefix);
    options.connect_timeout = address.connect_timeout.map(Duration::from_secs);
    Ok(options.open().await?)
}

async fn read_notes(store: &dyn Store) -> Outcome<(Vec<ModelInfo>, Vec<String>)> {
    let query = DocumentQuery::new(store.admin().own(Own::Models), Predicate::always());
    let mut found = store.find(query).await?;
    let (mut notes, mut unreadable) = (Vec::new(), Vec::new());
    while let Some(note) = found.next().await.transpose()? {
        match ModelInfo::from_document(&note) {
            Some(info) => notes.push(info),
            None => unreadable.push(note.get("_id").map(super::text::value).unwrap_or_default()),
        }
    }
    Ok((notes, unreadable))
}

/// The end of a command that needs the program's own code.
pub(super) fn needs_code(what: &str) -> Stop {
    Stop::new(Exit::NeedsCode, format!("{what} is known only to a program with its models"))
        .hint("let that program call `earnorm::cli::run()` and use it in place of this command")
}
