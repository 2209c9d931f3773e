//! Typed models with odd values and typed conditions on them.

use arbitrary::{Result, Unstructured};
use earnorm::Registry;
use earnorm::predicate::Predicate;
use earnorm::prelude::*;
use earnorm::store::DocumentQuery;

use super::Stores;
use crate::fuzz::targets::made;

#[model(embedded)]
#[derive(Debug, Clone, PartialEq)]
struct Part {
    size: i32,
    name: Option<String>,
    worth: Decimal,
}

#[model(embedded)]
#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Plain,
    Odd { text: String },
}

#[model(index(real), index(text), index(list))]
#[derive(Debug, Clone, PartialEq)]
struct Odd {
    #[model(id)]
    id: i64,
    int: i32,
    long: Option<i64>,
    unsigned: u32,
    real: f64,
    price: Decimal,
    text: Option<String>,
    flag: bool,
    at: DateTime<Utc>,
    key: Uuid,
    list: Vec<f64>,
    words: Vec<String>,
    part: Option<Part>,
    parts: Vec<Part>,
    kind: Kind,
}

pub(super) fn registry() -> Registry {
    Registry::empty().model::<Odd>()
}

type Bytes<'a, 'b> = &'a mut Unstructured<'b>;

fn int(u: Bytes<'_, '_>) -> Result<i32> {
    Ok(*u.choose(&[0, 1, -1, 2, i32::MAX, i32::MIN])?)
}

fn long(u: Bytes<'_, '_>) -> Result<i64> {
    Ok(*u.choose(&[0, 1, -1, i64::MAX, i64::MIN, 9_007_199_254_740_993, 2_147_483_648])?)
}

fn real(u: Bytes<'_, '_>) -> Result<f64> {
    let odd = [0.0, -0.0, 0.1, 1.0, 1.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 5e-324, f64::MAX, 9.3e18];
    Ok(*u.choose(&odd)?)
}

fn price(u: Bytes<'_, '_>) -> Result<Decimal> {
    let odd = [
        Decimal::ZERO,
        -Decimal::ZERO,
        Decimal::ONE,
        Decimal::new(100, 2),
        Decimal::new(15, 1),
        Decimal::new(-1, 28),
        Decimal::MAX,
        Decimal::MIN,
    ];
    Ok(*u.choose(&odd)?)
}

fn at(u: Bytes<'_, '_>) -> Result<DateTime<Utc>> {
    let odd = [0, 1, -1, 1_700_000_000_000, 253_402_300_800_000, -62_135_596_800_001];
    Ok(DateTime::from_timestamp_millis(*u.choose(&odd)?).unwrap())
}

fn key(u: Bytes<'_, '_>) -> Result<Uuid> {
    Ok(*u.choose(&[Uuid::nil(), Uuid::max(), Uuid::from_u128(1), Uuid::from_u128(1 << 127)])?)
}

fn maybe<T>(u: Bytes<'_, '_>, make: impl FnOnce(Bytes<'_, '_>) -> Result<T>) -> Result<Option<T>> {
    Ok(if u.ratio(3, 4)? { Some(make(u)?) } else { None })
}

fn many<T>(u: Bytes<'_, '_>, mut make: impl FnMut(Bytes<'_, '_>) -> Result<T>) -> Result<Vec<T>> {
    let len = u.int_in_range(0..=3)?;
    (0..len).map(|_| make(u)).collect()
}

fn part(u: Bytes<'_, '_>) -> Result<Part> {
    Ok(Part { size: int(u)?, name: maybe(u, made::text)?, worth: price(u)? })
}

fn kind(u: Bytes<'_, '_>) -> Result<Kind> {
    Ok(if u.arbitrary()? { Kind::Plain } else { Kind::Odd { text: made::text(u)? } })
}

fn odd(u: Bytes<'_, '_>, id: i64) -> Result<Odd> {
    Ok(Odd {
        id,
        int: int(u)?,
        long: maybe(u, long)?,
        unsigned: *u.choose(&[0, 1, u32::MAX])?,
        real: real(u)?,
        price: price(u)?,
        text: maybe(u, made::text)?,
        flag: u.arbitrary()?,
        at: at(u)?,
        key: key(u)?,
        list: many(u, real)?,
        words: many(u, made::text)?,
        part: maybe(u, part)?,
        parts: many(u, part)?,
        kind: kind(u)?,
    })
}

/// A text that may be looked for.
fn needle(u: Bytes<'_, '_>) -> Result<String> {
    Ok(made::text(u)?.replace('\0', ""))
}

/// One comparison of a field with a value of its type.
macro_rules! compared {
    ($u:ident, $field:expr, $make:expr) => {
        match $u.int_in_range(0..=7)? {
            0 => $field.eq($make($u)?),
            1 => $field.ne($make($u)?),
            2 => $field.gt($make($u)?),
            3 => $field.gte($make($u)?),
            4 => $field.lt($make($u)?),
            5 => $field.lte($make($u)?),
            6 => $field.is_in(many($u, $make)?),
            _ => $field.between($make($u)?, $make($u)?),
        }
    };
}

fn of_part(u: Bytes<'_, '_>) -> Result<Filter<Part>> {
    Ok(match u.int_in_range(0..=3)? {
        0 => compared!(u, Part::SIZE, int),
        1 => compared!(u, Part::WORTH, price),
        2 => Part::NAME.is_none(),
        _ => Part::NAME.starts_with(needle(u)?),
    })
}

fn texts(u: Bytes<'_, '_>) -> Result<Filter<Odd>> {
    Ok(match u.int_in_range(0..=5)? {
        0 => Odd::TEXT.starts_with(needle(u)?),
        1 => Odd::TEXT.contains(needle(u)?),
        2 => Odd::TEXT.ends_with(needle(u)?),
        3 => Odd::TEXT.matches(u.choose(&["^a", "^.$", r"(?i)É", "[^a]"])?),
        4 => Odd::TEXT.gte(made::text(u)?),
        _ => Odd::TEXT.eq(made::text(u)?),
    })
}

fn lists(u: Bytes<'_, '_>) -> Result<Filter<Odd>> {
    Ok(match u.int_in_range(0..=6)? {
        0 => Odd::LIST.has(real(u)?),
        1 => Odd::LIST.has_all(many(u, real)?),
        2 => Odd::LIST.has_any(many(u, real)?),
        3 => Odd::LIST.eq(many(u, real)?),
        4 => Odd::WORDS.has(made::text(u)?),
        5 => Odd::WORDS.size(u.int_in_range(0..=3)?),
        _ => Odd::PARTS.any(of_part(u)?),
    })
}

fn filter(u: Bytes<'_, '_>, depth: usize) -> Result<Filter<Odd>> {
    Ok(match u.int_in_range(0..=19)? {
        0..=1 if depth > 0 => filter(u, depth - 1)? & filter(u, depth - 1)?,
        2..=3 if depth > 0 => filter(u, depth - 1)? | filter(u, depth - 1)?,
        4 if depth > 0 => !filter(u, depth - 1)?,
        5 => compared!(u, Odd::INT, int),
        6 => compared!(u, Odd::LONG, long),
        7 => compared!(u, Odd::REAL, real),
        8 => compared!(u, Odd::PRICE, price),
        9 => compared!(u, Odd::AT, at),
        10 => compared!(u, Odd::KEY, key),
        11 => Odd::FLAG.eq(u.arbitrary::<bool>()?),
        12 => Odd::UNSIGNED.gte(*u.choose(&[0, 1, u32::MAX])?),
        13 => Odd::LONG.is_none() | Odd::PART.is_some(),
        14 => compared!(u, Odd::PART.some().then(Part::SIZE), int),
        15 => Odd::PART.some().then(Part::NAME).is_none(),
        16 => Odd::KIND.eq(kind(u)?),
        17 => texts(u)?,
        _ => lists(u)?,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn typed_conditions_find_what_mongodb_finds() {
    let bytes = super::bytes(303);
    let mut u = Unstructured::new(&bytes);
    let stores = Stores::open(registry).await;
    let instances = (0..120).map(|id| odd(&mut u, id)).collect::<Result<Vec<_>>>().unwrap();
    for (_, db) in &stores.all {
        db.create_many(instances.clone()).await.unwrap();
        for instance in &instances {
            // NaN is not equal to itself, and its text is.
            assert_eq!(format!("{:?}", *Odd::load(db, instance.id).await.unwrap()), format!("{instance:?}"));
        }
    }
    let (mut wrong, mut found) = (Vec::new(), 0);
    for n in 0..250 {
        let predicate: Predicate = filter(&mut u, n % 3).unwrap().into_predicate();
        let query = DocumentQuery::new(Odd::SCHEMA.collection, predicate);
        let truth = stores.truth(&query).await;
        found += truth.len();
        wrong.extend(stores.differing(&query, &truth).await);
    }
    assert!(!u.is_empty(), "there were bytes enough");
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(found > 2_500, "conditions that hold for nothing show nothing: {found}");
    stores.close().await;
}
