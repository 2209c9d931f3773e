//! Savers with a model each, and the plain driver doing the same on a copy of their collections.
#![allow(dead_code, reason = "each bench uses a part")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bson::{Document, doc};
use earnorm::prelude::*;
use futures::TryStreamExt;

use crate::durable;
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
    pub ours: Vec<Entity<User>>,
    pub plain: Vec<PlainModel>,
}

/// A model that the plain driver saves.
pub struct PlainModel {
    pub id: Uuid,
    pub version: i64,
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
        Prepared { ours, plain: ids.into_iter().map(|id| PlainModel { id, version: 1 }).collect() }
    }

    /// How well ours and the plain way keep what they write, as the server sees it.
    pub async fn kept_as(&mut self) -> (String, String) {
        let Prepared { mut ours, mut plain } = self.prepare(1).await;
        let client = &self.plain.client;
        let kept = durable::observed(client, self.ours(&mut ours, 1)).await;
        (kept, durable::observed(client, self.plain(&mut plain, 1)).await)
    }

    /// Every saver saves so many times.
    pub async fn ours(&self, models: &mut Vec<Entity<User>>, saves: usize) {
        let tasks = models.drain(..).map(|mut user| {
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
            models.push(task.await.unwrap());
        }
    }

    /// The same with the plain driver.
    pub async fn plain(&self, models: &mut Vec<PlainModel>, saves: usize) {
        let tasks = models.drain(..).map(|mut model| {
            let (plain, position) = (self.plain.clone(), Arc::clone(&self.position));
            tokio::spawn(async move {
                for _ in 0..saves {
                    plain_save(&plain, &mut model, &position).await;
                }
                model
            })
        });
        let tasks: Vec<_> = tasks.collect();
        for task in tasks {
            models.push(task.await.unwrap());
        }
    }
}

/// One save with the plain driver.
pub async fn plain_save(plain: &PlainSaver, model: &mut PlainModel, position: &AtomicI64) {
    let at = position.fetch_add(1, Ordering::Relaxed);
    plain.save(model.id, model.version, model.version, at).await.unwrap();
    model.version += 1;
}
