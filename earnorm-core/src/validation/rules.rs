//! The rules that `#[validate(…)]` writes on fields. All of them pass over `None`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Display;

use super::{ValidationError, ValidationErrors};

/// Types with a length: characters of a text, items of a collection.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no length",
    note = "`length` works on text, lists, sets and maps"
)]
pub trait HasLength {
    /// How long it is; `None` passes every rule.
    fn length(&self) -> Option<usize>;
}

impl HasLength for String {
    fn length(&self) -> Option<usize> {
        Some(self.chars().count())
    }
}

impl<T: HasLength> HasLength for Option<T> {
    fn length(&self) -> Option<usize> {
        self.as_ref().and_then(HasLength::length)
    }
}

macro_rules! sized {
    ($($type:ty [$($generic:ident),*]),*) => {
        $(impl<$($generic),*> HasLength for $type {
            fn length(&self) -> Option<usize> {
                Some(self.len())
            }
        })*
    };
}
sized!(Vec<T> [T], BTreeSet<T> [T], HashSet<T, S> [T, S], BTreeMap<K, V> [K, V], HashMap<K, V, S> [K, V, S]);

/// Text that may be missing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not text",
    note = "this rule works on `String` and `Option<String>`"
)]
pub trait MaybeText {
    /// The text.
    fn text(&self) -> Option<&str>;
}

impl MaybeText for String {
    fn text(&self) -> Option<&str> {
        Some(self)
    }
}

impl MaybeText for Option<String> {
    fn text(&self) -> Option<&str> {
        self.as_deref()
    }
}

/// A value of type `T` that may be missing.
pub trait Maybe<T> {
    /// The value.
    fn value(&self) -> Option<&T>;
}

impl<T> Maybe<T> for T {
    fn value(&self) -> Option<&T> {
        Some(self)
    }
}

impl<T> Maybe<T> for Option<T> {
    fn value(&self) -> Option<&T> {
        self.as_ref()
    }
}

/// Types with rules of their own: embedded structs, and lists, maps and options of these.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no rules of its own",
    note = "`nested` works on types with `#[model(embedded)]`"
)]
pub trait Nested {
    /// Adds every broken rule, with paths below `path`.
    fn check(&self, path: &str, errors: &mut ValidationErrors);
}

impl<T: Nested> Nested for Option<T> {
    fn check(&self, path: &str, errors: &mut ValidationErrors) {
        if let Some(value) = self {
            value.check(path, errors);
        }
    }
}

impl<T: Nested> Nested for Box<T> {
    fn check(&self, path: &str, errors: &mut ValidationErrors) {
        (**self).check(path, errors);
    }
}

impl<T: Nested> Nested for Vec<T> {
    fn check(&self, path: &str, errors: &mut ValidationErrors) {
        for (index, item) in self.iter().enumerate() {
            item.check(&format!("{path}[{index}]"), errors);
        }
    }
}

impl<T: Nested> Nested for BTreeMap<String, T> {
    fn check(&self, path: &str, errors: &mut ValidationErrors) {
        for (key, item) in self {
            item.check(&format!("{path}.{key}"), errors);
        }
    }
}

/// `length(min = …, max = …)`
pub fn length<T: HasLength>(
    value: &T,
    bounds: (Option<usize>, Option<usize>),
    path: &str,
    errors: &mut ValidationErrors,
) {
    let Some(length) = value.length() else { return };
    match bounds {
        (Some(min), _) if length < min => errors.add(path, format!("is {length} long, at least {min} is required")),
        (_, Some(max)) if length > max => errors.add(path, format!("is {length} long, at most {max} is allowed")),
        _ => {}
    }
}

/// `range(min = …, max = …)`; a value without order, such as NaN, is out of range.
pub fn range<T: PartialOrd + Display>(
    value: &impl Maybe<T>,
    bounds: (Option<T>, Option<T>),
    path: &str,
    errors: &mut ValidationErrors,
) {
    let Some(value) = value.value() else { return };
    let broken = match bounds {
        (Some(min), _) if !at_least(value, &min) => format!("at least {min} is required"),
        (_, Some(max)) if !at_least(&max, value) => format!("at most {max} is allowed"),
        _ => return,
    };
    let found = if errors.is_personal(path) { "is out of range".to_owned() } else { format!("is {value}") };
    errors.add(path, format!("{found}, {broken}"));
}

/// Whether `value >= floor`; never for what has no order, such as NaN.
fn at_least<T: PartialOrd>(value: &T, floor: &T) -> bool {
    value.partial_cmp(floor).is_some_and(std::cmp::Ordering::is_ge)
}

/// `email`: an address as HTML forms accept it.
pub fn email(value: &impl MaybeText, path: &str, errors: &mut ValidationErrors) {
    let Some(text) = value.text() else { return };
    if garde::rules::email::apply(&text, ()).is_err() {
        errors.add(path, "is not an email address");
    }
}

/// `url`: an absolute URL.
pub fn url(value: &impl MaybeText, path: &str, errors: &mut ValidationErrors) {
    let Some(text) = value.text() else { return };
    if garde::rules::url::apply(&text, ()).is_err() {
        errors.add(path, "is not a URL");
    }
}

/// `pattern("…")`: a regular expression that must match somewhere in the text.
pub fn pattern(value: &impl MaybeText, regex: &regex::Regex, path: &str, errors: &mut ValidationErrors) {
    let Some(text) = value.text() else { return };
    if !regex.is_match(text) {
        errors.add(path, format!("does not match `{}`", regex.as_str()));
    }
}

/// `nested`: the rules of an embedded type.
pub fn nested(value: &impl Nested, path: &str, errors: &mut ValidationErrors) {
    value.check(path, errors);
}

/// `custom(function)`: a function of the user's; an error without a path gets the field's.
pub fn custom(outcome: Result<(), ValidationError>, path: &str, errors: &mut ValidationErrors) {
    if let Err(mut error) = outcome {
        if error.path.is_empty() {
            path.clone_into(&mut error.path);
        }
        errors.push(error);
    }
}

/// The pattern of a rule, which the macro has read before; for generated code.
///
/// # Panics
/// Never on a pattern that compiled into the program.
#[must_use]
pub fn compile(pattern: &str) -> regex::Regex {
    match regex::Regex::new(pattern) {
        Ok(regex) => regex,
        Err(error) => unreachable!("`{pattern}` was checked when the program was compiled: {error}"),
    }
}

/// The path of a field below `path`; for generated code.
#[must_use]
pub fn join(path: &str, field: &str) -> String {
    if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") }
}
