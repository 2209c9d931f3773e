//! The model that the benches save and find.
#![allow(dead_code, reason = "each bench uses a part")]

use earnorm::prelude::*;

#[model(collection = "users")]
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    #[model(id)]
    pub id: Uuid,
    #[model(unique)]
    pub email: String,
    pub name: String,
    #[model(index)]
    pub city: String,
    pub street: String,
    pub age: i64,
    pub visits: i64,
    pub score: f64,
    pub active: bool,
    pub tags: Vec<String>,
    pub seen: DateTime<Utc>,
}

impl User {
    pub fn sample(number: usize, city: String) -> Self {
        Self {
            id: Uuid::now_v7(),
            email: format!("user{number}@example.org"),
            name: format!("User Number {number}"),
            city,
            street: "12 Long Street, behind the old mill".into(),
            age: 36,
            visits: 0,
            score: 12.5,
            active: true,
            tags: vec!["reader".into(), "writer".into()],
            seen: Utc::now(),
        }
    }
}
