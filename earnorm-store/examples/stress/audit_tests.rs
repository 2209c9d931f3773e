//! The bank's comparison finds each fault that it is for.

use super::*;

fn part(position: i64, purse: i64, transfer: Option<&str>, cents: i64) -> Move {
    Move { position, purse, transfer: transfer.map(ToOwned::to_owned), cents }
}

/// A bank after one transfer of 7 cents from account 0 to account 1, with everything as it should be.
fn sound() -> (Ledger, Books) {
    let mut books = Books::default();
    for purse in 0..PURSES {
        books.moves.push(part(purse + 1, purse, None, CENTS));
        books.purses.insert(purse, (1, CENTS));
    }
    books.moves.push(part(PURSES + 1, 0, Some("a"), -7));
    books.moves.push(part(PURSES + 2, 1, Some("a"), 7));
    books.purses.insert(0, (2, CENTS - 7));
    books.purses.insert(1, (2, CENTS + 7));
    books.tallies = books.purses.clone();
    let mut ledger = Ledger::default();
    ledger.transfers.push(("a".to_owned(), Fate::Done));
    ledger.handled = books.moves.iter().map(|part| (part.position, 1)).collect();
    (ledger, books)
}

fn found(change: impl FnOnce(&mut Ledger, &mut Books)) -> Audit {
    let (mut ledger, mut books) = sound();
    change(&mut ledger, &mut books);
    let mut examples = Vec::new();
    let audit = audit(&ledger, &books, Counts::Once, &mut examples);
    assert_eq!(audit.is_fine(), examples.is_empty(), "{examples:?}");
    audit
}

#[test]
fn a_sound_bank_has_no_fault() {
    let audit = found(|_, _| ());
    assert!(audit.is_fine(), "{audit:?}");
    assert_eq!(audit.transfers, 1);
}

#[test]
fn a_lost_transfer_and_one_that_was_refused_are_found() {
    let transfer = |fate| move |ledger: &mut Ledger, _: &mut Books| ledger.transfers.push(("b".to_owned(), fate));
    assert_eq!(found(transfer(Fate::Done)).lost, 1);
    assert_eq!(found(transfer(Fate::Unclear)).unclear_absent, 1);
    let refused = found(|ledger, _| ledger.transfers = vec![("a".to_owned(), Fate::Refused)]);
    assert_eq!(refused.refused_found, 1);
}

#[test]
fn half_a_transfer_and_one_that_happened_twice_are_found() {
    let half = found(|_, books| {
        books.moves.pop();
        books.purses.insert(1, (1, CENTS));
        books.tallies.insert(1, (1, CENTS));
    });
    assert_eq!((half.torn, half.sum_wrong), (1, -7));
    let twice = found(|ledger, books| {
        for (position, purse, cents) in [(PURSES + 3, 0, -7), (PURSES + 4, 1, 7)] {
            books.moves.push(part(position, purse, Some("a"), cents));
            books.purses.insert(purse, (3, CENTS + 2 * cents));
            books.tallies.insert(purse, (3, CENTS + 2 * cents));
            ledger.handled.insert(position, 1);
        }
    });
    assert_eq!((twice.torn, twice.sum_wrong), (1, 0));
}

#[test]
fn an_effect_that_happened_twice_or_never_is_found() {
    assert_eq!(
        found(|_, books| {
            books.tallies.insert(1, (3, CENTS + 14));
        })
        .tallies_wrong,
        1
    );
    assert_eq!(
        found(|_, books| {
            books.tallies.remove(&2);
        })
        .tallies_wrong,
        1
    );
    assert_eq!(
        found(|ledger, _| {
            ledger.handled.remove(&3);
        })
        .unhandled,
        1
    );
    assert_eq!(
        found(|ledger, _| {
            ledger.handled.insert(3, 2);
        })
        .again,
        1
    );
}

#[test]
fn events_that_were_counted_out_of_turn_are_found() {
    assert_eq!(found(|_, books| books.out_of_turn = 1).out_of_turn, 1);
}

#[test]
fn a_bank_in_which_nothing_moved_proves_nothing() {
    let mut books = sound().1;
    books.moves.truncate(usize::try_from(PURSES).expect("few"));
    for purse in [0, 1] {
        books.purses.insert(purse, (1, CENTS));
        books.tallies.insert(purse, (1, CENTS));
    }
    let mut ledger = Ledger::default();
    ledger.handled = books.moves.iter().map(|part| (part.position, 1)).collect();
    let audit = audit(&ledger, &books, Counts::Once, &mut Vec::new());
    assert_eq!((audit.lost, audit.tallies_wrong, audit.is_fine()), (0, 0, false));
}

#[test]
fn a_control_is_caught_or_it_is_a_fault() {
    let (ledger, mut books) = sound();
    let of = |books: &Books| audit(&ledger, books, Counts::AtLeastOnce, &mut Vec::new());
    assert!(!of(&books).is_fine());
    books.tallies.insert(1, (3, CENTS + 14));
    assert!(of(&books).is_fine());
}

#[test]
fn a_document_that_is_not_its_fold_is_found() {
    assert_eq!(
        found(|_, books| {
            books.purses.insert(5, (2, CENTS));
        })
        .documents_wrong,
        1
    );
}
