//! How well writes on MongoDB are kept, as the server logged it: who waits for less is quicker, and must not be compared.
#![allow(dead_code, reason = "each bench uses a part")]

use bson::{Bson, Document, doc};
use mongodb::Client;

/// The write concerns of the transactions that `writing` committed, by the server's own log.
///
/// Nothing else may write meanwhile. A server that does not show its log ends the bench.
pub async fn observed(client: &Client, writing: impl Future<Output = ()>) -> String {
    let admin = client.database("admin");
    // Everything is slow for a moment, and so is logged.
    let before = admin.run_command(doc! { "profile": 0, "slowms": -1 }).await.unwrap();
    writing.await;
    let slowms = before.get("slowms").cloned().unwrap_or(Bson::Int32(100));
    admin.run_command(doc! { "profile": 0, "slowms": slowms }).await.unwrap();
    let log = admin.run_command(doc! { "getLog": "global" }).await.unwrap();
    let lines = log.get_array("log").unwrap().iter().filter_map(Bson::as_str);
    let mut concerns: Vec<_> = lines.rev().filter_map(concern).take(1).collect();
    assert!(!concerns.is_empty(), "the server logged no commit of a transaction");
    concerns.remove(0)
}

/// `{"w":"majority","j":true}` of a line about a commit.
fn concern(line: &str) -> Option<String> {
    let (_, command) = line.split_once("\"commitTransaction\":1")?;
    let (_, concern) = command.split_once("\"writeConcern\":")?;
    let concern: serde_json::Value = serde_json::Deserializer::from_str(concern).into_iter().next()?.ok()?;
    let concern = Document::try_from(concern.as_object()?.clone()).ok()?;
    let w = concern.get("w").map_or_else(|| "server's default".to_owned(), text);
    let journalled = concern.get_bool("j").unwrap_or(false);
    Some(format!("w: {w}{}", if journalled { ", journalled" } else { "" }))
}

fn text(value: &Bson) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
