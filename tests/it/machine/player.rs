//! Entities that are held, beside what they should be: each step is done with both, and the outcomes are compared.

use chrono::{DateTime, Utc};
use earnorm::prelude::*;
use earnorm::save::Receipt;

use super::models::{Change, Facts, Kind, Tag};
use super::ops::{HANDS, Of, Write};
use super::reference::{Held, Planned, Reference, Refusal, Seen, is_sourced};
use crate::support::ManualClock;

/// What went wrong, in words.
pub(super) type Done<T = ()> = std::result::Result<T, String>;

macro_rules! ensure {
    ($holds:expr, $($what:tt)+) => {
        if !$holds {
            return Err(format!($($what)+));
        }
    };
}
pub(super) use ensure;

/// The database of a run, and what it should hold.
#[derive(Debug)]
pub(super) struct Bench {
    pub(super) db: Database,
    pub(super) clock: ManualClock,
    /// The ids of this run come after this one.
    pub(super) base: i64,
    pub(super) reference: Reference,
}

impl Bench {
    pub(super) fn id(&self, id: i64) -> i64 {
        self.base + id
    }

    pub(super) fn tag(&self) -> Tag {
        Tag(self.base)
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        earnorm::ports::Clock::now(&self.clock)
    }

    /// What a commit of these writes should answer. It is done where it should succeed.
    fn expect(&mut self, writes: &[Planned]) -> Expected {
        self.reference.commit(writes).map_err(|refusals| refusals.into_iter().collect())
    }
}

/// What a call should answer; any of several refusals, where several things are in its way.
type Expected<T = ()> = std::result::Result<T, Vec<Refusal>>;

pub(super) fn refusal(error: &Error) -> Option<Refusal> {
    Some(match error {
        Error::Conflict(_) => Refusal::Conflict,
        Error::AlreadyExists { .. } => Refusal::Exists,
        Error::Unique(_) => Refusal::Unique,
        Error::NotFound { .. } => Refusal::Missing,
        Error::InvalidQuery { .. } | Error::InvalidCommit { .. } => Refusal::Invalid,
        Error::Unsupported { .. } => Refusal::Unsupported,
        _ => return None,
    })
}

/// The answers, where both are good; `None` where both are the same refusal.
pub(super) fn judge<T, U>(answer: Result<T>, expected: Expected<U>) -> Done<Option<(T, U)>> {
    match (answer, expected) {
        (Ok(answer), Ok(expected)) => Ok(Some((answer, expected))),
        (Err(error), Err(expected)) if refusal(&error).is_some_and(|refusal| expected.contains(&refusal)) => Ok(None),
        (Err(error), Err(expected)) => Err(format!("refused by `{error}`, expected {expected:?}")),
        (Err(error), Ok(_)) => Err(format!("refused by `{error}`, expected success")),
        (Ok(_), Err(expected)) => Err(format!("succeeded, expected {expected:?}")),
    }
}

/// An entity, and what it should be.
#[derive(Debug)]
struct Hand<K: Kind> {
    entity: Entity<K>,
    held: Held,
}

/// What is held of one kind.
#[derive(Debug)]
pub(super) struct Player<K: Kind> {
    pub(super) of: Of,
    hands: [Option<Hand<K>>; HANDS],
}

impl<K: Kind> Player<K> {
    pub(super) fn new(of: Of) -> Self {
        Self { of, hands: [const { None }; HANDS] }
    }

    /// Every entity is what it should be.
    pub(super) fn compare(&self) -> Done {
        for (index, hand) in self.hands.iter().enumerate() {
            let Some(Hand { entity, held }) = hand else { continue };
            let found = (entity.version(), entity.facts());
            let expected = (held.seen.version, held.now.clone());
            ensure!(found == expected, "hand {index} of {:?} holds {found:?}, expected {expected:?}", self.of);
            let deleted = held.seen.version > 0 && !held.seen.live;
            ensure!(
                entity.is_deleted() == deleted,
                "hand {index} of {:?} is deleted: {}",
                self.of,
                entity.is_deleted()
            );
        }
        Ok(())
    }

    fn put(&mut self, hand: usize, id: i64, found: Option<(Entity<K>, Seen)>) {
        if let Some((entity, seen)) = found {
            self.hands[hand] = Some(Hand { entity, held: Held::of(id, seen) });
        }
    }

    pub(super) async fn take(&mut self, bench: &Bench, hand: usize, id: i64, deleted_too: bool) -> Done {
        let (db, real) = (&bench.db, bench.id(id));
        let found = if deleted_too { K::get_with_deleted(db, real).await } else { K::get(db, real).await };
        let found = found.map_err(|error| error.to_string())?;
        let expected = bench.reference.find(self.of, id, deleted_too);
        ensure!(found.is_some() == expected.is_some(), "found {found:?}, expected {expected:?}");
        self.put(hand, id, found.zip(expected));
        Ok(())
    }

    pub(super) fn copy(&mut self, hand: usize, from: usize) {
        if let Some(Hand { entity, held }) = &self.hands[from] {
            self.hands[hand] = Some(Hand { entity: entity.clone(), held: held.copy() });
        }
    }

    pub(super) async fn reload(&mut self, bench: &Bench, hand: usize) -> Done {
        let Some(Hand { entity, held }) = &mut self.hands[hand] else { return Ok(()) };
        let expected = bench.reference.find(self.of, held.id, false).ok_or(vec![Refusal::Missing]);
        if let Some(((), seen)) = judge(entity.reload(&bench.db).await, expected)? {
            *held = Held::of(held.id, seen);
        }
        Ok(())
    }

    pub(super) async fn write(&mut self, bench: &mut Bench, write: &Write) -> Done {
        let (of, now) = (self.of, bench.now());
        if let Write::Create { hand, id, facts } = write {
            let held = Held::new(of, *id, facts);
            let plan = held.save(of, now).ok().flatten().ok_or("a new instance is always written")?;
            let expected = bench.expect(std::slice::from_ref(&plan)).map(|()| plan.after);
            let answer = K::born(&bench.db, bench.id(*id), bench.tag(), facts).await;
            self.put(*hand, *id, judge(answer, expected)?);
            return Ok(());
        }
        let Some(Hand { entity, held }) = self.hand(write) else { return Ok(()) };
        let plan = match write {
            Write::Create { .. } => return Ok(()),
            Write::Change { change, .. } => {
                held.change(of, *change);
                return K::change(entity, bench.tag(), *change).map_err(|error| error.to_string());
            }
            Write::Save { .. } => held.save(of, now),
            Write::Delete { .. } => held.delete(of, false, now).map(Some),
            Write::HardDelete { .. } => held.delete(of, true, now).map(Some),
            Write::Restore { .. } => held.restore(of, now).map(Some),
        };
        let expected = plan.map_err(|refusal| vec![refusal]).and_then(|plan| {
            bench.expect(plan.as_slice())?;
            Ok(plan)
        });
        let answer = match write {
            Write::Save { .. } => entity.save(&bench.db).await,
            Write::Delete { .. } => entity.delete(&bench.db).await,
            Write::HardDelete { .. } => entity.hard_delete(&bench.db).await,
            _ => entity.restore(&bench.db).await,
        };
        let Some((receipt, plan)) = judge(answer, expected)? else { return Ok(()) };
        settle(held, &receipt, plan.as_ref())
    }

    /// The same within a unit of work.
    pub(super) async fn stage(
        &mut self,
        unit: &UnitOfWork,
        bench: &Bench,
        planned: &mut Vec<Planned>,
        write: &Write,
    ) -> Done {
        let (of, now) = (self.of, bench.now());
        let begun = |id| planned.iter().any(|plan| plan.is_for(of, id));
        if let Write::Create { hand, id, facts } = write {
            let mut held = Held::new(of, *id, facts);
            let expected =
                if begun(*id) { Err(vec![Refusal::Exists]) } else { held.save(of, now).map_err(|r| vec![r]) };
            let answer = K::born(unit, bench.id(*id), bench.tag(), facts).await;
            if let Some((entity, plan)) = judge(answer, expected)? {
                plan.iter().for_each(|plan| held.stage(&plan.after));
                planned.extend(plan);
                self.hands[*hand] = Some(Hand { entity, held });
            }
            return Ok(());
        }
        let Some(Hand { entity, held }) = self.hand(write) else { return Ok(()) };
        let plan = match write {
            Write::Create { .. } => return Ok(()),
            Write::Change { change, .. } => {
                held.change(of, *change);
                return K::change(entity, bench.tag(), *change).map_err(|error| error.to_string());
            }
            Write::Save { .. } if held.is_new() && begun(held.id) => Err(Refusal::Exists),
            Write::Save { .. } => held.save(of, now),
            Write::Delete { .. } => held.delete(of, false, now).map(Some),
            Write::HardDelete { .. } => held.delete(of, true, now).map(Some),
            Write::Restore { .. } => held.restore(of, now).map(Some),
        };
        let answer = match write {
            Write::Save { .. } => entity.save(unit).await,
            Write::Delete { .. } => entity.delete(unit).await,
            Write::HardDelete { .. } => entity.hard_delete(unit).await,
            _ => entity.restore(unit).await,
        };
        if let Some(((), Some(plan))) = judge(answer, plan.map_err(|refusal| vec![refusal]))? {
            held.stage(&plan.after);
            planned.push(plan);
        }
        Ok(())
    }

    /// The unit was committed, or forgotten.
    pub(super) fn end_unit(&mut self, committed: bool) {
        self.hands.iter_mut().flatten().for_each(|hand| hand.held.end(committed));
    }

    fn hand(&mut self, write: &Write) -> Option<&mut Hand<K>> {
        let (Write::Create { hand, .. }
        | Write::Change { hand, .. }
        | Write::Save { hand }
        | Write::Delete { hand }
        | Write::HardDelete { hand }
        | Write::Restore { hand }) = write;
        self.hands[*hand].as_mut()
    }

    pub(super) async fn revert(&mut self, bench: &mut Bench, hand: usize, version: u64) -> Done {
        let (of, now) = (self.of, bench.now());
        let Some(Hand { entity, held }) = &mut self.hands[hand] else { return Ok(()) };
        let past = match bench.reference.stream(of, held.id).events.get(version as usize - 1) {
            _ if is_sourced(of) => Err(Refusal::Unsupported),
            None => Err(Refusal::Invalid),
            Some(event) => event.state.clone().ok_or(Refusal::Missing),
        };
        let plan = past.and_then(|past| {
            let plan = Held { now: past.clone(), ..held.clone() }.save(of, now)?;
            Ok((past, plan))
        });
        let expected = plan.map_err(|refusal| vec![refusal]).and_then(|(past, plan)| {
            bench.expect(plan.as_slice())?;
            Ok((past, plan))
        });
        let answer = entity.revert_to(&bench.db, version).await;
        let Some((receipt, (past, plan))) = judge(answer, expected)? else { return Ok(()) };
        held.now = past;
        settle(held, &receipt, plan.as_ref())
    }

    pub(super) async fn restore_id(&mut self, bench: &mut Bench, hand: usize, id: i64) -> Done {
        let (of, now) = (self.of, bench.now());
        let found = bench.reference.find(of, id, true).or_else(|| bench.reference.buried(of, id));
        let plan = found.ok_or(Refusal::Missing).and_then(|seen| Held::of(id, seen).restore(of, now));
        let expected = plan.map_err(|refusal| vec![refusal]).and_then(|plan| {
            bench.expect(std::slice::from_ref(&plan))?;
            Ok(plan.after)
        });
        let answer = K::restore(&bench.db, bench.id(id)).await;
        self.put(hand, id, judge(answer, expected)?);
        Ok(())
    }

    pub(super) async fn retry(&mut self, bench: &mut Bench, hand: usize, id: i64, change: Change) -> Done {
        let expected = self.changed(bench, id, change);
        let tag = bench.tag();
        let answer = K::retry_on_conflict(&bench.db, bench.id(id), |entity| K::change(entity, tag, change)).await;
        self.put(hand, id, judge(answer, expected)?);
        Ok(())
    }

    /// What a change of the stored instance makes of it.
    fn changed(&self, bench: &mut Bench, id: i64, change: Change) -> Expected<Seen> {
        let seen = bench.reference.find(self.of, id, false).ok_or(vec![Refusal::Missing])?;
        let mut held = Held::of(id, seen.clone());
        held.change(self.of, change);
        let Some(plan) = held.save(self.of, bench.now()).map_err(|refusal| vec![refusal])? else { return Ok(seen) };
        bench.expect(std::slice::from_ref(&plan)).map(|()| plan.after)
    }

    /// What should become of an instance that is looked for by its code, and made where there is none.
    fn found_or_made(&self, bench: &mut Bench, id: i64, facts: &Facts) -> Expected<(i64, bool, Seen)> {
        let code = facts.code.ok_or(vec![Refusal::Invalid])?;
        if let Some(found) = bench.reference.with_code(self.of, code) {
            let seen = bench.reference.find(self.of, found, false).ok_or(vec![])?;
            return Ok((found, false, seen));
        }
        if is_sourced(self.of) {
            return Err(vec![Refusal::Invalid]);
        }
        let plan = Held::new(self.of, id, facts).save(self.of, bench.now()).ok().flatten().ok_or(vec![])?;
        bench.expect(std::slice::from_ref(&plan)).map(|()| (id, true, plan.after))
    }

    pub(super) async fn find_or_create(&mut self, bench: &mut Bench, hand: usize, id: i64, facts: &Facts) -> Done {
        let expected = self.found_or_made(bench, id, facts);
        let model = K::make(bench.id(id), bench.tag(), facts);
        let answer = K::find_or_create(&bench.db, K::CODE, model).await;
        if let Some(((entity, created), (id, new, seen))) = judge(answer, expected)? {
            ensure!(created == new, "created: {created}, expected {new}");
            self.put(hand, id, Some((entity, seen)));
        }
        Ok(())
    }

    pub(super) async fn upsert(
        &mut self,
        bench: &mut Bench,
        hand: usize,
        (id, facts): (i64, &Facts),
        change: Change,
    ) -> Done {
        let expected = match self.found_or_made(bench, id, facts) {
            Ok((id, false, _)) => self.changed(bench, id, change).map(|seen| (id, seen)),
            made => made.map(|(id, _, seen)| (id, seen)),
        };
        let tag = bench.tag();
        let model = K::make(bench.id(id), tag, facts);
        let change = move |entity: &mut Entity<K>, _: &K| K::change(entity, tag, change).unwrap();
        let answer = K::upsert(&bench.db, K::CODE, model, change).await;
        if let Some((entity, (id, seen))) = judge(answer, expected)? {
            self.put(hand, id, Some((entity, seen)));
        }
        Ok(())
    }

    pub(super) async fn create_many(&mut self, bench: &mut Bench, new: &[(i64, Facts)]) -> Done {
        let (of, now) = (self.of, bench.now());
        let twice = |index: usize| new[..index].iter().any(|(id, _)| *id == new[index].0);
        let expected = if is_sourced(of) {
            Err(vec![Refusal::Invalid])
        } else if (0..new.len()).any(twice) {
            Err(vec![Refusal::Exists])
        } else {
            let plans: Vec<_> =
                new.iter().filter_map(|(id, facts)| Held::new(of, *id, facts).save(of, now).ok()?).collect();
            bench.expect(&plans).map(|()| plans.into_iter().map(|plan| plan.after).collect::<Vec<_>>())
        };
        let models: Vec<_> = new.iter().map(|(id, facts)| K::make(bench.id(*id), bench.tag(), facts)).collect();
        let Some((made, expected)) = judge(bench.db.create_many(models).await, expected)? else { return Ok(()) };
        let found: Vec<_> = made.iter().map(|entity| (entity.version(), entity.facts())).collect();
        let expected: Vec<_> = expected.into_iter().map(|seen| (seen.version, seen.facts)).collect();
        ensure!(found == expected, "created {found:?}, expected {expected:?}");
        Ok(())
    }

    /// A bulk update, or a bulk delete where there is no change.
    pub(super) async fn bulk(&mut self, bench: &mut Bench, n: i64, change: Option<Change>) -> Done {
        let (of, now, tag) = (self.of, bench.now(), bench.tag());
        let ids = bench.reference.at_least(of, n);
        let mut expected = [ids.len() as u64, 0, 0, 0];
        let mut plans = Vec::new();
        for id in ids {
            let mut held = Held::of(id, bench.reference.find(of, id, false).ok_or("it is not there")?);
            change.iter().for_each(|change| held.change(of, *change));
            let plan = if change.is_some() { held.save(of, now) } else { held.delete(of, false, now).map(Some) };
            match plan.map_err(|refusal| format!("{refusal:?}"))? {
                Some(plan) => plans.push(plan),
                None => expected[2] += 1,
            }
        }
        if bench.expect(&plans).is_ok() {
            expected[1] = plans.len() as u64;
        } else {
            for plan in plans {
                let slot = if bench.expect(&[plan]).is_ok() { 1 } else { 3 };
                expected[slot] += 1;
            }
        }
        let query = K::find(super::check::within::<K>(bench) & K::N.gte(n));
        let report = match change {
            Some(change) => query.update(&bench.db, move |entity| K::change(entity, tag, change)).await,
            None => query.delete(&bench.db).await,
        };
        let report = report.map_err(|error| error.to_string())?;
        let found = [report.matched, report.written, report.unchanged, report.failed];
        ensure!(found == expected, "matched, written, unchanged, failed {found:?}, expected {expected:?}: {report:?}");
        Ok(())
    }
}

/// The write is durable.
fn settle(held: &mut Held, receipt: &Receipt, plan: Option<&Planned>) -> Done {
    let events = plan.map_or(0, |plan| plan.events.len());
    ensure!(receipt.events().len() == events, "{} events were written, expected {events}", receipt.events().len());
    if let Some(plan) = plan {
        held.stage(&plan.after);
        held.end(true);
    }
    Ok(())
}
