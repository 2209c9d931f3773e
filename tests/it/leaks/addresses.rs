//! Addresses with passwords: good ones, wrong ones, and ones that are no addresses at all.

use std::time::Duration;

use earnorm::backend::{OpenOptions, Secret, redact};
use earnorm::stores::mongo::MongoStore;
use earnorm::stores::sqlite::SqliteStore;

use super::people::anything;
use super::watch::{assert_silent, begin};
use super::*;
use crate::support::mongodb_uri;

/// Passwords that are written as they should be, made of the mark: so whatever part is cut out of one is found.
pub(super) const PASSWORDS: [&str; 2] = ["c4n4ry", "c4n4ry%40c4n4ry%2Fc4n4ry%3Ac4n4ry%25"];

/// Passwords that should have been escaped.
const UNESCAPED: [&str; 4] =
    ["c4n4ry@c4n4ry/c4n4ry:c4n4ry?c4n4ry", "c4n4ry:c4n4ry", "c4n4ry%zz", "c4n4ry#c4n4ry&c4n4ry=c4n4ry"];

/// Addresses that lead nowhere, with a password at `§`.
const ADDRESSES: [&str; 10] = [
    "mongodb://ada:§@127.0.0.1:1/app?replicaSet=rs0",
    "mongodb://ada:§@127.0.0.1:1,127.0.0.1:2/app",
    "mongodb://ada:§@[::1]:1/app",
    "mongodb://ada:§@no-such-host.invalid/app",
    "mongodb+srv://ada:§@no-such-host.invalid/app",
    "mongodb+srv://ada:§@localhost:27017/app",
    "MONGODB://ada:§@127.0.0.1:1/app",
    "mongodb://:§@127.0.0.1:1/app",
    "mongo://ada:§@127.0.0.1:1/app",
    "sqlite://ada:§@127.0.0.1/app.db",
];

/// What is no address, or has options that are none.
const MISTAKES: [&str; 26] = [
    "mongodb://ada:§",
    "mongodb://ada:§@",
    "mongodb://ada:§/app?w=1",
    "mongodb://ada:§@127.0.0.1:port/app",
    "mongodb://ada:§@127.0.0.1:1/a$b",
    "mongodb:/ada:§@127.0.0.1:1/app",
    "mongodb:ada:§@127.0.0.1:1/app",
    "postgres://ada:§@127.0.0.1:1/app",
    "postgres://127.0.0.1:1/app?user=ada&password=§",
    "ada:§@127.0.0.1:1",
    "//ada:§@127.0.0.1:1",
    "mongodb://ada:§@127.0.0.1:1/app?w=many&connectTimeoutMS=soon",
    "mongodb://ada:§@127.0.0.1:1/app?readPreference=nearby",
    "mongodb://ada:§@127.0.0.1:1/app?noSuchOption=1",
    "mongodb://ada:§@127.0.0.1:1/app?authMechanism=MAGIC",
    "mongodb://ada:§@127.0.0.1:1/app?authMechanism=PLAIN",
    "mongodb://ada:§@127.0.0.1:1/app?authMechanism=MONGODB-AWS&authMechanismProperties=AWS_SESSION_TOKEN:§",
    "mongodb://127.0.0.1:1/app?authMechanism=MONGODB-OIDC&authMechanismProperties=TOKEN_RESOURCE:§,§",
    "mongodb://ada@127.0.0.1:1/app?tls=true&tlsCertificateKeyFile=/no/such/file.pem&tlsCertificateKeyFilePassword=§",
    "mongodb://127.0.0.1:1/app?tlsCertificateKeyFilePassword=§",
    "sqlite:/no/such/directory/app.db?key=§",
    "sqlite:/no/such/directory/app.db?readers=none&password=§",
    "sqlite:?key=§",
    "app.db?key=§",
    "memory://ada:§@127.0.0.1/app",
    "memory:?token=§",
];

/// Every address with every password.
pub(super) fn addresses() -> impl Iterator<Item = String> {
    let with = |addresses: &'static [&str], password: &'static str| {
        addresses.iter().map(move |address| address.replace('§', password))
    };
    let unescaped = UNESCAPED.into_iter().flat_map(move |password| with(&ADDRESSES, password));
    let escaped =
        PASSWORDS.into_iter().flat_map(move |password| with(&ADDRESSES, password).chain(with(&MISTAKES, password)));
    unescaped.chain(escaped)
}

/// The test server with credentials.
pub(super) fn with_credentials(user: &str, password: &str) -> String {
    let uri = mongodb_uri();
    let rest = uri.strip_prefix("mongodb://").unwrap();
    let rest = rest.split_once('@').map_or(rest, |(_, rest)| rest);
    format!("mongodb://{user}:{password}@{rest}&authSource=admin")
}

async fn try_everything(uri: &str) {
    let timeout = Duration::from_millis(150);
    clean(uri, &OpenOptions::new(uri));
    clean(uri, &Secret::new(uri));
    assert_eq!(found(&redact(uri)), None, "{uri}");
    let builder = Database::builder().registry(anything()).connect_timeout(timeout);
    clean(uri, &builder);
    match builder.connect(uri).await {
        Ok(db) => {
            clean(uri, &db);
            clean(uri, db.store());
        }
        Err(error) => clean_error(uri, &error),
    }
    clean(uri, &MongoStore::builder(uri));
    match SqliteStore::builder(uri) {
        Ok(builder) => clean(uri, &builder),
        Err(error) => clean_error(uri, &error),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_address_that_leads_nowhere_is_told_with_its_password() {
    begin();
    let tries = addresses().map(|uri| tokio::spawn(async move { try_everything(&uri).await }));
    for tried in tries.collect::<Vec<_>>() {
        tried.await.unwrap();
    }
    assert_silent();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_refuses_a_password_does_not_tell_it() {
    begin();
    for password in PASSWORDS.into_iter().chain(UNESCAPED) {
        for options in ["", "&authMechanism=SCRAM-SHA-1", "&authMechanism=SCRAM-SHA-256", "&replicaSet=other"] {
            let uri = format!("{}{options}", with_credentials("nobody", password));
            let builder = Database::builder().registry(anything()).connect_timeout(Duration::from_secs(2));
            clean_error(&uri, &builder.connect(&uri).await.unwrap_err());
        }
    }
    assert_silent();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_file_that_is_none_is_not_told() {
    begin();
    let path = std::env::temp_dir().join(format!("{}.pem", crate::support::database_name()));
    let pem =
        |what: &str| format!("-----BEGIN {what}-----\n{}\n-----END {what}-----\n", base64::encode(MARK.repeat(40)));
    for content in [MARK.to_owned(), pem("PRIVATE KEY"), pem("CERTIFICATE"), pem("CERTIFICATE") + &pem("PRIVATE KEY")] {
        std::fs::write(&path, content).unwrap();
        for option in ["tlsCertificateKeyFile", "tlsCAFile"] {
            let uri = format!("mongodb://127.0.0.1:1/app?tls=true&{option}={}", path.display());
            try_everything(&uri).await;
        }
    }
    std::fs::remove_file(&path).unwrap();
    assert_silent();
}
