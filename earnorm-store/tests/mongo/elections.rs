//! Readers live through an election and a restart of the server, on the handle that they have. The servers are their
//! own, so that no other test is disturbed: `EARNORM_TEST_MONGOD` names the program, else the test server tells its own.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bson::{Bson, Document, doc};
use earnorm_core::position::Position;
use earnorm_core::store::{LogQuery, Store};
use earnorm_core::stream::ExpectedVersion;
use earnorm_store::mongo::MongoStore;
use tokio::time::{interval, timeout};
use uuid::Uuid;

use crate::support::{appending, uri};

/// How long everything may take.
const PATIENCE: Duration = Duration::from_secs(90);

/// A server that ends, with its data, when this is dropped.
struct Server {
    program: PathBuf,
    folder: PathBuf,
    port: u16,
    child: Child,
}

impl Server {
    async fn start() -> Self {
        let program = program().await;
        let folder = std::env::temp_dir().join(format!("earnorm-{}", Uuid::now_v7().simple()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let port =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr()).expect("a port").port();
        let child = spawn(&program, &folder, port);
        let server = Self { program, folder, port, child };
        let member = doc! { "_id": 0, "host": format!("127.0.0.1:{port}") };
        let settings = doc! { "electionTimeoutMillis": 1_000 };
        let set = doc! { "_id": "own", "members": [member], "settings": settings };
        server.ask(doc! { "replSetInitiate": set }).await;
        server
    }

    fn uri(&self) -> String {
        format!("mongodb://127.0.0.1:{}/app?replicaSet=own", self.port)
    }

    /// Sends a command until the server answers it.
    async fn ask(&self, command: Document) {
        let uri = format!("mongodb://127.0.0.1:{}/?directConnection=true&serverSelectionTimeoutMS=500", self.port);
        let client = mongodb::Client::with_uri_str(&uri).await.expect("a client");
        let mut tick = interval(Duration::from_millis(50));
        while let Err(error) = client.database("admin").run_command(command.clone()).await {
            assert!(!error.to_string().contains("NoSuch"), "{error}");
            tick.tick().await;
        }
        client.shutdown().await;
    }

    async fn elect(&self) {
        self.ask(doc! { "replSetStepDown": 60, "force": true }).await;
        self.ask(doc! { "replSetFreeze": 0 }).await;
    }

    fn restart(&mut self) {
        self.child.kill().expect("it is killed");
        self.child.wait().expect("it ends");
        self.child = spawn(&self.program, &self.folder, self.port);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn spawn(program: &Path, folder: &Path, port: u16) -> Child {
    let mut command = Command::new(program);
    command.args(["--replSet", "own", "--bind_ip", "127.0.0.1", "--port", &port.to_string()]);
    command.args(["--wiredTigerCacheSizeGB", "0.25", "--setParameter", "diagnosticDataCollectionEnabled=false"]);
    command.arg("--dbpath").arg(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("the server starts")
}

async fn program() -> PathBuf {
    if let Some(named) = std::env::var_os("EARNORM_TEST_MONGOD") {
        return named.into();
    }
    let client = mongodb::Client::with_uri_str(uri()).await.expect("a client");
    let options = client.database("admin").run_command(doc! { "getCmdLineOpts": 1 }).await.expect("its options");
    client.shutdown().await;
    let own = options.get_array("argv").ok().and_then(|argv| argv.first()).and_then(Bson::as_str).map(PathBuf::from);
    own.filter(|path| path.is_file()).expect("EARNORM_TEST_MONGOD names a mongod to start servers with")
}

/// Reads on until it has seen so many events, whatever the server does. Every error on the way may be tried again.
async fn follow(store: MongoStore, events: usize) -> Vec<Uuid> {
    let (mut after, mut seen) = (Position::START, Vec::new());
    while seen.len() < events {
        match store.read_log(LogQuery { after, ..LogQuery::default() }).await {
            Ok(page) => {
                seen.extend(page.events.iter().map(|event| event.id));
                after = page.events.last().map_or(page.high_water, |last| last.position).max(after);
            }
            Err(error) => assert!(error.is_retryable(), "{error:?}"),
        }
        for error in [store.moved(after).await.err(), store.high_water().await.err()].into_iter().flatten() {
            assert!(error.is_retryable(), "{error:?}");
        }
    }
    seen
}

/// Commits until it is acknowledged.
async fn persist(store: &MongoStore) -> Uuid {
    let commit = appending("a", ExpectedVersion::Any);
    loop {
        match store.commit(commit.clone()).await {
            Ok(receipt) => return receipt.events[0].id,
            Err(error) => assert!(error.is_retryable(), "{error:?}"),
        }
    }
}

/// What a reader sees while `disturb` happens to the server between two commits.
async fn survive(disturb: impl AsyncFn(&mut Server)) {
    let mut server = Server::start().await;
    let open = async || {
        let mut tick = interval(Duration::from_millis(50));
        loop {
            let opening = MongoStore::builder(&server.uri()).server_selection_timeout(Duration::from_secs(1));
            match opening.connect().await {
                Ok(store) => return store,
                Err(_) => tick.tick().await,
            };
        }
    };
    let (writer, reader) = (open().await, open().await);
    let following = tokio::spawn(follow(reader.clone(), 6));
    let mut written = Vec::new();
    for _ in 0..2 {
        written.push(persist(&writer).await);
        written.push(persist(&writer).await);
        disturb(&mut server).await;
    }
    written.push(persist(&writer).await);
    written.push(persist(&writer).await);
    assert_eq!(following.await.expect("it ends"), written, "nothing is missed or seen twice");
    reader.close().await.expect("it closes");
    writer.close().await.expect("it closes");
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(async { timeout(PATIENCE, test).await.expect("it goes on in time") });
}

#[test]
fn readers_live_through_elections() {
    run(survive(async |server| server.elect().await));
}

#[test]
fn readers_live_through_restarts() {
    run(survive(async |server| server.restart()));
}
