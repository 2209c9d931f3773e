//! Which types read everything that another one stored.

use super::fields::{DEFAULT, VARIANT};

/// Integers by the range of what is stored: their least and highest values.
const INTEGERS: [(&str, i64, i64); 9] = [
    ("i8", i8::MIN as i64, i8::MAX as i64),
    ("i16", i16::MIN as i64, i16::MAX as i64),
    ("i32", i32::MIN as i64, i32::MAX as i64),
    ("i64", i64::MIN, i64::MAX),
    ("u8", 0, u8::MAX as i64),
    ("u16", 0, u16::MAX as i64),
    ("u32", 0, u32::MAX as i64),
    // What is above i64 is never stored.
    ("u64", 0, i64::MAX),
    ("usize", 0, i64::MAX),
];

/// Up to here every integer is a double.
const EXACT: i64 = 1 << 53;

/// Whether data stored as `old` can be read as `new`, without a word on fields below.
pub(super) fn reads(new: &str, old: &str) -> bool {
    let (new_type, new_default) = split(new);
    let (old_type, old_default) = split(old);
    (new_default || !old_default || may_be_missing(new)) && reads_type(new_type, old_type)
}

/// Whether a document may lack a field of this type.
pub(super) fn may_be_missing(text: &str) -> bool {
    let (text, default) = split(text);
    default || text.starts_with("Option<") || text.starts_with("serde(Option<") || text.starts_with(VARIANT)
}

fn split(text: &str) -> (&str, bool) {
    text.strip_suffix(DEFAULT).map_or((text, false), |text| (text, true))
}

fn reads_type(new: &str, old: &str) -> bool {
    if new == old {
        return true;
    }
    if let (Some(new), Some(old)) = (content(new), content(old)) {
        return reads_type(new, old);
    }
    match (wrapper(new), wrapper(old)) {
        (Some(("Option", new)), Some(("Option" | "Personal", old)))
        | (Some(("Personal", new)), Some(("Personal", old)))
        | (Some(("Vec", new)), Some(("Vec" | "Set", old)))
        | (Some(("Set", new)), Some(("Set", old)))
        | (Some(("Map", new)), Some(("Map", old))) => reads_type(new, old),
        (Some(("Option" | "Personal", new)), _) => reads_type(new, old),
        _ => reads_number(new, old),
    }
}

fn reads_number(new: &str, old: &str) -> bool {
    if (new, old) == ("f64", "f32") {
        return true;
    }
    let range = |name| INTEGERS.iter().find(|(integer, ..)| *integer == name).map(|(_, least, most)| (*least, *most));
    let Some((least, most)) = range(old) else { return false };
    match range(new) {
        Some((low, high)) => low <= least && most <= high,
        None => new == "Decimal" || (new == "f64" && -EXACT <= least && most <= EXACT),
    }
}

/// The one value that a variant holds.
fn content(text: &str) -> Option<&str> {
    text.strip_prefix(VARIANT)?.strip_prefix(' ').filter(|content| !content.starts_with("of "))
}

fn wrapper(text: &str) -> Option<(&str, &str)> {
    text.strip_suffix('>')?.split_once('<')
}
