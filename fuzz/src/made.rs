//! Values, documents and conditions that are made of bytes, with the odd ones often.

use std::str::FromStr;

use arbitrary::{Result, Unstructured};
use bson::oid::ObjectId;
use bson::spec::BinarySubtype;
use bson::{Binary, Bson, DateTime, Decimal128, Document, Regex, Timestamp};
use earnorm_core::predicate::{Comparison, Predicate, TextMatch};
use earnorm_core::regex::PortableRegex;

/// Paths that meet fields, places in lists, both, and nothing.
pub const PATHS: [&str; 14] =
    ["a", "b", "c", "a.b", "b.a", "a.a", "a.b.a", "a.0", "a.1", "b.0.a", "a.0.0", "a.00", "a.b.0", "é"];
const NAMES: [&str; 7] = ["a", "b", "c", "0", "1", "é", "a b"];
const TEXTS: [&str; 16] =
    ["", "a", "A", "ab", "b", "a\0b", "\0", "\u{1f600}", "\u{ffff}", "é", "e\u{301}", "$a", "a.b", "^a", "a\n", "\n"];
const NEEDLES: [&str; 12] = ["", "a", "A", "b", "\u{1f600}", "é", "e", "$", ".", "^a", "\n", "\\"];
const PATTERNS: [&str; 12] =
    ["^a", "b$", "^[aA]+$", "x|b", "(?i)^a", "a.b", "^.$", "(?s)^.$", "[^a]", r"\w", "^(a|b)*$", "\n$"];
const DECIMALS: [&str; 16] = [
    "0",
    "-0",
    "0E+6000",
    "1",
    "1.50",
    "-1",
    "0.1",
    "NaN",
    "Infinity",
    "-Infinity",
    "9007199254740993",
    "9223372036854775808",
    "1E-6176",
    "9.999E+6144",
    "0.1000000000000000055511151231257827",
    "1.5",
];
const DOUBLES: [f64; 14] = [
    0.0,
    -0.0,
    1.0,
    1.5,
    -1.0,
    0.1,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    9_007_199_254_740_992.0,
    9.3e18,
    5e-324,
    1e300,
    2_147_483_648.0,
];
const LONGS: [i64; 8] = [0, 1, -1, 2, 9_007_199_254_740_993, i64::MAX, i64::MIN, 2_147_483_648];
const INTS: [i32; 6] = [0, 1, -1, 2, i32::MAX, i32::MIN];
const MILLIS: [i64; 6] = [0, 1, -1, i64::MAX, i64::MIN, 253_402_300_800_000];

/// A text, most often one of a few that meet again.
pub fn text(u: &mut Unstructured<'_>) -> Result<String> {
    Ok(if u.ratio(9, 10)? { (*u.choose(&TEXTS)?).to_owned() } else { u.arbitrary()? })
}

/// A number of any type.
fn number(u: &mut Unstructured<'_>) -> Result<Bson> {
    Ok(match u.int_in_range(0..=9)? {
        0 | 1 => Bson::Int32(*u.choose(&INTS)?),
        2 | 3 => Bson::Int64(*u.choose(&LONGS)?),
        4 | 5 => Bson::Double(*u.choose(&DOUBLES)?),
        6 | 7 => Decimal128::from_str(u.choose(&DECIMALS)?).map_or(Bson::Null, Bson::Decimal128),
        8 => Bson::Double(f64::from_bits(u.arbitrary()?)),
        _ => Bson::Decimal128(Decimal128::from_bytes(u.arbitrary()?)),
    })
}

fn binary(u: &mut Unstructured<'_>) -> Result<Bson> {
    let subtypes = [BinarySubtype::Generic, BinarySubtype::BinaryOld, BinarySubtype::UserDefined(0x80)];
    let len = u.int_in_range(0..=3)?;
    let bytes = (0..len).map(|_| u.int_in_range(0..=2)).collect::<Result<_>>()?;
    Ok(Bson::Binary(Binary { subtype: *u.choose(&subtypes)?, bytes }))
}

/// A value that holds no others.
pub fn scalar(u: &mut Unstructured<'_>) -> Result<Bson> {
    Ok(match u.int_in_range(0..=19)? {
        0..=1 => Bson::Null,
        2..=8 => number(u)?,
        9..=12 => Bson::String(text(u)?),
        13 => Bson::Boolean(u.arbitrary()?),
        14 => Bson::DateTime(DateTime::from_millis(*u.choose(&MILLIS)?)),
        15 => Bson::Binary(Binary { subtype: BinarySubtype::Uuid, bytes: vec![u.int_in_range(0..=2)?; 16] }),
        16 => Bson::ObjectId(ObjectId::from_bytes([u.int_in_range(0..=2)?; 12])),
        17 => binary(u)?,
        18 => Bson::Timestamp(Timestamp { time: u.int_in_range(1..=2)?, increment: *u.choose(&[0, u32::MAX])? }),
        _ => rare(u)?,
    })
}

fn rare(u: &mut Unstructured<'_>) -> Result<Bson> {
    Ok(match u.int_in_range(0..=4)? {
        0 => Bson::MinKey,
        1 => Bson::MaxKey,
        2 => Bson::Symbol((*u.choose(&TEXTS)?).to_owned()),
        3 => Bson::JavaScriptCode((*u.choose(&TEXTS)?).to_owned()),
        _ => {
            let parts = [*u.choose(&["", "a", "."])?, *u.choose(&["", "i"])?].map(|part| part.to_owned().try_into());
            let [Ok(pattern), Ok(options)] = parts else { return Ok(Bson::Null) };
            Bson::RegularExpression(Regex { pattern, options })
        }
    })
}

/// A value with at most so many levels below it.
pub fn value(u: &mut Unstructured<'_>, depth: usize) -> Result<Bson> {
    Ok(match u.int_in_range(0..=9)? {
        0..=1 if depth > 0 => Bson::Document(fields(u, depth - 1)?),
        2..=4 if depth > 0 => Bson::Array(values(u, depth - 1)?),
        _ => scalar(u)?,
    })
}

/// A few values.
pub fn values(u: &mut Unstructured<'_>, depth: usize) -> Result<Vec<Bson>> {
    let len = u.int_in_range(0..=3)?;
    (0..len).map(|_| value(u, depth)).collect()
}

/// A document whose names meet [`PATHS`].
pub fn fields(u: &mut Unstructured<'_>, depth: usize) -> Result<Document> {
    let mut document = Document::new();
    for _ in 0..u.int_in_range(0..=4)? {
        document.insert(*u.choose(&NAMES)?, value(u, depth)?);
    }
    Ok(document)
}

/// A condition with at most so many joins above its parts.
pub fn predicate(u: &mut Unstructured<'_>, depth: usize) -> Result<Predicate> {
    if depth == 0 || u.ratio(1, 5)? {
        return simple(u);
    }
    let parts = |u: &mut Unstructured<'_>| {
        let len = u.int_in_range(0..=3)?;
        (0..len).map(|_| predicate(u, depth - 1)).collect::<Result<Vec<_>>>()
    };
    Ok(match u.int_in_range(0..=9)? {
        0..=2 => Predicate::All(parts(u)?),
        3..=5 => Predicate::Any(parts(u)?),
        6..=7 => Predicate::Not(Box::new(predicate(u, depth - 1)?)),
        _ => Predicate::Element { path: path(u)?, predicate: Box::new(predicate(u, depth - 1)?) },
    })
}

fn path(u: &mut Unstructured<'_>) -> Result<String> {
    u.choose(&PATHS).map(|path| (*path).to_owned())
}

fn simple(u: &mut Unstructured<'_>) -> Result<Predicate> {
    let path = path(u)?;
    Ok(match u.int_in_range(0..=19)? {
        0..=9 => comparison(u, path)?,
        10..=11 => Predicate::In { path, values: values(u, 1)? },
        12..=13 => Predicate::Exists { path, present: u.arbitrary()? },
        14..=15 => {
            let op = *u.choose(&[TextMatch::Prefix, TextMatch::Contains, TextMatch::Suffix])?;
            Predicate::Text { path, op, needle: (*u.choose(&NEEDLES)?).to_owned() }
        }
        16 => match PortableRegex::new(u.choose(&PATTERNS)?) {
            Ok(regex) => Predicate::Regex { path, regex },
            Err(reason) => Predicate::Invalid { path, reason },
        },
        17..=18 => Predicate::HasAll { path, values: values(u, 1)? },
        _ => Predicate::Size { path, len: u.int_in_range(0..=3)? },
    })
}

fn comparison(u: &mut Unstructured<'_>, path: String) -> Result<Predicate> {
    use Comparison::{Eq, Gt, Gte, Lt, Lte};
    let value = value(u, 2)?;
    let op = *u.choose(&[Eq, Eq, Gt, Gte, Lt, Lte])?;
    // Regular expressions have no order.
    let op = if matches!(value, Bson::RegularExpression(_)) { Eq } else { op };
    Ok(Predicate::Compare { path, op, value })
}
