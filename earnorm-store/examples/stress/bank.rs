//! A bank: sourced accounts, and bankers who move money between two of them in one unit of work. Whatever happens, no
//! cent is lost or made.

use std::sync::Arc;
use std::time::Duration;

use earnorm_core::database::Database;
use earnorm_core::entity::Entity;
use earnorm_core::error::Applied;
use earnorm_core::store::Store;
use earnorm_core::{Error, Result};
use earnorm_macros::{apply, event, model};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::line::{Line, Order};
use super::patience::patiently;
use super::place;
use super::worker::Output;

/// How many accounts there are; few, so that bankers are in each other's way.
pub(crate) const PURSES: i64 = 24;
/// What each begins with.
pub(crate) const CENTS: i64 = 1_000;
/// The pause between two transfers of a banker, so that handlers, who make one commit of each event, keep up.
const PAUSE: Duration = Duration::from_millis(700);
/// The category of the accounts' streams.
pub(crate) const CATEGORY: &str = "purse";

/// An account.
#[model(sourced, collection = "purses", crate = "earnorm_core")]
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Purse {
    #[model(id)]
    pub(crate) id: i64,
    pub(crate) cents: i64,
}

/// The first event of each.
#[event(crate = "earnorm_core")]
#[derive(Debug, Clone)]
pub(crate) struct Opened {
    pub(crate) purse: i64,
    pub(crate) cents: i64,
}

/// One half of a transfer: what came, or less than nothing for what went.
#[event(crate = "earnorm_core")]
#[derive(Debug, Clone)]
pub(crate) struct Moved {
    pub(crate) transfer: String,
    pub(crate) cents: i64,
}

#[model(crate = "earnorm_core")]
impl Purse {
    #[apply]
    fn opened(event: &Opened) -> Self {
        Self { id: event.purse, cents: event.cents }
    }

    #[apply]
    fn moved(&mut self, event: &Moved) {
        self.cents += event.cents;
    }
}

/// What became of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fate {
    /// It was acknowledged.
    Done,
    /// It was refused: nothing of it may ever appear.
    Refused,
    /// The store could not say: all of it or nothing may appear.
    Unclear,
}

/// Opens all accounts.
pub(crate) async fn open(store: &Arc<dyn Store>) -> Result<()> {
    let db = place::database(Arc::clone(store)).await?;
    for purse in 0..PURSES {
        db.start::<Purse>(purse, Opened { purse, cents: CENTS }).await?;
    }
    Ok(())
}

/// One who moves money, one transfer after the other.
pub(crate) struct Banker {
    db: Database,
    /// Nobody else has this name, not even one who was killed.
    name: String,
    random: StdRng,
    output: Output,
}

impl Banker {
    pub(crate) async fn new(store: &Arc<dyn Store>, seed: u64, name: String, output: Output) -> Result<Self> {
        let db = patiently(|| place::database(Arc::clone(store))).await?;
        let seed = name.bytes().fold(seed, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
        Ok(Self { db, name, random: StdRng::seed_from_u64(seed), output })
    }

    /// Works until told to stop.
    pub(crate) async fn run(mut self, orders: watch::Receiver<Order>) {
        let mut number = 0_u64;
        while *orders.borrow() == Order::Go {
            number += 1;
            let transfer = format!("{} {number}", self.name);
            let fate = match self.transfer(&transfer).await {
                Ok(()) => Fate::Done,
                Err(error) => {
                    self.judge(&transfer, &error);
                    match error.was_applied() {
                        Applied::Unknown => Fate::Unclear,
                        _ => Fate::Refused,
                    }
                }
            };
            self.output.tell(&Line::Transfer { transfer, fate });
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Who has gone with whom is up to conflicts and the store; anything else is a fault.
    fn judge(&self, transfer: &str, error: &Error) {
        if !matches!(error, Error::Store(_) | Error::Conflict(_)) {
            self.output.tell(&Line::Trouble { what: format!("transfer {transfer}: {error}") });
        }
    }

    async fn transfer(&mut self, transfer: &str) -> Result<()> {
        let from = self.random.random_range(0..PURSES);
        let to = (from + self.random.random_range(1..PURSES)) % PURSES;
        let cents = self.random.random_range(1..100);
        let unit = self.db.unit();
        for (purse, cents) in [(from, -cents), (to, cents)] {
            let mut purse: Entity<Purse> = self.load(purse).await?;
            purse.raise(Moved { transfer: transfer.to_owned(), cents })?;
            purse.save(&unit).await?;
        }
        unit.commit().await.map(drop)
    }

    async fn load(&self, purse: i64) -> Result<Entity<Purse>> {
        let missing = || Error::other(format!("purse {purse} is not there, though it was opened"));
        self.db.get::<Purse>(purse).await?.ok_or_else(missing)
    }
}
