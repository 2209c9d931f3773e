//! Why no server was found: a second, direct look at the address tells a standalone server, or a set of another name,
//! from one that is out of reach.

use bson::doc;
use mongodb::Client;
use mongodb::options::ClientOptions;

use super::fitness;

/// What is wrong with a server.
pub(super) struct Found {
    /// What it is, and what to do.
    pub(super) reason: String,
    /// Whether it may pass by itself, as an election does.
    pub(super) passes: bool,
}

/// What is wrong with the server behind `options`, when it answers at all.
pub(super) async fn look(mut options: ClientOptions) -> Option<Found> {
    let wanted = options.repl_set_name.take()?;
    options.hosts.truncate(1);
    options.direct_connection = Some(true);
    let client = Client::with_options(options).ok()?;
    let hello = client.database("admin").run_command(doc! { "hello": 1 }).await;
    client.shutdown().immediate(true).await;
    let hello = hello.ok()?;
    let lasting = |reason| Found { reason, passes: false };
    match hello.get_str("setName") {
        Ok(name) if name != wanted => {
            Some(lasting(format!("the replica set is named `{name}`, not `{wanted}`; write `replicaSet={name}`")))
        }
        Ok(_) => {
            let reason = format!("the replica set `{wanted}` has no primary; look at `rs.status()` in mongosh");
            Some(Found { reason, passes: true })
        }
        Err(_) => fitness::unfit(&hello).map(lasting),
    }
}
