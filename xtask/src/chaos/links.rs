//! The links between the members of a replica set and its clients, and what happens to what goes over them.

use std::time::Duration;

use tokio::sync::watch;

/// How many members a cluster has.
pub(crate) const MEMBERS: usize = 3;
/// Everybody who is no member, as one party.
const CLIENTS: usize = MEMBERS;
/// All parties.
const PARTIES: usize = MEMBERS + 1;

/// Who sends or gets something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Party {
    /// A member, by number.
    Member(usize),
    /// A program.
    Client,
}

impl Party {
    fn number(self) -> usize {
        match self {
            Self::Member(member) => member,
            Self::Client => CLIENTS,
        }
    }
}

/// What happens to what goes over a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Mode {
    /// It arrives.
    #[default]
    Pass,
    /// It stands still, and so does whoever waits for it, as when a cable is pulled.
    Hold,
    /// Connections are closed, and new ones too, as when a firewall answers.
    Cut,
    /// It arrives later.
    Delay(Duration),
}

/// Which way something goes between a member and others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// From the member to the others.
    From,
    /// From the others to the member.
    To,
    Both,
}

/// The modes of all links: from each party to each other, whoever of the two opened the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Table([[Mode; PARTIES]; PARTIES]);

impl Table {
    /// What happens to what `from` sends to `to`. Everybody reaches himself.
    pub(crate) fn mode(&self, from: Party, to: Party) -> Mode {
        let (from, to) = (from.number(), to.number());
        if from == to {
            return Mode::Pass;
        }
        self.0.get(from).and_then(|row| row.get(to)).copied().unwrap_or_default()
    }

    /// Sets what happens between a member and some others.
    fn set(&mut self, member: usize, others: impl Fn(usize) -> bool, way: Way, mode: Mode) {
        for (from, row) in self.0.iter_mut().enumerate() {
            for (to, link) in row.iter_mut().enumerate() {
                let is_from = way != Way::To && from == member && others(to);
                let is_to = way != Way::From && to == member && others(from);
                if is_from || is_to {
                    *link = mode;
                }
            }
        }
    }
}

/// A hand on all links.
#[derive(Debug)]
pub(crate) struct Links(watch::Sender<Table>);

impl Links {
    /// Links over which everything arrives.
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(Table::default()))
    }

    /// The modes as they are, and as they change.
    pub(crate) fn watch(&self) -> watch::Receiver<Table> {
        self.0.subscribe()
    }

    /// What happens from now on between a member and the other members.
    pub(crate) fn peers(&self, member: usize, way: Way, mode: Mode) {
        self.0.send_modify(|table| table.set(member, |other| other != CLIENTS, way, mode));
    }

    /// What happens from now on between programs and a member.
    pub(crate) fn clients(&self, member: usize, mode: Mode) {
        self.0.send_modify(|table| table.set(member, |other| other == CLIENTS, Way::Both, mode));
    }

    /// Everything arrives again.
    pub(crate) fn heal(&self) {
        self.0.send_replace(Table::default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Party = Party::Member(1);

    #[test]
    fn a_member_that_is_cut_from_the_others_is_still_there_for_programs_and_for_itself() {
        let links = Links::new();
        links.peers(1, Way::Both, Mode::Cut);
        let table = *links.watch().borrow();
        for other in [Party::Member(0), Party::Member(2)] {
            assert_eq!(table.mode(ONE, other), Mode::Cut);
            assert_eq!(table.mode(other, ONE), Mode::Cut);
        }
        assert_eq!(table.mode(Party::Member(0), Party::Member(2)), Mode::Pass);
        assert_eq!(table.mode(ONE, ONE), Mode::Pass);
        assert_eq!(table.mode(Party::Client, ONE), Mode::Pass);
        links.clients(1, Mode::Hold);
        let table = *links.watch().borrow();
        assert_eq!([table.mode(Party::Client, ONE), table.mode(ONE, Party::Client)], [Mode::Hold; 2]);
        assert_eq!(table.mode(Party::Client, Party::Member(0)), Mode::Pass);
        links.heal();
        assert_eq!(*links.watch().borrow(), Table::default());
    }

    #[test]
    fn a_link_may_be_broken_one_way() {
        let of = |way| {
            let links = Links::new();
            links.peers(1, way, Mode::Hold);
            let table = *links.watch().borrow();
            [table.mode(ONE, Party::Member(2)), table.mode(Party::Member(2), ONE), table.mode(ONE, Party::Client)]
        };
        assert_eq!(of(Way::From), [Mode::Hold, Mode::Pass, Mode::Pass]);
        assert_eq!(of(Way::To), [Mode::Pass, Mode::Hold, Mode::Pass]);
    }
}
