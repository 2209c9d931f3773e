//! A run of the machine: one program in one database, step by step, with the reference beside it.

use earnorm::prelude::*;
use earnorm::snapshot::SnapshotPolicy;

use super::check;
use super::models::{Plain, Soft, Till, registry};
use super::ops::{End, Of, Op, Write};
use super::player::{Bench, Done, Player, judge};
use super::reference::Reference;
use crate::support::{ManualClock, clock};

/// A database for one run.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) db: Database,
    pub(super) clock: ManualClock,
    /// The ids of this run come after this one.
    pub(super) base: i64,
    /// Whether nobody else has written to it.
    pub(super) fresh: bool,
}

impl Place {
    /// A database over a store that nobody else has written to.
    pub(super) async fn over(store: std::sync::Arc<dyn earnorm::store::Store>) -> Self {
        let clock = clock();
        let db = Database::builder().registry(registry()).clock(clock.clone()).store(store).await.unwrap();
        Self { db, clock, base: 0, fresh: true }
    }
}

struct World {
    bench: Bench,
    soft: Player<Soft>,
    plain: Player<Plain>,
    till: Player<Till>,
}

/// Does something with the player of a kind.
macro_rules! player {
    ($self:ident, $of:expr, $method:ident($($argument:expr),*)) => {
        match $of {
            Of::Soft => $self.soft.$method($($argument),*).await,
            Of::Plain => $self.plain.$method($($argument),*).await,
            Of::Till => $self.till.$method($($argument),*).await,
        }
    };
}

/// Runs a program, and says at which step something was not as it should be.
pub(super) async fn run(place: Place, program: &[Op]) -> Done {
    let start = place.db.store().high_water().await.map_err(|error| error.to_string())?;
    let fresh = place.fresh;
    let bench = Bench { db: place.db, clock: place.clock, base: place.base, reference: Reference::default() };
    let mut world =
        World { bench, soft: Player::new(Of::Soft), plain: Player::new(Of::Plain), till: Player::new(Of::Till) };
    for (index, op) in program.iter().enumerate() {
        let done = async {
            world.step(op).await?;
            world.compare()?;
            match op {
                Op::Check | Op::Rebuild(_) => check::everything(&world.bench, start).await,
                _ => Ok(()),
            }
        };
        done.await.map_err(|what| format!("step {index}, {op:?}: {what}"))?;
    }
    check::everything(&world.bench, start).await.map_err(|what| format!("at the end: {what}"))?;
    if fresh {
        check::folds(&world.bench).await.map_err(|what| format!("at the end: {what}"))?;
    }
    Ok(())
}

impl World {
    fn compare(&self) -> Done {
        self.soft.compare()?;
        self.plain.compare()?;
        self.till.compare()
    }

    async fn step(&mut self, op: &Op) -> Done {
        let bench = &mut self.bench;
        match op {
            Op::Take { of, hand, id, deleted_too } => player!(self, of, take(bench, *hand, *id, *deleted_too)),
            Op::Copy { of, hand, from } => {
                match of {
                    Of::Soft => self.soft.copy(*hand, *from),
                    Of::Plain => self.plain.copy(*hand, *from),
                    Of::Till => self.till.copy(*hand, *from),
                }
                Ok(())
            }
            Op::Reload { of, hand } => player!(self, of, reload(bench, *hand)),
            Op::Write(of, write) => player!(self, of, write(bench, write)),
            Op::Unit(steps, end) => self.unit(steps, *end).await,
            Op::Revert { of, hand, version } => player!(self, of, revert(bench, *hand, *version)),
            Op::RestoreId { of, hand, id } => player!(self, of, restore_id(bench, *hand, *id)),
            Op::CreateMany { of, new } => player!(self, of, create_many(bench, new)),
            Op::BulkUpdate { of, n, change } => player!(self, of, bulk(bench, *n, Some(*change))),
            Op::BulkDelete { of, n } => player!(self, of, bulk(bench, *n, None)),
            Op::Retry { of, hand, id, change } => player!(self, of, retry(bench, *hand, *id, *change)),
            Op::FindOrCreate { of, hand, id, facts } => player!(self, of, find_or_create(bench, *hand, *id, facts)),
            Op::Upsert { of, hand, id, facts, change } => {
                player!(self, of, upsert(bench, *hand, (*id, facts), *change))
            }
            Op::Past { of: Of::Soft, id, version } => check::past::<Soft>(bench, Of::Soft, *id, *version).await,
            Op::Past { of: Of::Plain, id, version } => check::past::<Plain>(bench, Of::Plain, *id, *version).await,
            Op::Past { of: Of::Till, id, version } => check::past::<Till>(bench, Of::Till, *id, *version).await,
            Op::Rebuild(of) => check::rebuild(&bench.db, *of).await,
            Op::Snapshots(every) => self.another_handle(SnapshotPolicy::every(*every)).await,
            Op::Clock(millis) => {
                bench.clock.advance(*millis);
                Ok(())
            }
            Op::Check => Ok(()),
        }
    }

    async fn unit(&mut self, steps: &[(Of, Write)], end: End) -> Done {
        let unit = self.bench.db.unit();
        let mut planned = Vec::new();
        for (of, write) in steps {
            let staged = player!(self, of, stage(&unit, &self.bench, &mut planned, write));
            staged.map_err(|what| format!("{write:?} of {of:?} in the unit: {what}"))?;
        }
        let committed = match end {
            End::Commit => {
                let expected = self.bench.reference.commit(&planned).map_err(|refusals| refusals.into_iter().collect());
                judge(unit.commit().await, expected)?.is_some()
            }
            End::Rollback => {
                unit.rollback();
                false
            }
            End::Drop => {
                drop(unit);
                false
            }
        };
        self.soft.end_unit(committed);
        self.plain.end_unit(committed);
        self.till.end_unit(committed);
        Ok(())
    }

    /// Goes on with another handle of the same store.
    async fn another_handle(&mut self, policy: SnapshotPolicy) -> Done {
        let bench = &mut self.bench;
        let builder = Database::builder().registry(registry()).clock(bench.clock.clone()).snapshots(policy);
        bench.db = builder.store(bench.db.store().clone()).await.map_err(|error| error.to_string())?;
        Ok(())
    }
}
