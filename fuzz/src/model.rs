//! The model and the event that are read from hostile data.

use std::collections::BTreeMap;

use earnorm::Registry;
use earnorm::prelude::*;
use earnorm::upcast::UpcastRegistration;

#[model(embedded)]
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    Point,
    Round { radius: f32 },
    Many { of: Vec<Shape> },
}

#[model(name = "fuzzed", collection = "fuzzed", version = 3, soft_delete)]
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fuzzed {
    #[model(id)]
    pub(super) id: i64,
    pub(super) a: Option<i32>,
    pub(super) b: Option<Decimal>,
    pub(super) c: Option<f64>,
    #[model(default)]
    pub(super) small: u8,
    pub(super) text: Option<String>,
    pub(super) at: Option<DateTime<Utc>>,
    pub(super) key: Option<Uuid>,
    #[model(default)]
    pub(super) shapes: Vec<Shape>,
    #[model(default)]
    pub(super) by_name: BTreeMap<String, Option<i64>>,
    #[model(serde, default)]
    pub(super) free: serde_json::Value,
}

#[event(name = "happened", version = 3)]
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Happened {
    pub(super) a: Option<i64>,
    pub(super) b: Option<Decimal>,
    #[event(default)]
    pub(super) shapes: Vec<Shape>,
    #[event(default)]
    pub(super) steps: i32,
}

/// A step that counts itself, and fails where the data says so. It drops the id where it is told to, which is refused.
pub(super) fn step(data: &mut Document) -> Result<(), UpcastError> {
    let steps = data.get_i32("steps").unwrap_or_default();
    data.insert("steps", steps.wrapping_add(1));
    if data.contains_key("0") {
        return Err("it does not like `0`".into());
    }
    if data.contains_key("1") {
        data.remove("_id");
    }
    Ok(())
}

pub(super) fn registry() -> Registry {
    [1, 2].into_iter().fold(Registry::empty().model::<Fuzzed>(), |registry, from| {
        registry.upcast(UpcastRegistration::of_model::<Fuzzed>(from, step)).upcast(UpcastRegistration::of_event(
            "fuzzed.happened",
            from,
            step,
        ))
    })
}

/// A fresh database in memory.
pub(super) async fn database() -> Database {
    Database::builder().registry(registry()).connect("memory:").await.unwrap()
}
