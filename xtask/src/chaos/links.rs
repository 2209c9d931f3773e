//! The links between the members of a replica set and its clients, and what happens to what goes over them.

use std::time::Duration;

use tokio::sync::watch;

/// How many members a cluster has.
pub(crate) const MEMBERS: usize = 3;
/// The row of everybody who is no member.
const CLIENTS: usize = MEMBERS;

/// Who opened a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Party {
    /// A member, by number.
    Member(usize),
    /// A program.
    Client,
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

/// The modes of all links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Table([[Mode; MEMBERS]; MEMBERS + 1]);

impl Table {
    /// The mode of connections that `from` opens to member `to`. A member always reaches itself.
    pub(crate) fn mode(&self, from: Party, to: usize) -> Mode {
        let row = match from {
            Party::Member(member) if member == to => return Mode::Pass,
            Party::Member(member) => member,
            Party::Client => CLIENTS,
        };
        self.0.get(row).and_then(|row| row.get(to)).copied().unwrap_or_default()
    }

    /// Sets what happens between a member and all others, whoever opened the connection.
    fn set_peers(&mut self, member: usize, mode: Mode) {
        for (from, row) in self.0.iter_mut().enumerate().take(MEMBERS) {
            for (to, link) in row.iter_mut().enumerate() {
                if from == member || to == member {
                    *link = mode;
                }
            }
        }
    }

    fn set_clients(&mut self, member: usize, mode: Mode) {
        if let Some(link) = self.0.get_mut(CLIENTS).and_then(|row| row.get_mut(member)) {
            *link = mode;
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
    pub(crate) fn peers(&self, member: usize, mode: Mode) {
        self.0.send_modify(|table| table.set_peers(member, mode));
    }

    /// What happens from now on between programs and a member.
    pub(crate) fn clients(&self, member: usize, mode: Mode) {
        self.0.send_modify(|table| table.set_clients(member, mode));
    }

    /// Everything arrives again.
    pub(crate) fn heal(&self) {
        self.0.send_replace(Table::default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_that_is_cut_from_the_others_is_still_there_for_programs_and_for_itself() {
        let links = Links::new();
        links.peers(1, Mode::Cut);
        let table = *links.watch().borrow();
        for other in [0, 2] {
            assert_eq!(table.mode(Party::Member(1), other), Mode::Cut);
            assert_eq!(table.mode(Party::Member(other), 1), Mode::Cut);
        }
        assert_eq!(table.mode(Party::Member(0), 2), Mode::Pass);
        assert_eq!(table.mode(Party::Member(1), 1), Mode::Pass);
        assert_eq!(table.mode(Party::Client, 1), Mode::Pass);
        links.clients(1, Mode::Hold);
        assert_eq!(links.watch().borrow().mode(Party::Client, 1), Mode::Hold);
        links.heal();
        assert_eq!(*links.watch().borrow(), Table::default());
    }
}
