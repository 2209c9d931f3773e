//! Dead letters back to work, or out of the way: each step is one commit, guarded by the versions of the records.

use std::collections::BTreeMap;

use bson::Document;
use earnorm_core::Result;
use earnorm_core::commit::{DocumentOp, DocumentWrite};
use earnorm_core::store::Own;

use super::commit::{Plan, commit};
use super::letters::{DeadLetters, LetterFilter, missing};
use crate::records::{Dead, Parked, parked_id};

/// How many letters one commit changes.
const BATCH: usize = 100;

/// What becomes of letters.
#[derive(Debug, Clone, Copy)]
enum Fate<'a> {
    Requeue,
    Edit(&'a Document),
    Discard,
}

impl DeadLetters {
    /// Lets a handler try an event again, with as many attempts as a new one where its stream waits for it, else once. A
    /// handler that runs is not fenced off: what is on its way ends first, and is recorded.
    ///
    /// # Errors
    /// [`earnorm_core::Error::InvalidName`] when there is no such letter; what the store answers.
    pub async fn requeue(&self, id: &str) -> Result<()> {
        self.one(id, Fate::Requeue).await
    }

    /// As [`DeadLetters::requeue`], with other data for the handler. The event stays as it is in the log; the data has
    /// the shape of the event's schema version, and is kept in the letter as it is given: personal data in it is not
    /// sealed, and goes when the subject is erased.
    ///
    /// # Errors
    /// As [`DeadLetters::requeue`].
    pub async fn edit_and_requeue(&self, id: &str, data: &Document) -> Result<()> {
        self.one(id, Fate::Edit(data)).await
    }

    /// Gives an event up for good: for this handler it counts as handled. A stream that waits for it goes on behind it.
    ///
    /// # Errors
    /// As [`DeadLetters::requeue`].
    pub async fn discard(&self, id: &str) -> Result<()> {
        self.one(id, Fate::Discard).await
    }

    /// Requeues every letter that matches, and answers how many. The filter's limit holds only when it is set.
    ///
    /// # Errors
    /// What the store answers; what was requeued stays so.
    pub async fn requeue_where(&self, filter: &LetterFilter) -> Result<u64> {
        self.many(filter, Fate::Requeue).await
    }

    /// Discards every letter that matches, and answers how many. The filter's limit holds only when it is set.
    ///
    /// # Errors
    /// What the store answers; what was discarded stays so.
    pub async fn discard_where(&self, filter: &LetterFilter) -> Result<u64> {
        self.many(filter, Fate::Discard).await
    }

    async fn one(&self, id: &str, fate: Fate<'_>) -> Result<()> {
        let handler = id.split_once('/').map(|(handler, _)| handler).ok_or_else(|| missing(id))?;
        // Nobody can touch the records of a handler that is gone, so a missing letter is named first.
        self.show(id).await?;
        let changed = self.change(handler, &[id.to_owned()], fate).await?;
        if changed == 0 { Err(missing(id)) } else { Ok(()) }
    }

    async fn many(&self, filter: &LetterFilter, fate: Fate<'_>) -> Result<u64> {
        let (mut filter, mut left) = (filter.clone(), filter.limit_set().unwrap_or(usize::MAX));
        let mut changed = 0;
        while left > 0 {
            let page = self.list(&filter.clone().limit(BATCH.min(left))).await?;
            let Some(last) = page.last() else { break };
            left -= page.len();
            filter = filter.after(last.id.clone());
            let mut by_handler: BTreeMap<_, Vec<_>> = BTreeMap::new();
            for letter in page {
                by_handler.entry(letter.handler).or_default().push(letter.id);
            }
            for (handler, ids) in by_handler {
                changed += self.change(&handler, &ids, fate).await?;
            }
        }
        Ok(changed)
    }

    /// Changes letters of one handler in one commit, as many of them as are still there.
    async fn change(&self, handler: &str, ids: &[String], fate: Fate<'_>) -> Result<u64> {
        let mut changed = 0;
        commit(&self.db, handler, async |_, _| {
            let mut documents = Vec::new();
            changed = 0;
            for id in ids {
                let writes = self.writes(handler, id, fate).await?;
                changed += u64::from(!writes.is_empty());
                documents.extend(writes);
            }
            Ok((changed > 0).then(|| Plan::of(documents)))
        })
        .await?;
        self.nudge.look().await;
        Ok(changed)
    }

    async fn writes(&self, handler: &str, id: &str, fate: Fate<'_>) -> Result<Vec<DocumentWrite>> {
        let store = &**self.db.store();
        let Some(stored) = store.get(&store.admin().own(Own::DeadLetters), &id.into()).await? else {
            return Ok(Vec::new());
        };
        let dead = Dead::from_document(&stored)?;
        let op = match fate {
            Fate::Discard => DocumentOp::Delete { expected: dead.record },
            Fate::Requeue | Fate::Edit(_) => {
                let mut next = Dead { record: dead.record + 1, requeued: true, ..dead.clone() };
                if let Fate::Edit(data) = fate {
                    next.data = Some(data.clone());
                }
                DocumentOp::Replace { expected: dead.record, document: next.to_document(handler) }
            }
        };
        let mut writes = vec![Dead::write(store, handler, op, dead.event.id)];
        let parked = store.get(&store.admin().own(Own::Parked), &parked_id(handler, &dead.event.stream).into()).await?;
        let parked = parked.as_ref().map(Parked::from_document).transpose()?;
        if let Some(parked) = parked.filter(|parked| parked.event.id == dead.event.id) {
            // Whoever runs the handler knows which event of the stream comes next.
            let next = Parked {
                record: parked.record + 1,
                failure: None,
                next_try_at: Some(self.db.now()),
                discarded: matches!(fate, Fate::Discard),
                ..parked.clone()
            };
            writes.extend(Parked::write(store, handler, Some(&parked), Some(&next)));
        }
        Ok(writes)
    }
}
