//! Why no server was found: a second, direct look at the address tells a standalone server, or a set of another name,
//! from one that is out of reach.

use bson::doc;
use mongodb::Client;
use mongodb::options::ClientOptions;

use super::fitness;

/// What is wrong with the server behind `options`, when it answers at all.
pub(super) async fn reason(mut options: ClientOptions) -> Option<String> {
    let wanted = options.repl_set_name.take()?;
    options.hosts.truncate(1);
    options.direct_connection = Some(true);
    let client = Client::with_options(options).ok()?;
    let hello = client.database("admin").run_command(doc! { "hello": 1 }).await;
    client.shutdown().immediate(true).await;
    let hello = hello.ok()?;
    match hello.get_str("setName") {
        Ok(name) if name != wanted => {
            Some(format!("the replica set is named `{name}`, not `{wanted}`; write `replicaSet={name}`"))
        }
        Ok(_) => Some(format!("the replica set `{wanted}` has no primary; look at `rs.status()` in mongosh")),
        Err(_) => fitness::unfit(&hello),
    }
}
