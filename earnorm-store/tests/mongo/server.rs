//! A server of a test's own, so that no other test is disturbed, with the faults that MongoDB can play on itself:
//! `EARNORM_TEST_MONGOD` names the program, else the test server tells its own.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bson::{Bson, Document, doc};
use earnorm_store::mongo::{MongoStore, MongoStoreBuilder};
use tokio::time::{interval, timeout};
use uuid::Uuid;

use crate::support::uri;

/// How long everything may take.
const PATIENCE: Duration = Duration::from_secs(90);

/// A server that ends, with its data, when this is dropped.
pub(crate) struct Server {
    program: PathBuf,
    folder: PathBuf,
    port: u16,
    child: Child,
}

impl Server {
    pub(crate) async fn start() -> Self {
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

    pub(crate) fn uri(&self) -> String {
        format!("mongodb://127.0.0.1:{}/app?replicaSet=own", self.port)
    }

    /// Sends a command until the server answers it.
    pub(crate) async fn ask(&self, command: Document) {
        self.answer(command).await;
    }

    /// What the server answers to a command, as soon as it does.
    pub(crate) async fn answer(&self, command: Document) -> Document {
        let uri = format!("mongodb://127.0.0.1:{}/?directConnection=true&serverSelectionTimeoutMS=500", self.port);
        let client = mongodb::Client::with_uri_str(&uri).await.expect("a client");
        let mut tick = interval(Duration::from_millis(50));
        let answer = loop {
            match client.database("admin").run_command(command.clone()).await {
                Ok(answer) => break answer,
                Err(error) => assert!(!error.to_string().contains("NoSuch"), "{error}"),
            }
            tick.tick().await;
        };
        client.shutdown().await;
        answer
    }

    /// A store on it, as soon as it can be had.
    pub(crate) async fn open(&self, set: impl Fn(MongoStoreBuilder) -> MongoStoreBuilder) -> MongoStore {
        let mut tick = interval(Duration::from_millis(50));
        loop {
            let opening = MongoStore::builder(&self.uri()).server_selection_timeout(Duration::from_secs(1));
            match set(opening).connect().await {
                Ok(store) => return store,
                Err(_) => tick.tick().await,
            };
        }
    }

    pub(crate) async fn elect(&self) {
        self.ask(doc! { "replSetStepDown": 60, "force": true }).await;
        self.ask(doc! { "replSetFreeze": 0 }).await;
    }

    pub(crate) fn restart(&mut self) {
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
    command.args(["--setParameter", "enableTestCommands=1"]);
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

/// Runs a test, which ends in time.
pub(crate) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(async { timeout(PATIENCE, test).await.expect("it goes on in time") });
}
