//! `#[projection]` above functions and blocks.

use std::sync::Arc;

use earnorm::events::{AppEvent, EventBus, HandlerRegistration, Publish};
use earnorm::prelude::*;
use serde::{Deserialize, Serialize};

#[event]
#[derive(Debug, Clone)]
struct TollPaid {
    pub road: String,
    pub cents: i64,
}

#[event]
#[derive(Debug, Clone)]
struct TollReturned {
    pub road: String,
    pub cents: i64,
}

#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
struct Tolls {
    events: i64,
    cents: i64,
}

#[projection(name = "tolls", version = 3, index = "cents", batch = 2)]
impl Tolls {
    /// By reference, async.
    async fn paid(event: &Recorded<TollPaid>, view: &mut View<Self>) -> Handled {
        let row = view.row(&event.road).await?;
        row.events += 1;
        row.cents += event.cents;
        Ok(())
    }

    /// By value, with a result of the library's.
    async fn returned(event: Recorded<TollReturned>, view: &mut View<Tolls>) -> Result<()> {
        view.row(&event.road).await?.cents -= event.cents;
        Ok(())
    }

    #[on("barrier.*")]
    async fn any(event: &RecordedEvent, view: &mut View<Self>) -> Handled {
        Self::count(view.row(event.name()).await?);
        Ok(())
    }

    fn count(row: &mut Self) {
        row.events += 1;
    }
}

#[projection(on("toll.*", "barrier.opened"))]
async fn traffic(event: Arc<RecordedEvent>, view: &mut View<Tolls>) -> Handled {
    view.row(&event.event_type).await?.events += 1;
    Ok(())
}

#[model]
#[derive(Debug, Clone)]
struct Unused {
    #[model(id)]
    id: i64,
}

#[tokio::test]
async fn blocks_and_functions_fold() {
    let registry = earnorm::Registry::empty().model::<Unused>();
    let db = Database::builder().registry(registry).connect("memory:").await.unwrap();
    let mut bus = EventBus::builder(&db).only_added();
    let mut found = Vec::new();
    for handler in HandlerRegistration::collected() {
        if ["tolls.v3", "traffic.v1"].contains(&handler.id()) {
            found.push(handler.id().to_owned());
            bus = bus.handler(handler);
        }
    }
    assert_eq!(found, ["tolls.v3", "traffic.v1"]);
    let bus = bus.start().await.unwrap();
    for cents in [100, 250] {
        let paid = TollPaid { road: "a1".into(), cents };
        db.publish(AppEvent::of("toll", &paid).unwrap()).await.unwrap();
    }
    let returned = TollReturned { road: "a1".into(), cents: 50 };
    db.publish(AppEvent::of("toll", &returned).unwrap()).await.unwrap();
    let last = db.publish(AppEvent::new("barrier.opened", Document::new())).await.unwrap();
    let tolls = db.projection::<Tolls>("tolls").at_least(last.position());
    assert_eq!(tolls.reading().await.unwrap().version, 3);
    assert_eq!(tolls.get("a1").await.unwrap(), Some(Tolls { events: 2, cents: 300 }));
    assert_eq!(tolls.get("opened").await.unwrap().unwrap().events, 1);
    let traffic = db.projection::<Tolls>("traffic").at_least(last.position());
    assert_eq!(traffic.get("toll.toll_paid").await.unwrap().unwrap().events, 2);
    assert_eq!(traffic.all().count().await.unwrap(), 3);
    bus.stop().await.unwrap();
}
