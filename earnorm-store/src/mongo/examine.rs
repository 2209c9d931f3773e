//! An examination of the server and the log: what is worth knowing, and what to do about it.

use bson::{Document, doc};
use chrono::Utc;
use earnorm_core::Result;
use earnorm_core::store::{Finding, Severity};
use futures::TryStreamExt;

use super::error::{Explain, text};
use super::fitness::{number, unfit};
use super::inner::Inner;
use super::prepare::POSITIONS;

/// A clock that differs by more is worth a look.
const SKEW_MAX_MILLIS: i64 = 1_000;
/// How much of the end of the log is looked at for tombstones.
const END: i64 = 10_000;

use Severity::{Fine, Problem, Warning};

impl Inner {
    pub(super) async fn examine(&self) -> Result<Vec<Finding>> {
        let admin = self.client.database("admin");
        let began = Utc::now();
        let hello = admin.run_command(doc! { "hello": 1 }).await.explain("ask the server about itself")?;
        let ended = Utc::now();
        let mut findings = vec![clock(&hello, began.timestamp_millis(), ended.timestamp_millis())];
        findings.push(match admin.run_command(doc! { "buildInfo": 1 }).await {
            Ok(build) => {
                let version = build.get_str("version").unwrap_or("unknown").to_owned();
                Finding::new("server", Fine, format!("MongoDB {version}")).value(version)
            }
            Err(error) => not_told("server", "its version", &error),
        });
        findings.push(set(&hello, admin.run_command(doc! { "replSetGetStatus": 1 }).await));
        findings.push(journal(admin.run_command(doc! { "replSetGetConfig": 1 }).await));
        let limit = doc! { "getParameter": 1, "transactionLifetimeLimitSeconds": 1 };
        findings.push(self.lifetime(admin.run_command(limit).await));
        findings.push(self.indexes().await?);
        findings.extend(self.log_state().await?);
        Ok(findings)
    }

    fn lifetime(&self, answer: mongodb::error::Result<Document>) -> Finding {
        let subject = "transaction lifetime";
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return not_told(subject, "transactionLifetimeLimitSeconds", &error),
        };
        let limit = number(&answer, "transactionLifetimeLimitSeconds").unwrap_or(60);
        let own = i64::try_from(self.commit_timeout.as_secs()).unwrap_or(i64::MAX);
        let said = format!("transactions live for {limit} s at most, commits for {own} s");
        if own < limit {
            return Finding::new(subject, Fine, said).value(limit);
        }
        Finding::new(subject, Warning, format!("{said}; set a shorter commit time-out")).value(limit)
    }

    /// Whether what must be unique in the log is.
    async fn indexes(&self) -> Result<Finding> {
        let events = &self.names.events;
        let cursor = self.db.run_cursor_command(doc! { "listIndexes": events }).await;
        let found: Vec<Document> =
            cursor.explain("list the log's indexes")?.try_collect().await.explain("list the log's indexes")?;
        let is_unique = |key: &Document| {
            found.iter().any(|index| {
                let unique = index.get_bool("unique").unwrap_or(false);
                let fields = index.get_document("key").ok().map(|key| key.keys().collect::<Vec<_>>());
                unique && fields.is_some_and(|fields| fields.into_iter().eq(key.keys()))
            })
        };
        let missing: Vec<_> = [("s, v", doc! { "s": 1, "v": 1 }), ("c", doc! { "c": 1 })]
            .into_iter()
            .filter(|(_, key)| !is_unique(key))
            .map(|(name, _)| name)
            .collect();
        Ok(if missing.is_empty() {
            Finding::new("indexes", Fine, format!("`{events}` has its unique indexes"))
        } else {
            let missing = missing.join("; ");
            let said = format!(
                "`{events}` lacks the unique index over {missing}: two events could share a version; drop what stands in \
                 its place and connect again"
            );
            Finding::new("indexes", Problem, said).value(missing)
        })
    }

    async fn log_state(&self) -> Result<Vec<Finding>> {
        let (top, truncated) = (self.top().await?, self.truncated().await?);
        let end = top.max(truncated);
        let high_water = self.high_water().await?;
        let counters = self.db.collection::<Document>(&self.names.counters);
        let counter = counters.find_one(doc! { "_id": POSITIONS }).await.explain("read the position counter")?;
        let counter = counter.as_ref().and_then(|counter| number(counter, "n")).unwrap_or(0);
        let mut findings = vec![
            Finding::new("log", Fine, format!("it ends at position {end}, and was truncated up to {truncated}"))
                .value(end),
        ];
        findings.push(if counter < end {
            let said = format!("the position counter stands at {counter}, below the end of the log: connect again");
            Finding::new("counter", Problem, said).value(counter)
        } else {
            Finding::new("counter", Fine, format!("the next position is {}", counter + 1)).value(counter)
        });
        let behind = end.saturating_sub(high_water).max(0);
        findings.push(if behind == 0 {
            Finding::new("high-water mark", Fine, "readers see all of the log").value(behind)
        } else {
            let said = format!(
                "readers wait at position {high_water}, {behind} below the end: a transaction holds position {}",
                high_water + 1
            );
            Finding::new("high-water mark", Warning, said).value(behind)
        });
        findings.push(self.tombstones(end, truncated).await?);
        Ok(findings)
    }

    /// How many of the last positions were given up.
    async fn tombstones(&self, end: i64, truncated: i64) -> Result<Finding> {
        let after = (end - END).max(truncated).max(0);
        let positions = end - after;
        let events = self.db.collection::<Document>(&self.names.events);
        let filter = doc! { "_id": { "$gt": after }, "x": true };
        let count = events.count_documents(filter).await.explain("count the tombstones")?;
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let said = format!("{count} of the last {positions} positions are tombstones");
        Ok(if positions >= 100 && count > positions / 5 {
            let said = format!("{said}; many writers die, or conflict after they reserved positions");
            Finding::new("tombstones", Warning, said).value(count)
        } else {
            Finding::new("tombstones", Fine, said).value(count)
        })
    }
}

/// How the server's clock stands to ours. Its answer was made at some moment between the two.
fn clock(hello: &Document, began: i64, ended: i64) -> Finding {
    let Ok(theirs) = hello.get_datetime("localTime") else {
        return Finding::new("clock", Warning, "the server does not tell its time");
    };
    let theirs = theirs.timestamp_millis();
    // Nought within the time that the question took.
    let skew = if theirs < began { theirs - began } else { (theirs - ended).max(0) };
    if skew.abs() <= SKEW_MAX_MILLIS {
        return Finding::new("clock", Fine, format!("the server's clock is {skew} ms from ours")).value(skew);
    }
    let said = format!("the server's clock is {skew} ms from ours: times of events may mislead; set both by NTP");
    Finding::new("clock", Warning, said).value(skew)
}

fn set(hello: &Document, status: mongodb::error::Result<Document>) -> Finding {
    let subject = "replica set";
    if let Some(reason) = unfit(hello) {
        return Finding::new(subject, Problem, reason);
    }
    let Ok(name) = hello.get_str("setName") else {
        return Finding::new(subject, Fine, "reached through a router");
    };
    let status = match status {
        Ok(status) => status,
        Err(error) => return not_told(subject, "the state of its members", &error),
    };
    let members: Vec<&Document> =
        status.get_array("members").ok().into_iter().flatten().filter_map(bson::Bson::as_document).collect();
    let state = |member: &&Document| number(member, "state");
    // 1 primary, 2 secondary, 7 arbiter.
    let well = members.iter().filter(|member| matches!(state(member), Some(1 | 2 | 7))).count();
    let said = format!("`{name}` has {} members, {well} of them in order", members.len());
    let count = i64::try_from(members.len()).unwrap_or(i64::MAX);
    if well == members.len() {
        return Finding::new(subject, Fine, said).value(count);
    }
    let named = members.iter().filter(|member| !matches!(state(member), Some(1 | 2 | 7)));
    let named: Vec<_> = named.filter_map(|member| member.get_str("name").ok()).collect();
    Finding::new(subject, Warning, format!("{said}; look at {} with `rs.status()`", named.join(", "))).value(count)
}

fn journal(config: mongodb::error::Result<Document>) -> Finding {
    let config = match config {
        Ok(config) => config,
        Err(error) => return not_told("journal", "writeConcernMajorityJournalDefault", &error),
    };
    let config = config.get_document("config").ok();
    let journaled = config.and_then(|config| config.get_bool("writeConcernMajorityJournalDefault").ok());
    if journaled == Some(false) {
        let said = "writeConcernMajorityJournalDefault is false: a power loss on a majority of the members can lose \
                    acknowledged commits; set it to true";
        return Finding::new("journal", Problem, said).value(false);
    }
    Finding::new("journal", Fine, "a majority acknowledges from its journals").value(true)
}

/// What the server does not tell this user is no fault, but not known.
fn not_told(subject: &str, what: &str, error: &mongodb::error::Error) -> Finding {
    Finding::new(subject, Warning, format!("the server does not tell {what}: {}", text(error)))
}

#[cfg(test)]
mod tests {
    //! What is made of a server's answers.

    use bson::DateTime;
    use mongodb::error::Error;

    use super::super::batching::Batching;
    use super::super::unconnected::unconnected;
    use super::*;

    fn told(finding: &Finding) -> (Severity, Option<i64>) {
        (finding.severity, finding.value.as_ref().and_then(bson::Bson::as_i64))
    }

    #[test]
    fn a_clock_counts_as_right_within_the_time_that_the_question_took_and_a_second_around_it() {
        for (theirs, skew, severity) in [
            (50_000, 0, Fine),
            (50_040, 0, Fine),
            (50_100, 0, Fine),
            (49_900, -100, Fine),
            (50_130, 30, Fine),
            (49_000, -1_000, Fine),
            (51_100, 1_000, Fine),
            (48_999, -1_001, Warning),
            (51_101, 1_001, Warning),
        ] {
            let hello = doc! { "localTime": DateTime::from_millis(theirs) };
            assert_eq!(told(&clock(&hello, 50_000, 50_100)), (severity, Some(skew)), "{theirs}");
        }
        assert_eq!(clock(&doc! {}, 0, 0).severity, Warning);
    }

    #[test]
    fn members_that_are_not_in_order_are_named() {
        let hello = doc! { "setName": "rs", "isWritablePrimary": true, "maxWireVersion": 21, "logicalSessionTimeoutMinutes": 30 };
        let member = |name: &str, state: i32| doc! { "name": name, "state": state };
        let status = |members: Vec<Document>| Ok(doc! { "members": members });
        let well = set(&hello, status(vec![member("a", 1), member("b", 2), member("c", 7)]));
        assert_eq!(told(&well), (Fine, Some(3)), "{well:?}");
        let ill = set(&hello, status(vec![member("a", 1), member("b", 3), member("c", 8)]));
        assert_eq!(told(&ill), (Warning, Some(3)));
        assert!(ill.message.contains("1 of them in order; look at b, c with"), "{ill:?}");
        let hidden = set(&hello, Err(Error::custom("not allowed")));
        assert_eq!(hidden.severity, Warning);
        assert_eq!(set(&doc! {}, status(Vec::new())).severity, Problem, "no server that will do");
    }

    #[tokio::test]
    async fn commits_must_end_before_the_server_ends_their_transactions() {
        let inner = unconnected(Batching::default());
        for (limit, severity) in [(20, Warning), (21, Fine), (19, Warning)] {
            let answer = doc! { "transactionLifetimeLimitSeconds": limit };
            assert_eq!(told(&inner.lifetime(Ok(answer))), (severity, Some(limit)), "commits take 20 s");
        }
        assert_eq!(inner.lifetime(Err(Error::custom("not allowed"))).severity, Warning);
    }
}
