//! What a writer that died or stands still inside a transaction holds: the server would keep that for a minute. Who has
//! waited too long looks for idle transactions of commits, and ends their sessions.
//!
//! No code of users runs inside such a transaction, so one that is idle for so long has lost its writer. If that lives
//! after all, it meets an error that passes, and its commit goes again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bson::{Bson, Document, doc};
use futures::TryStreamExt;
use mongodb::options::ReadConcern;

use super::error::{code, text};
use super::inner::Inner;
use super::meters;

/// How long something must wait before it looks for a writer that is gone, and how long that must have been idle.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);
/// The code for what a user may not do.
const UNAUTHORIZED: i32 = 13;
/// The longest name that a client may have.
const APP_NAME_MAX: usize = 128;

/// Who looks, and whether it may.
#[derive(Debug, Default)]
pub(super) struct Watchdog {
    busy: AtomicBool,
    forbidden: AtomicBool,
}

/// The name of the client that commits to `database`, which nothing else has.
pub(super) fn commit_app_name(app_name: &str, database: &str) -> String {
    let name = format!("{app_name}/{database}/commits");
    // Cut at the front: what tells databases apart stands behind.
    let cut = name.char_indices().map(|(index, _)| index).find(|index| name.len() - index <= APP_NAME_MAX);
    name.get(cut.unwrap_or(0)..).unwrap_or(&name).to_owned()
}

impl Inner {
    /// Ends the sessions of writers that are gone. One look at a time is enough.
    pub(super) async fn watch(&self) {
        let watchdog = &self.watchdog;
        if watchdog.forbidden.load(Ordering::Acquire) || watchdog.busy.swap(true, Ordering::AcqRel) {
            return;
        }
        let ended = self.end_idle().await;
        watchdog.busy.store(false, Ordering::Release);
        match ended {
            Ok(0) => {}
            Ok(sessions) => {
                meters::killed(sessions);
                tracing::warn!(sessions, "ended transactions whose writer is gone or stands still");
            }
            Err(error) if code(&error) == Some(UNAUTHORIZED) => {
                watchdog.forbidden.store(true, Ordering::Release);
                tracing::warn!(
                    error = text(&error),
                    "the user may not end its own idle sessions: after a writer died inside a transaction, what it held \
                     stays blocked for the server's transactionLifetimeLimitSeconds"
                );
            }
            Err(error) => tracing::debug!(error = text(&error), "could not look for idle transactions"),
        }
    }

    async fn end_idle(&self) -> mongodb::error::Result<usize> {
        let admin = self.client.database("admin");
        let idle = i64::try_from(PATIENCE.as_micros()).unwrap_or(i64::MAX);
        let mostly = doc! { "$multiply": ["$transaction.timeOpenMicros", 0.9] };
        let pipeline = [
            doc! { "$currentOp": { "allUsers": false, "idleSessions": true } },
            doc! { "$match": {
                "type": "idleSession",
                "appName": &self.commit_app_name,
                "transaction.timeInactiveMicros": { "$gte": idle },
                "$expr": { "$gte": ["$transaction.timeInactiveMicros", mostly] },
            } },
            doc! { "$project": { "lsid": 1 } },
        ];
        let found = admin.aggregate(pipeline).read_concern(ReadConcern::local()).await?;
        let found: Vec<Document> = found.try_collect().await?;
        let id = |found: &Document| found.get_document("lsid").ok().and_then(|lsid| lsid.get("id").cloned());
        let sessions: Vec<Bson> = found.iter().filter_map(id).map(|id| Bson::Document(doc! { "id": id })).collect();
        let number = sessions.len();
        if number > 0 {
            admin.run_command(doc! { "killSessions": sessions }).await?;
        }
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    //! The name of the client that commits.

    use super::{APP_NAME_MAX, commit_app_name};

    #[test]
    fn the_name_of_the_client_that_commits_is_short_enough() {
        assert_eq!(commit_app_name("shop", "app"), "shop/app/commits");
        let long = commit_app_name(&"ü".repeat(100), "app");
        assert!(long.len() <= APP_NAME_MAX && long.ends_with("ü/app/commits"), "{long}");
    }
}
