//! Texts with a grammar of their own: patterns, durations, rates, ids.

use proc_macro2::TokenStream;
use quote::quote;
use syn::LitStr;

use crate::errors::Errors;
use crate::names;
use crate::runtime::Runtime;

/// Checks a pattern of event types as `EventPattern` reads it.
pub(crate) fn pattern(text: &LitStr, errors: &mut Errors) {
    let value = text.value();
    if !value.split('.').all(|part| part == "*" || part == "**" || names::is_word(part)) {
        errors.add(
            text,
            format!("`{value}` is not a pattern of events: join lower-case words, `*` (one word) and `**` (any number of words) by dots, like `user.*`"),
        );
    }
}

/// Checks the id of a handler as the bus does.
pub(crate) fn id(text: &LitStr, errors: &mut Errors) {
    let value = text.value();
    if value.is_empty() || value.len() > 128 || value.contains(['\0', '/']) {
        errors.add(text, "an id has 1 to 128 bytes without `/` and NUL: write it like `\"welcome-mail\"`");
    }
}

const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Milliseconds of a text like `200ms`, `30s`, `5m`, `2h`, `1d`.
pub(crate) fn millis(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.get(digits.len()..)?.trim();
    let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit)?;
    digits.trim_end().parse::<u64>().ok()?.checked_mul(*scale).filter(|millis| *millis > 0)
}

/// The `Duration` of a text.
pub(crate) fn duration(text: &LitStr, errors: &mut Errors) -> Option<TokenStream> {
    let value = text.value();
    let Some(millis) = millis(&value) else {
        errors.add(
            text,
            format!("`{value}` is not a duration above zero: write a whole number and a unit, like `\"200ms\"`, `\"30s\"`, `\"5m\"`, `\"2h\"` or `\"1d\"`"),
        );
        return None;
    };
    Some(quote!(::core::time::Duration::from_millis(#millis)))
}

/// The `Rate` of a text like `10/s`.
pub(crate) fn rate(rt: &Runtime, text: &LitStr, errors: &mut Errors) -> Option<TokenStream> {
    let value = text.value();
    let read = value.split_once('/').and_then(|(events, unit)| {
        let events = events.trim().parse::<u32>().ok().filter(|events| *events > 0)?;
        let per = UNITS.iter().find(|(name, _)| *name == unit.trim() && *name != "ms")?.1;
        Some((events, per))
    });
    let Some((events, per)) = read else {
        errors.add(
            text,
            format!(
                "`{value}` is not a rate: write so many events in a time, like `\"10/s\"`, `\"100/m\"` or `\"1000/h\"`"
            ),
        );
        return None;
    };
    Some(quote!(#rt::Rate::new(#events, ::core::time::Duration::from_millis(#per))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_number_and_a_unit() {
        let read = ["200ms", "30s", "5m", "2h", "1d", "7 s"].map(millis);
        assert_eq!(read, [200, 30_000, 300_000, 7_200_000, 86_400_000, 7_000].map(Some));
        for wrong in ["", "30", "s", "1.5s", "-1s", "0s", "30 sec", "99999999999999999d", "ä"] {
            assert_eq!(millis(wrong), None, "{wrong}");
        }
    }
}
