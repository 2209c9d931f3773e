//! Which member of a transaction the database refuses, and what that means for it and for the others.

use earnorm_core::stream::ExpectedVersion;

use super::attempt::Attempt;
use super::batch::Batch;
use super::error::DUPLICATE_KEY;
use super::events::{Plan, Taken};
use super::failure::Failure;
use super::guard::Group;
use super::inner::Inner;
use super::member::Member;
use super::raw::WriteFault;
use super::refusal::Refusal;

/// How often a position may be taken before the counter is suspected to lie behind the log.
const FENCED_MAX: u32 = 2;

impl Attempt {
    /// Takes a member out that does not hold. The transaction goes on without it if it has written nothing yet.
    pub(super) fn refuse(&mut self, member: usize, refusal: Refusal) -> Result<(), Failure> {
        if self.is_live(member) {
            self.refused.push((member, refusal));
        }
        if self.touched.get(member).copied().unwrap_or(true) { Err(Failure::Others) } else { Ok(()) }
    }

    /// What a statement that failed means. The transaction is dead after it.
    pub(super) fn judge_guard(
        &mut self,
        inner: &Inner,
        members: &[Member],
        group: &Group,
        fault: &WriteFault,
    ) -> Failure {
        let Some(&(member, statement)) = group.entries.get(fault.index) else { return Failure::of_code(fault) };
        if fault.code != DUPLICATE_KEY {
            return self.refuse_otherwise(members, Some(member), fault);
        }
        let fields = fault.fields(|name| inner.known_fields(name));
        if fields == ["_id"] {
            let _dead = self.refuse(member, Refusal::Taken(statement));
        } else if members.len() > 1 {
            // What takes the value may be a document of another member that is not committed either.
            self.apart.push((member, "a unique value was taken".to_owned()));
        } else {
            let _dead = self.refuse(member, Refusal::Unique { statement, fields });
        }
        Failure::Others
    }

    fn refuse_otherwise(&mut self, members: &[Member], member: Option<usize>, fault: &WriteFault) -> Failure {
        match (Failure::of_code(fault), member) {
            (Failure::Final(error), Some(member)) if members.len() > 1 => {
                self.apart.push((member, error.to_string()));
                Failure::Others
            }
            (failure, _) => failure,
        }
    }

    pub(super) fn judge_insert(
        &mut self,
        batch: &mut Batch,
        plan: &Plan,
        offset: usize,
        fault: &WriteFault,
    ) -> Failure {
        let members = &batch.members;
        if fault.code != DUPLICATE_KEY {
            return self.refuse_otherwise(members, plan.owner(offset, fault).map(|(member, _)| member), fault);
        }
        match plan.taken(offset, fault) {
            Taken::Position => {
                batch.fenced += 1;
                let counter_behind = batch.fenced >= FENCED_MAX;
                Failure::Again { said: "its position was filled".to_owned(), counter_behind, halve: false }
            }
            Taken::CommitId(member) => {
                let _dead = self.refuse(member, Refusal::CommitId);
                Failure::Others
            }
            Taken::Stream { member, append } => {
                let expected = members.get(member).and_then(|member| member.prepared.commit.appends.get(append));
                let any = expected.is_some_and(|append| append.expected == ExpectedVersion::Any);
                match any {
                    true if members.len() > 1 => self.apart.push((member, "its stream moved on".to_owned())),
                    true => return Failure::again("its stream moved on"),
                    false => drop(self.refuse(member, Refusal::Stream(append))),
                }
                Failure::Others
            }
            Taken::Other(member) => self.refuse_otherwise(members, member, fault),
        }
    }
}
