//! How well writes are kept and what reads are shown, as the server itself logs it, whatever the address asks for.

use std::collections::BTreeSet;
use std::time::Duration;

use bson::{Document, doc};
use earnorm_core::position::Position;
use earnorm_core::predicate::Predicate;
use earnorm_core::store::{EntryQuery, LogQuery, PutRule, Store};
use earnorm_store::mongo::MongoStore;
use earnorm_store::sabotage::Sabotage;
use serde_json::Value;

use crate::server::{Server, run};
use crate::support::{changing, creating, moving, put};

/// What an address could ask for that keeps less and shows more than is promised.
const WEAK: &str = "&readPreference=secondary&readConcernLevel=local&w=1&journal=false&retryWrites=false";

impl Server {
    /// The commands that stores sent while `work` ran.
    async fn commands(&self, work: impl Future<Output = ()>) -> Vec<Value> {
        // Everything is slow for a moment, and so is logged.
        self.ask(doc! { "profile": 0, "slowms": -1 }).await;
        work.await;
        self.ask(doc! { "profile": 0, "slowms": 100 }).await;
        let log: Document = self.answer(doc! { "getLog": "global" }).await;
        let lines = log.get_array("log").expect("lines").iter().filter_map(|line| line.as_str());
        let lines = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let ours = |line: &Value| {
            let name = line["attr"]["appName"].as_str().unwrap_or_default();
            line["c"] == "COMMAND" && (name == "earnorm" || name == "earnorm/app/commits")
        };
        lines.filter(ours).map(|mut line| line["attr"]["command"].take()).collect()
    }
}

/// The names of the commands of which this is true.
fn named(commands: &[Value], which: impl Fn(&str, &Value) -> bool) -> BTreeSet<String> {
    // What the server asks of itself on the way runs under the name of who asked.
    let commands = commands.iter().filter(|command| command["$db"] == "app");
    let name = |command: &Value| command.as_object().and_then(|command| command.keys().next()).cloned();
    let named = commands.filter_map(|command| name(command).map(|name| (name, command)));
    named.filter(|(name, command)| which(name, command)).map(|(name, _)| name).collect()
}

#[test]
fn no_address_weakens_how_writes_are_kept_and_what_reads_are_shown() {
    run(async {
        let server = Server::start().await;
        server.open(|opening| opening).await.close().await.expect("it closes");
        let weak = MongoStore::builder(&format!("{}{WEAK}", server.uri())).connect().await.expect("it connects");
        let commands = server
            .commands(async {
                put(&weak, "a", doc! {}).await;
                weak.commit(changing("a", 1, "x", 1)).await.expect("it changes");
                weak.commit(moving("mail", None, (1, 1))).await.expect("it starts");
                // In company, so that positions are reserved outside of the transaction.
                let commits = (0..8).map(|n| creating(&format!("n{n}"), doc! {})).collect();
                let made =
                    weak.sabotage_together(commits, Sabotage::Stall(Duration::ZERO)).await.expect("they are sent");
                assert!(made.iter().all(Result::is_ok), "{made:?}");
                weak.read_log(LogQuery::default()).await.expect("a page");
                weak.get("things", &"a".into()).await.expect("a read").expect("it is there");
                assert_eq!(weak.count("things", &Predicate::All(Vec::new())).await.expect("a count"), 9);
                let admin = weak.admin();
                let shadow = vec![doc! { "_id": 1, "_v": 1_i64 }];
                assert_eq!(admin.put("shadow", shadow, PutRule::Always).await.expect("it is put"), 1);
                assert_eq!(admin.remove("shadow", &Predicate::All(Vec::new())).await.expect("it is removed"), 1);
                let upto = weak.high_water().await.expect("a mark");
                let all = EntryQuery { after: Position::START, upto, limit: 100 };
                let entries = admin.entries(all).await.expect("entries");
                assert_eq!(admin.append_entries(entries).await.expect("nothing is new"), 0);
                admin.truncate(Position::new(1), &[]).await.expect("it truncates");
                weak.close().await.expect("it closes");
            })
            .await;

        let commits: Vec<_> = commands.iter().filter(|command| command.get("commitTransaction").is_some()).collect();
        assert!(commits.len() >= 4, "{} commits", commits.len());
        for commit in commits {
            let concern = &commit["writeConcern"];
            assert_eq!((&concern["w"], &concern["j"]), (&Value::from("majority"), &Value::from(true)), "{commit}");
        }
        let is_inside = |command: &Value| command.get("autocommit").is_some();
        let writes = ["insert", "update", "delete", "findAndModify"];
        let weakly = named(&commands, |name, command| {
            writes.contains(&name) && !is_inside(command) && command["writeConcern"]["w"] != "majority"
        });
        // Inside the life of a transaction, which ends when its primary does: no majority is needed to reserve.
        assert_eq!(weakly, BTreeSet::from(["findAndModify".to_owned()]));
        let strong = ["majority", "linearizable"];
        let reads = ["find", "aggregate", "count", "distinct"];
        let dirty = named(&commands, |name, command| {
            let level = command["readConcern"]["level"].as_str().unwrap_or("none");
            reads.contains(&name) && !is_inside(command) && !strong.contains(&level)
        });
        assert!(dirty.is_empty(), "{dirty:?} read what no majority has");
        let begins = commands.iter().filter(|command| command.get("startTransaction").is_some());
        let levels: BTreeSet<_> = begins.map(|command| command["readConcern"]["level"].as_str()).collect();
        assert_eq!(levels, BTreeSet::from([Some("snapshot")]));
    });
}
