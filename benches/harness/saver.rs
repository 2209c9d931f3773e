//! Savers with a model each, and the plain driver doing the same on a copy of their collections.
#![allow(dead_code, reason = "each bench uses a part")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use bson::{Document, doc};
use earnorm::prelude::*;
use futures::TryStreamExt;

use crate::harness::speed;
use crate::model::User;
use crate::plain::PlainSaver;

pub struct Savers {
    pub db: Database,
    pub plain: PlainSaver,
    /// The next position of the plain log.
    pub position: Arc<AtomicI64>,
    /// The number of the next model.
    pub number: usize,
}

/// The models of so many savers, ours and the plain ones.
pub struct Prepared {
    ours: Vec<Entity<User>>,
    plain: Vec<Uuid>,
    versions: Vec<i64>,
}

impl Savers {
    pub async fn prepare(&mut self, savers: usize) -> Prepared {
        let models: Vec<_> = (0..savers).map(|n| User::sample(self.number + n, "Here".into())).collect();
        self.number += savers;
        let ours = self.db.create_many(models).await.unwrap();
        let source =
            self.plain.client.database(self.plain.users.namespace().db.as_str()).collection::<Document>("users");
        let ids: Vec<_> = ours.iter().map(|user| user.id).collect();
        let wanted: Vec<_> = ids.iter().map(|id| bson::Uuid::from_bytes(id.into_bytes())).collect();
        let stored: Vec<Document> =
            source.find(doc! { "_id": { "$in": wanted } }).await.unwrap().try_collect().await.unwrap();
        self.plain.users.insert_many(stored).await.unwrap();
        Prepared { versions: vec![1; ids.len()], ours, plain: ids }
    }

    /// Saves a second, when every saver saves so many times.
    pub async fn ours(&self, prepared: &mut Prepared, saves: usize) -> f64 {
        let count = prepared.ours.len() * saves;
        let started = Instant::now();
        let tasks = prepared.ours.drain(..).map(|mut user| {
            let db = self.db.clone();
            tokio::spawn(async move {
                for _ in 0..saves {
                    user.visits += 1;
                    user.save(&db).await.unwrap();
                }
                user
            })
        });
        let tasks: Vec<_> = tasks.collect();
        for task in tasks {
            prepared.ours.push(task.await.unwrap());
        }
        speed(count, started.elapsed())
    }

    /// The same with the plain driver.
    pub async fn plain(&self, prepared: &mut Prepared, saves: usize) -> f64 {
        let started = Instant::now();
        let tasks: Vec<_> = prepared
            .plain
            .iter()
            .zip(&prepared.versions)
            .map(|(id, version)| {
                let (plain, position, id, version) = (self.plain.clone(), Arc::clone(&self.position), *id, *version);
                tokio::spawn(async move {
                    for save in 0..saves {
                        let at = version + i64::try_from(save).unwrap();
                        plain.save(id, at, at, position.fetch_add(1, Ordering::Relaxed)).await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        for version in &mut prepared.versions {
            *version += i64::try_from(saves).unwrap();
        }
        speed(prepared.plain.len() * saves, started.elapsed())
    }
}
