//! Typed queries, with the same results on every store.

use std::collections::BTreeMap;

use earnorm::Registry;
use earnorm::bson::{Bson, doc};
use earnorm::prelude::*;
use earnorm::query::Cursor;
use earnorm::store::PutRule;
use futures::StreamExt;

#[model(embedded)]
#[derive(Debug, Clone, PartialEq)]
struct Line {
    sku: String,
    quantity: i32,
}

#[model(embedded)]
#[derive(Debug, Clone, PartialEq)]
struct Address {
    city: String,
    zip: Option<String>,
}

#[model(embedded)]
#[derive(Debug, Clone, PartialEq)]
enum Status {
    Open,
    Closed { reason: String },
}

#[model(index(country, -total))]
#[derive(Debug, Clone, PartialEq)]
struct Order {
    #[model(id)]
    id: i64,
    country: String,
    total: Decimal,
    weight: f64,
    count: i32,
    note: Option<String>,
    lines: Vec<Line>,
    tags: Vec<String>,
    address: Address,
    status: Status,
    labels: BTreeMap<String, i32>,
    placed: DateTime<Utc>,
    key: Uuid,
}

fn registry() -> Registry {
    Registry::empty().model::<Order>()
}

fn order(id: i64) -> Order {
    let n = i32::try_from(id).unwrap();
    Order {
        id,
        country: ["DE", "FR", "UK"][usize::try_from(id % 3).unwrap()].into(),
        total: Decimal::new(id * 125, 2),
        weight: f64::from(n) / 2.0,
        count: n,
        note: (id % 2 == 0).then(|| format!("note {id} (a.b)")),
        lines: (0..id % 4).map(|line| Line { sku: format!("s{line}"), quantity: n }).collect(),
        tags: (0..id % 3).map(|tag| format!("t{tag}")).collect(),
        address: Address { city: format!("City {}", id % 2), zip: (id == 3).then(|| "00100".into()) },
        status: if id == 5 { Status::Closed { reason: "paid".into() } } else { Status::Open },
        labels: BTreeMap::from([(format!("k{}", id % 2), n)]),
        placed: DateTime::from_timestamp_millis(1_700_000_000_000 + id).unwrap(),
        key: Uuid::from_u128(id as u128),
    }
}

async fn fill(db: &Database) {
    db.create_many((1..=12).map(order)).await.unwrap();
}

async fn ids(db: &Database, filter: Filter<Order>) -> Vec<i64> {
    let found = Order::find(filter).sort(Order::ID.asc()).all(db).await.unwrap();
    found.iter().map(|order| order.id).collect()
}

every_store! {
    async fn whole_instances_come_back_as_they_were(db: Database) {
        fill(&db).await;
        for id in 1..=12 {
            assert_eq!(*Order::load(&db, id).await.unwrap(), order(id));
        }
    }

    async fn comparisons_and_their_joins(db: Database) {
        fill(&db).await;
        assert_eq!(ids(&db, Order::COUNT.gt(10)).await, [11, 12]);
        assert_eq!(ids(&db, Order::COUNT.gte(11) & !Order::ID.eq(12)).await, [11]);
        assert_eq!(ids(&db, Order::WEIGHT.lt(1.0) | Order::WEIGHT.gte(6.0)).await, [1, 12]);
        assert_eq!(ids(&db, Order::TOTAL.lte(Decimal::new(250, 2))).await, [1, 2]);
        assert_eq!(ids(&db, Order::TOTAL.between(Decimal::new(375, 2), Decimal::new(500, 2))).await, [3, 4]);
        assert_eq!(ids(&db, Order::ID.is_in([2, 4, 99])).await, [2, 4]);
        assert_eq!(ids(&db, Order::ID.is_in(Vec::<i64>::new())).await, Vec::<i64>::new());
        assert_eq!(ids(&db, Order::ID.not_in([1, 2, 3, 4, 5, 6, 7, 8, 9])).await, [10, 11, 12]);
        assert_eq!(ids(&db, Order::PLACED.gt(order(11).placed)).await, [12]);
        assert_eq!(ids(&db, Order::KEY.eq(Uuid::from_u128(7))).await, [7]);
        assert_eq!(ids(&db, Order::STATUS.eq(Status::Open) & Order::ID.lt(3)).await, [1, 2]);
        assert_eq!(ids(&db, Order::STATUS.ne(Status::Open)).await, [5]);
    }

    async fn text_null_arrays_and_paths(db: Database) {
        fill(&db).await;
        assert_eq!(ids(&db, Order::NOTE.is_none()).await, [1, 3, 5, 7, 9, 11]);
        assert_eq!(ids(&db, Order::NOTE.is_some() & Order::NOTE.starts_with("note 1")).await, [10, 12]);
        assert_eq!(ids(&db, Order::NOTE.contains("2 (a.b)")).await, [2, 12]);
        assert_eq!(ids(&db, Order::NOTE.ends_with("0 (a.b)")).await, [10]);
        assert_eq!(ids(&db, Order::NOTE.contains("a*b")).await, Vec::<i64>::new());
        assert_eq!(ids(&db, Order::NOTE.matches(r"^note \d\d")).await, [10, 12]);
        assert_eq!(ids(&db, Order::NOTE.eq("note 2 (a.b)")).await, [2]);
        assert_eq!(ids(&db, Order::TAGS.has("t1")).await, [2, 5, 8, 11]);
        assert_eq!(ids(&db, Order::TAGS.has_all(["t0", "t1"]) & Order::ID.lt(6)).await, [2, 5]);
        assert_eq!(ids(&db, Order::TAGS.has_any(["t1", "t9"]) & Order::ID.lt(6)).await, [2, 5]);
        assert_eq!(ids(&db, Order::TAGS.size(0)).await, [3, 6, 9, 12]);
        assert_eq!(ids(&db, Order::LINES.any(Line::SKU.eq("s2") & Line::QUANTITY.gt(5))).await, [7, 11]);
        assert_eq!(ids(&db, Order::ADDRESS.then(Address::CITY).eq("City 1") & Order::ID.lte(5)).await, [1, 3, 5]);
        assert_eq!(ids(&db, Order::ADDRESS.then(Address::ZIP).is_some()).await, [3]);
        assert_eq!(ids(&db, Order::NOTE.exists(false)).await, Vec::<i64>::new(), "`None` is stored as null");
    }

    async fn what_is_found_is_saved_as_what_is_loaded(db: Database) {
        fill(&db).await;
        let admin = db.store().admin();
        let stored = async |id: i64| db.store().get("orders", &Bson::from(id)).await.unwrap().unwrap();
        // What the model does not have is gone with the next save, and seen as a change.
        let mut strange = stored(7).await;
        strange.insert("stray", doc! { "of": [1, null] });
        admin.put("orders", vec![strange], PutRule::Always).await.unwrap();
        let mut found = Order::all().sort(Order::ID.asc()).all(&db).await.unwrap();
        for (entity, id) in found.iter_mut().zip(1..) {
            let loaded = Order::load(&db, id).await.unwrap();
            assert_eq!((&**entity, entity.version()), (&order(id), loaded.version()));
            assert_eq!(entity.changes().unwrap().paths(), loaded.changes().unwrap().paths());
            assert_eq!(entity.changes().unwrap().is_empty(), id != 7);
            entity.lines.push(Line { sku: "new".into(), quantity: 1 });
            entity.address.zip = None;
            let (mut loaded, paths) = (loaded, entity.changes().unwrap().paths());
            (loaded.lines, loaded.address) = (entity.lines.clone(), entity.address.clone());
            assert_eq!(paths, loaded.changes().unwrap().paths());
            assert_eq!(paths.contains(&"address.zip".to_owned()), id == 3, "{paths:?}");
            entity.save(&db).await.unwrap();
            let after = stored(id).await;
            assert_eq!(after.get_i64("_v").unwrap(), 2);
            assert!(!after.contains_key("stray"));
            assert_eq!(**entity, *Order::load(&db, id).await.unwrap());
        }
        // What cannot be read is told alike.
        let mut broken = stored(9).await;
        broken.insert("address", doc! { "city": 5 });
        admin.put("orders", vec![broken], PutRule::Always).await.unwrap();
        let found = Order::find(Order::ID.eq(9)).all(&db).await.unwrap_err().to_string();
        assert_eq!(found, Order::load(&db, 9).await.unwrap_err().to_string());
        assert!(found.contains("address.city"), "{found}");
    }

    async fn order_limit_skip_count_first_exists(db: Database) {
        fill(&db).await;
        let found = Order::all().sort(Order::COUNTRY.asc()).sort(Order::TOTAL.desc()).skip(1).limit(4).all(&db).await.unwrap();
        assert_eq!(found.iter().map(|order| order.id).collect::<Vec<_>>(), [9, 6, 3, 10]);
        assert_eq!(Order::find(Order::COUNT.gt(3)).count(&db).await.unwrap(), 9);
        assert_eq!(Order::find(Order::COUNT.gt(3)).skip(5).limit(3).count(&db).await.unwrap(), 3);
        assert_eq!(Order::all().sort(Order::WEIGHT.desc()).first(&db).await.unwrap().unwrap().id, 12);
        assert_eq!(Order::all().first(&db).await.unwrap().unwrap().id, 1);
        assert!(Order::find(Order::COUNT.eq(3)).exists(&db).await.unwrap());
        assert!(!Order::find(Order::COUNT.eq(300)).exists(&db).await.unwrap());
        let streamed: Vec<_> = Order::find(Order::COUNT.lt(4)).stream(&db).await.unwrap().collect().await;
        assert_eq!(streamed.into_iter().filter_map(Result::ok).count(), 3);
    }

    async fn what_is_equal_in_the_order_is_sorted_by_id_and_so_is_every_cut(db: Database) {
        db.create_many((1..=12).rev().map(order)).await.unwrap();
        let ids = async |query: earnorm::query::Query<Order>| {
            query.all(&db).await.unwrap().iter().map(|order| order.id).collect::<Vec<_>>()
        };
        assert_eq!(ids(Order::all().sort(Order::COUNTRY.asc())).await, [3, 6, 9, 12, 1, 4, 7, 10, 2, 5, 8, 11]);
        assert_eq!(ids(Order::all().sort(Order::COUNTRY.desc())).await, [11, 8, 5, 2, 10, 7, 4, 1, 12, 9, 6, 3]);
        assert_eq!(ids(Order::all().skip(9)).await, [10, 11, 12]);
        assert_eq!(ids(Order::all().limit(3)).await, [1, 2, 3]);
        // An id that was asked for stays where it stands.
        assert_eq!(ids(Order::all().sort(Order::ID.asc()).sort(Order::COUNTRY.desc()).limit(3)).await, [1, 2, 3]);
    }

    async fn a_query_tells_how_it_is_answered(db: Database) {
        fill(&db).await;
        let query = Order::find(Order::COUNTRY.eq("DE") & Order::TAGS.size(0)).sort(Order::WEIGHT.desc()).limit(3);
        let explained = query.clone().explain(&db).await.unwrap();
        assert!(explained.indexes.iter().any(|index| index.contains("country")), "{explained}");
        assert!(explained.pushed.contains(&r#"country = "DE""#.to_owned()) && explained.sorts, "{explained}");
        assert!(explained.to_string().contains("sorted after"));
        assert_eq!(query.all(&db).await.unwrap().len(), 3);
        let explained = Order::find(Order::WEIGHT.gt(2.5)).explain(&db).await.unwrap();
        assert!(explained.indexes.is_empty() && explained.pushed.is_empty(), "{explained}");
        assert_eq!(explained.after, ["weight > 2.5"]);
        assert!(!explained.sorts, "nobody asked for an order: {explained}");
    }

    async fn some_fields_only(db: Database) {
        fill(&db).await;
        let rows = Order::find(Order::ID.lte(2)).sort(Order::ID.asc()).select((Order::COUNTRY, Order::NOTE)).all(&db).await.unwrap();
        assert_eq!(rows, [("FR".into(), None), ("UK".into(), Some("note 2 (a.b)".into()))]);
        let city = Order::all().sort(Order::ID.desc()).select(Order::ADDRESS.then(Address::CITY)).first(&db).await.unwrap();
        assert_eq!(city.as_deref(), Some("City 0"));
    }

    async fn keyset_pages_cover_everything_once(db: Database) {
        fill(&db).await;
        let sorts: [fn() -> earnorm::query::Query<Order>; 4] = [
            || Order::all(),
            || Order::all().sort(Order::NOTE.asc()),
            || Order::all().sort(Order::NOTE.desc()).sort(Order::COUNT.asc()),
            || Order::find(Order::COUNT.gt(2)).sort(Order::COUNTRY.desc()),
        ];
        for query in sorts {
            let whole: Vec<_> = query().limit(100).all(&db).await.unwrap().iter().map(|order| order.id).collect();
            let (mut paged, mut after) = (Vec::new(), None::<Cursor>);
            loop {
                let page = query().page(&db, after.as_ref(), 5).await.unwrap();
                paged.extend(page.items.iter().map(|order| order.id));
                // A client keeps the cursor as text.
                let Some(next) = page.next else { break };
                after = Some(next.to_string().parse().unwrap());
            }
            assert_eq!(paged, whole);
        }
        // The last page may be full.
        let last = Order::all().page(&db, None, 12).await.unwrap();
        assert_eq!((last.items.len(), last.next), (12, None));
        assert!(Order::all().page(&db, None, 11).await.unwrap().next.is_some());
        let page = Order::all().page(&db, None, 5).await.unwrap();
        let error = Order::all().sort(Order::NOTE.asc()).page(&db, page.next.as_ref(), 5).await.unwrap_err();
        assert!(matches!(error, Error::InvalidQuery { .. }), "{error:?}");
        assert!("zz".parse::<Cursor>().is_err());
    }

    async fn sums_means_extremes_and_groups(db: Database) {
        fill(&db).await;
        let all = Order::all;
        assert_eq!(all().sum(&db, Order::COUNT).await.unwrap(), 78);
        assert_eq!(all().sum(&db, Order::TOTAL).await.unwrap(), Decimal::new(9_750, 2));
        assert!((all().sum(&db, Order::WEIGHT).await.unwrap() - 39.0).abs() < f64::EPSILON);
        assert_eq!(all().avg(&db, Order::COUNT).await.unwrap(), Some(6.5));
        assert_eq!(all().avg(&db, Order::TOTAL).await.unwrap(), Some(Decimal::new(8_125, 3)));
        assert_eq!(all().min(&db, Order::TOTAL).await.unwrap(), Some(Decimal::new(125, 2)));
        assert_eq!(all().max(&db, Order::NOTE).await.unwrap().as_deref(), Some("note 8 (a.b)"));
        assert_eq!(all().max(&db, Order::PLACED).await.unwrap(), Some(order(12).placed));
        let none = || Order::find(Order::ID.eq(99));
        assert_eq!(none().sum(&db, Order::TOTAL).await.unwrap(), Decimal::ZERO);
        assert_eq!(none().avg(&db, Order::COUNT).await.unwrap(), None);
        assert_eq!(none().min(&db, Order::COUNT).await.unwrap(), None);
        let by_country = all().group_by(Order::COUNTRY).sum(&db, Order::TOTAL).await.unwrap();
        let expected = [("DE", 3_750), ("FR", 2_750), ("UK", 3_250)].map(|(c, n)| (c.to_owned(), Decimal::new(n, 2)));
        assert_eq!(by_country, expected);
        let countries = || all().group_by(Order::COUNTRY);
        let of = |values: [i64; 3]| ["DE", "FR", "UK"].map(str::to_owned).into_iter().zip(values).collect::<Vec<_>>();
        let sums = countries().sum(&db, Order::ID).await.unwrap();
        let counts = countries().count(&db).await.unwrap();
        let means = sums.into_iter().zip(counts).map(|((c, sum), (_, count))| (c, Some(sum as f64 / count as f64)));
        assert_eq!(countries().avg(&db, Order::ID).await.unwrap(), means.collect::<Vec<_>>());
        let whole = |found: Vec<(String, Option<i64>)>| found.into_iter().map(|(c, id)| (c, id.unwrap())).collect::<Vec<_>>();
        assert_eq!(whole(countries().min(&db, Order::ID).await.unwrap()), of([3, 1, 2]));
        assert_eq!(whole(countries().max(&db, Order::ID).await.unwrap()), of([12, 10, 11]));
        let by_note = Order::find(Order::ID.lte(3)).group_by(Order::NOTE).count(&db).await.unwrap();
        assert_eq!(by_note, [(None, 2), (Some("note 2 (a.b)".into()), 1)]);
        assert_eq!(all().distinct(&db, Order::COUNTRY).await.unwrap(), ["DE", "FR", "UK"]);
        for cut in [all().limit(3), all().skip(3), all().sort(Order::ID.asc())] {
            let refused = cut.sum(&db, Order::COUNT).await.unwrap_err();
            assert!(matches!(refused, Error::InvalidQuery { .. }), "{refused:?}");
        }
    }

    async fn raw_queries_are_for_mongodb_alone(db: Database) {
        fill(&db).await;
        let raw = Order::find(Filter::raw_mongodb(bson::doc! { "count": { "$mod": [6, 0] } })).all(&db).await;
        let pipeline = vec![bson::doc! { "$count": "n" }];
        let aggregated = db.raw_mongodb_aggregate("orders", pipeline).await;
        if db.store().capabilities().raw_queries {
            assert_eq!(raw.unwrap().len(), 2);
            assert_eq!(aggregated.unwrap()[0].get_i32("n").unwrap(), 12);
        } else {
            assert!(matches!(raw.unwrap_err(), Error::Unsupported { .. }));
            assert!(matches!(aggregated.unwrap_err(), Error::Unsupported { .. }));
        }
    }
}
