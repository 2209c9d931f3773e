//! The command: run inside this process on every store, and as a process of its own on MongoDB.

mod erase;
mod file;
mod handlers;
mod hostile;
mod process;
mod reading;
mod schema;
mod upkeep;
mod versions;
mod wrong;

use std::sync::Arc;

use earnorm::Registry;
use earnorm::cli::{Exit, Io, Target, run_on};
use earnorm::prelude::*;
use serde_json::Value;

#[model(soft_delete)]
#[derive(Debug, Clone, PartialEq)]
struct Guest {
    #[model(id)]
    id: i64,
    #[model(unique)]
    name: String,
    #[model(index)]
    age: i32,
}

#[model]
impl Guest {
    #[pre_save(order = 5)]
    fn late(&mut self) {}

    #[pre_save]
    fn early(&mut self) {
        self.name = self.name.trim().to_owned();
    }

    #[post_create]
    fn greet(&self) {}
}

#[event(name = "opened")]
#[derive(Debug, Clone)]
struct Opened {
    id: String,
}

#[event(name = "paid")]
#[derive(Debug, Clone)]
struct Paid {
    cents: i64,
}

#[model(sourced)]
#[derive(Debug, Clone, PartialEq)]
struct Bill {
    #[model(id)]
    id: String,
    cents: i64,
}

#[model]
impl Bill {
    #[apply]
    fn opened(event: &Opened) -> Self {
        Self { id: event.id.clone(), cents: 0 }
    }

    #[apply]
    fn paid(&mut self, event: &Paid) {
        self.cents += event.cents;
    }
}

fn registry() -> Registry {
    Registry::empty().model::<Guest>().hooks_of::<Guest>().model::<Bill>()
}

/// Ada is changed by bob, Eve is deleted, and one bill is paid.
async fn fill(db: &Database) {
    let mut ada = db.create(Guest { id: 1, name: "Ada".into(), age: 36 }).await.unwrap();
    db.create(Guest { id: 2, name: "Eve".into(), age: 20 }).await.unwrap().delete(db).await.unwrap();
    ada.age = 37;
    ada.save(&db.with_metadata(Metadata::new().actor("bob"))).await.unwrap();
    let mut bill = db.start::<Bill>("b-1", Opened { id: "b-1".into() }).await.unwrap();
    bill.raise(Paid { cents: 250 }).unwrap();
    bill.save(db).await.unwrap();
}

/// What a command said.
#[derive(Debug)]
struct Ran {
    exit: Exit,
    out: String,
    err: String,
}

impl Ran {
    #[track_caller]
    fn ok(self) -> String {
        assert_eq!(self.exit, Exit::Ok, "{self:#?}");
        self.out
    }

    #[track_caller]
    fn json(self) -> Value {
        serde_json::from_str(&self.ok()).unwrap()
    }

    #[track_caller]
    fn fails(self, exit: Exit, parts: &[&str]) {
        assert_eq!(self.exit, exit, "{self:#?}");
        for part in parts {
            assert!(self.err.contains(part), "{part:?} is not in {self:#?}");
        }
    }
}

async fn run(target: impl Into<Target>, line: &str) -> Ran {
    run_args(target, line.split_whitespace()).await
}

async fn run_args<'a>(target: impl Into<Target>, args: impl IntoIterator<Item = &'a str>) -> Ran {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let args: Vec<_> = ["shop cli"].into_iter().chain(args).collect();
    let exit = run_on(target, args, Io::plain(&mut out, &mut err)).await;
    Ran { exit, out: String::from_utf8(out).unwrap(), err: String::from_utf8(err).unwrap() }
}

/// The same store, without the models.
fn bare(db: &Database) -> Target {
    Target::from(Arc::clone(db.store()))
}
