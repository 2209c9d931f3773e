//! Upcasting of events and of state documents.

use arbitrary::{Result, Unstructured};
use bson::doc;
use earnorm::event::Event;
use earnorm::model::Model;
use earnorm::store::{LogEntry, PutRule};
use earnorm::{Database, Error};
use earnorm_store::mongo::__private::decode_entry;

use super::event;
use super::made;
use super::model::{Fuzzed, Happened, database, step};

/// Data of any version is refused by name, or is what its steps make of it; what is stored stays as it is.
pub fn upcast(data: &[u8]) {
    thread_local! {
        static DATABASE: Database = super::wait(database());
    }
    DATABASE.with(|db| {
        let mut u = Unstructured::new(data);
        let _ = of_event(&mut u, db).and_then(|()| super::wait(of_document(&mut u, db)));
    });
}

fn version(u: &mut Unstructured<'_>) -> Result<u32> {
    Ok(if u.ratio(1, 8)? { u.arbitrary()? } else { u.int_in_range(0..=4)? })
}

fn of_event(u: &mut Unstructured<'_>, db: &Database) -> Result<()> {
    let version = version(u)?;
    let mut data = made::fields(u, 3)?;
    if u.arbitrary()? {
        data.insert("shapes", made::value(u, 3)?);
    }
    let stored = doc! {
        "_id": 7_i64, "s": "fuzzed-0", "k": "fuzzed", "v": 1_i64, "e": bson::Uuid::from_bytes([7; 16]), "t": "fuzzed.happened",
        "sv": i64::from(version), "at": bson::DateTime::from_millis(0), "d": data.clone(),
    };
    let Ok(LogEntry::Event { event, .. }) = decode_entry(&stored.to_vec().unwrap()) else {
        panic!("{stored} is an event")
    };
    let read = event.read::<Happened>(db);
    let steps = (version..3).try_for_each(|_| step(&mut data));
    match (version, &read) {
        (0, Err(Error::Upcast { from: 0, .. })) => {}
        (4.., Err(Error::SchemaAhead { found, known: 3, .. })) if *found == version => {}
        (1..=3, Err(Error::Upcast { .. })) if steps.is_err() => {}
        (1..=3, read) if steps.is_ok() => match (read, Happened::decode(&data)) {
            (Ok(read), Ok(expected)) => assert_eq!(format!("{read:?}"), format!("{expected:?}")),
            (Err(Error::Decode { .. }), Err(_)) => {}
            (read, expected) => panic!("{read:?} instead of {expected:?}"),
        },
        _ => panic!("version {version} of {data}: {read:?}"),
    }
    Ok(())
}

async fn of_document(u: &mut Unstructured<'_>, db: &Database) -> Result<()> {
    let version = version(u)?;
    let mut document = event::data(u, "fuzzed.created")?;
    document.extend(doc! { "_id": 5_i64, "_v": 1_i64, "_s": i64::from(version), "_t": bson::DateTime::from_millis(0) });
    document.insert("_live", true);
    if u.ratio(1, 8)? {
        document.insert(*u.choose(&["_v", "_s", "_t", "_live"])?, made::value(u, 1)?);
    }
    db.store().admin().put(Fuzzed::SCHEMA.collection, vec![document.clone()], PutRule::Always).await.unwrap();
    let loaded = Fuzzed::get(db, 5).await;
    let steps_refuse = document.contains_key("0") || document.contains_key("1");
    match &loaded {
        Ok(Some(_)) => assert!(document.get("_s") == Some(&3_i64.into()) || !steps_refuse, "{document}"),
        Ok(None) => assert_ne!(document.get("_live"), Some(&true.into()), "{document}"),
        Err(_) => {}
    }
    let stored = db.store().get(Fuzzed::SCHEMA.collection, &5_i64.into()).await.unwrap();
    assert_eq!(format!("{stored:?}"), format!("{:?}", Some(document)), "what is stored stays as it is");
    Ok(())
}
