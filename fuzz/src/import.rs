//! Files of exported logs.

use std::io::Cursor;

use arbitrary::{Result, Unstructured};
use earnorm::{Database, Error};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::model::{Fuzzed, database};
use super::{event, made};

/// A file is refused before anything of it is written, or is the log that it says, which is read, folded and exported
/// again, the same. Lines get their checksums here, or no change would come further than to them.
pub fn import(data: &[u8]) {
    super::wait(async {
        take(data).await;
        let text = String::from_utf8_lossy(data);
        take(&sealed(text.lines())).await;
        if let Ok(lines) = lines(&mut Unstructured::new(data)) {
            take(&sealed(lines.iter().map(String::as_str))).await;
        }
    });
}

/// The lines with their checksums; those that are no JSON objects stay as they are.
fn sealed<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<u8> {
    let (mut last, mut file) = (String::new(), String::new());
    for line in lines {
        let Some(open) = line.strip_suffix('}') else {
            file.push_str(line);
            file.push('\n');
            continue;
        };
        let mut hash = Sha256::new();
        hash.update(last.as_bytes());
        hash.update(line.as_bytes());
        last = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        file.push_str(&format!("{open},\"h\":\"{last}\"}}\n"));
    }
    file.into_bytes()
}

/// A file that is nearly right.
fn lines(u: &mut Unstructured<'_>) -> Result<Vec<String>> {
    let mut lines = vec![json!({ "earnorm": "log", "format": 1, "after": 0 }).to_string()];
    let (count, mut versions) = (u.int_in_range(0..=6)?, [0_u64; 3]);
    for position in 1..=count {
        lines.push(Value::Object(line(u, position, &mut versions)?).to_string());
    }
    lines.push(json!({ "end": true, "entries": count, "last": count }).to_string());
    Ok(lines)
}

fn line(u: &mut Unstructured<'_>, position: i64, versions: &mut [u64; 3]) -> Result<Map<String, Value>> {
    let mut line = Map::new();
    line.insert("p".into(), position.into());
    if u.ratio(1, 8)? {
        line.insert("x".into(), true.into());
        return Ok(line);
    }
    let key = u.int_in_range(0..=2_usize)?;
    versions[key] += 1;
    let first = versions[key] == 1 && u.ratio(3, 4)?;
    let event_type = if first { "fuzzed.created" } else { *u.choose(&event::TYPES)? };
    let mut data = event::data(u, event_type)?;
    if first {
        data.insert("_id", i64::try_from(key).unwrap());
    }
    let parts: [(&str, Value); 8] = [
        ("s", format!("fuzzed-{key}").into()),
        ("v", versions[key].into()),
        ("id", uuid::Uuid::from_u128(position.unsigned_abs().into()).to_string().into()),
        ("t", event_type.into()),
        ("sv", u.int_in_range(1..=3)?.into()),
        (
            "at",
            (*u.choose(&["2026-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z", "0001-01-01T00:00:00.000Z"])?).into(),
        ),
        ("d", earnorm_core::extjson::to_json(&data)),
        ("m", if u.ratio(1, 4)? { json!({ "actor": made::text(u)? }) } else { json!({}) }),
    ];
    line.extend(parts.map(|(name, value)| (name.to_owned(), value)));
    if u.ratio(1, 16)? {
        let name = *u.choose(&["p", "s", "v", "id", "t", "sv", "at", "d", "m", "c", "n", "x"])?;
        let odd =
            [json!(null), json!(-1), json!(i64::MAX), json!("+12345-01-01T00:00:00Z"), json!([]), json!({}), json!("")];
        line.insert(name.into(), u.choose(&odd)?.clone());
    }
    Ok(line)
}

async fn take(file: &[u8]) {
    let db = database().await;
    let report = match db.import().run(&mut Cursor::new(file)).await {
        Ok(report) => report,
        Err(Error::Corrupt { .. }) => {
            // What a store refuses it refuses as a whole: these files are less than a batch.
            assert!(db.events().all().await.unwrap().is_empty());
            return;
        }
        Err(other) => panic!("{other:?}"),
    };
    assert_eq!(report.entries, report.written);
    let exported = export(&db).await;
    let other = database().await;
    other.import().run(&mut Cursor::new(&exported)).await.unwrap_or_else(|error| panic!("{error}: {exported}"));
    assert_eq!(entries(&exported), entries(&export(&other).await));
    assert_eq!(db.import().run(&mut Cursor::new(file)).await.unwrap().written, 0, "again is nothing new");
    fold(&db).await;
}

/// Each is an error or not, and nothing more is known of a log that somebody made up.
async fn fold(db: &Database) {
    use earnorm::model::Model;
    let _ = db.rebuild::<Fuzzed>().unwrap().run().await;
    let _ = db.verify::<Fuzzed>().unwrap().run().await;
    for id in 0..3 {
        let _ = Fuzzed::get(db, id).await;
        let _ = Fuzzed::history(db, id).await;
        let _ = Fuzzed::at_version(db, id, 1).await;
    }
}

async fn export(db: &Database) -> String {
    let mut file = Vec::new();
    db.export().run(&mut file).await.unwrap();
    String::from_utf8(file).unwrap()
}

/// What a file holds without its header, which names a time, and without checksums.
fn entries(file: &str) -> Vec<&str> {
    file.lines().skip(1).filter_map(|line| line.rsplit_once(",\"h\":")).map(|(line, _)| line).collect()
}
