//! The comparison of the bank: what bankers were told, what handlers did, and what is in the log.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;

use super::bank::{CENTS, Fate, PURSES};
use super::ledger::Ledger;
use super::options::Counts;

/// An event of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) position: i64,
    pub(crate) purse: i64,
    /// None for the first event of an account.
    pub(crate) transfer: Option<String>,
    pub(crate) cents: i64,
}

/// The bank as it stands in the store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Books {
    /// In the order of positions.
    pub(crate) moves: Vec<Move>,
    /// Version and cents of each account's document.
    pub(crate) purses: BTreeMap<i64, (i64, i64)>,
    /// Events and cents that the transactional handler has counted of each.
    pub(crate) tallies: BTreeMap<i64, (i64, i64)>,
    /// Events that it counted, but not as the one after the last of their account.
    pub(crate) out_of_turn: i64,
}

/// What was compared. Everything but what is `unclear`, `transfers` and `again` is a fault.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Audit {
    pub(crate) transfers: u64,
    /// Acknowledged transfers that are not in the log.
    pub(crate) lost: u64,
    /// Refused transfers that are.
    pub(crate) refused_found: u64,
    /// Transfers that are not two events side by side which come to nothing.
    pub(crate) torn: u64,
    /// Cents that are there and should not be, or the other way round.
    pub(crate) sum_wrong: i64,
    /// Documents that are not the fold of their streams.
    pub(crate) documents_wrong: u64,
    /// Accounts of which the transactional handler has not counted each event once.
    pub(crate) tallies_wrong: u64,
    /// Events that it counted in another order than that of their account.
    pub(crate) out_of_turn: i64,
    /// The same, of a handler that is wrong on purpose and must be caught.
    pub(crate) control_caught: Option<u64>,
    /// Events that the other handler never saw.
    pub(crate) unhandled: u64,
    /// Events that it saw more than once, as it may.
    pub(crate) again: u64,
    pub(crate) unclear_applied: u64,
    pub(crate) unclear_absent: u64,
}

impl Audit {
    /// Whether there is no fault.
    pub(crate) fn is_fine(&self) -> bool {
        let faults =
            self.lost + self.refused_found + self.torn + self.documents_wrong + self.tallies_wrong + self.unhandled;
        faults == 0
            && self.sum_wrong == 0
            && self.out_of_turn == 0
            && self.transfers > 0
            && self.control_caught != Some(0)
    }
}

/// Compares.
pub(crate) fn audit(ledger: &Ledger, books: &Books, counts: Counts, examples: &mut Vec<String>) -> Audit {
    let mut audit = Audit::default();
    transfers(ledger, books, &mut audit, examples);
    let mut folds: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    for part in &books.moves {
        let fold = folds.entry(part.purse).or_default();
        *fold = (fold.0 + 1, fold.1 + part.cents);
    }
    let sum: i64 = books.purses.values().map(|purse| purse.1).sum();
    audit.sum_wrong = sum - PURSES * CENTS;
    if audit.sum_wrong != 0 {
        examples.push(format!("the balances come to {sum}, not {}", PURSES * CENTS));
    }
    audit.documents_wrong = compare("account", &folds, &books.purses, examples);
    match counts {
        Counts::NotAtAll => return audit,
        Counts::Once => {
            audit.tallies_wrong = compare("tally", &folds, &books.tallies, examples);
            audit.out_of_turn = books.out_of_turn;
            if books.out_of_turn != 0 {
                examples.push(format!("{} events were counted out of turn", books.out_of_turn));
            }
        }
        Counts::AtLeastOnce => {
            audit.control_caught = Some(compare("tally", &folds, &books.tallies, &mut Vec::new()));
        }
    }
    handled(ledger, books, &mut audit, examples);
    audit
}

fn transfers(ledger: &Ledger, books: &Books, audit: &mut Audit, examples: &mut Vec<String>) {
    let mut parts: HashMap<&str, Vec<&Move>> = HashMap::new();
    for part in &books.moves {
        if let Some(transfer) = &part.transfer {
            parts.entry(transfer).or_default().push(part);
        }
    }
    audit.transfers = parts.len() as u64;
    for (transfer, parts) in &parts {
        let is_whole = matches!(
            parts.as_slice(),
            [one, other] if one.cents + other.cents == 0 && other.position == one.position + 1
        );
        if !is_whole {
            audit.torn += 1;
            examples.push(format!("transfer {transfer} is {parts:?}"));
        }
    }
    for (transfer, fate) in &ledger.transfers {
        match (fate, parts.contains_key(transfer.as_str())) {
            (Fate::Done, false) => {
                audit.lost += 1;
                examples.push(format!("transfer {transfer} was acknowledged and is not in the log"));
            }
            (Fate::Refused, true) => {
                audit.refused_found += 1;
                examples.push(format!("transfer {transfer} was refused and is in the log"));
            }
            (Fate::Unclear, true) => audit.unclear_applied += 1,
            (Fate::Unclear, false) => audit.unclear_absent += 1,
            (Fate::Done, true) | (Fate::Refused, false) => {}
        }
    }
}

/// Counts what is not as it should be.
fn compare(
    what: &str,
    should: &BTreeMap<i64, (i64, i64)>,
    is: &BTreeMap<i64, (i64, i64)>,
    examples: &mut Vec<String>,
) -> u64 {
    let ids: HashSet<&i64> = should.keys().chain(is.keys()).collect();
    let mut wrong = 0;
    for id in ids {
        let (should, is) = (should.get(id), is.get(id));
        if should != is {
            wrong += 1;
            examples.push(format!("{what} {id} is {is:?} (events, cents), its stream comes to {should:?}"));
        }
    }
    wrong
}

fn handled(ledger: &Ledger, books: &Books, audit: &mut Audit, examples: &mut Vec<String>) {
    for part in &books.moves {
        match ledger.handled.get(&part.position) {
            None => {
                audit.unhandled += 1;
                examples.push(format!("never handled: {part:?}"));
            }
            Some(1) => {}
            Some(_) => audit.again += 1,
        }
    }
}

#[cfg(test)]
#[path = "audit_tests.rs"]
mod tests;
