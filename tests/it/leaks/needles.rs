//! What is looked for: the mark that every planted text contains, and secrets that are made while a case runs.

use std::sync::{LazyLock, Mutex};

use super::base64;

/// Every planted text contains it, so that a part of a planted text is found too.
pub(super) const MARK: &str = "c4n4ry";

/// Numbers that are planted, whose digits stand nowhere else.
pub(super) const NUMBERS: [i64; 2] = [4_224_224_224, 7_447_447_447];

static MORE: Mutex<Vec<String>> = Mutex::new(Vec::new());

static FORMS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let numbers = NUMBERS.map(|number| number.to_string());
    forms(MARK.as_bytes()).into_iter().chain([MARK.to_owned()]).chain(numbers).collect()
});

/// Looks for these bytes from now on, too.
pub(super) fn plant(bytes: &[u8]) {
    MORE.lock().unwrap().extend(forms(bytes));
}

/// The first secret in a text.
pub(super) fn found(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let close: String = lower.split_whitespace().collect();
    let stands = |form: &&String| text.contains(*form) || lower.contains(*form) || close.contains(*form);
    FORMS.iter().find(stands).cloned().or_else(|| MORE.lock().unwrap().iter().find(stands).cloned())
}

/// How bytes are written: in hex, escaped, as a list of numbers, in base64 at any place of a longer text.
fn forms(bytes: &[u8]) -> Vec<String> {
    let each = |form: fn(&u8) -> String, between: &str| bytes.iter().map(form).collect::<Vec<_>>().join(between);
    let mut forms = vec![
        each(|byte| format!("{byte:02x}"), ""),
        each(|byte| format!("%{byte:02x}"), ""),
        each(|byte| format!("\\x{byte:02x}"), ""),
        each(|byte| format!("0x{byte:02x}"), ","),
        each(u8::to_string, ","),
    ];
    for before in 0..3 {
        let text = base64::encode([vec![0; before], bytes.to_vec()].concat());
        // What the neighbours have a part in is left out.
        let end = (before + bytes.len()) / 3 * 4;
        forms.push(text[before.div_ceil(3) * 4..end].to_owned());
    }
    forms
}
