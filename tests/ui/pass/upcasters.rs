//! What an upcaster may be.
#![allow(dead_code)]

use earnorm::bson;
use earnorm::prelude::*;

#[model(version = 4)]
#[derive(Clone)]
struct User {
    #[model(id)]
    id: i64,
}

mod steps {
    #[::earnorm::prelude::upcast(model = super::User, from = 1)]
    pub(super) fn one(document: &mut ::earnorm::bson::Document) {
        document.remove("name");
    }
}

#[upcast(model = User, from = 2)]
fn two(document: &mut Document) -> Result<(), UpcastError> {
    let name = document.get_str("name")?;
    if name.is_empty() {
        return Err("the name is empty".into());
    }
    if name == "!" {
        return Err(format!("the name is {name}").into());
    }
    let number: i64 = name.parse()?;
    document.insert("number", number);
    Ok(())
}

#[upcast(model = User, from = 3)]
fn r#type(document: &mut bson::Document) -> std::result::Result<(), std::num::ParseIntError> {
    let _: i64 = document.get_str("a").unwrap_or_default().parse()?;
    Ok(())
}

#[cfg(any())]
#[upcast(model = NoSuchModel, from = 1)]
fn absent(document: &mut NoSuchType) {}

#[upcast(event = "user.greeted", from = 1)]
#[upcast(event = "user.praised", from = 3)]
fn both(data: &mut Document) -> Result<(), String> {
    data.clear();
    Ok(())
}

/// An event of no model.
#[upcast(event = "import_finished", from = 1)]
pub fn import_finished(_: &mut Document) {}

fn main() {}
