//! From shapes to lines: each stored path with the text of its type.

use std::any::TypeId;
use std::collections::BTreeMap;

use super::{Content, Field, Shape, Variant};

/// Paths with the texts of their types: `lines[].sku` is `String`.
pub(super) type Fields = BTreeMap<String, String>;

/// What stands behind the type of a field that may be missing.
pub(super) const DEFAULT: &str = ", default";
/// What stands before the content of a variant.
pub(super) const VARIANT: &str = "variant";

/// The lines of a document with these fields.
pub(super) fn flat<'a>(fields: impl IntoIterator<Item = &'a Field>) -> Fields {
    let mut walk = Walk::default();
    walk.document("", fields);
    walk.found
}

#[derive(Default)]
struct Walk {
    found: Fields,
    /// The named types on the way here, and where each began: a type that holds itself ends the way.
    above: Vec<(TypeId, String)>,
}

impl Walk {
    fn document<'a>(&mut self, below: &str, fields: impl IntoIterator<Item = &'a Field>) {
        for field in fields {
            let path = if below.is_empty() { name(field.path) } else { format!("{below}.{}", name(field.path)) };
            let mut text = self.text(&path, (field.shape)());
            if field.default {
                text.push_str(DEFAULT);
            }
            self.found.insert(path, text);
        }
    }

    /// The text of what stands at a path; what is below goes to the lines.
    fn text(&mut self, path: &str, shape: Shape) -> String {
        match shape {
            Shape::Scalar(name) => name.to_owned(),
            Shape::Serde(name) => format!("serde({name})"),
            Shape::Wrapped(wrapper, inner) => {
                let below = match wrapper {
                    "Vec" | "Set" => format!("{path}[]"),
                    "Map" => format!("{path}{{}}"),
                    _ => path.to_owned(),
                };
                format!("{wrapper}<{}>", self.text(&below, inner()))
            }
            Shape::Named(type_id, shape) => self.named(path, type_id(), shape),
            Shape::Struct(fields) => {
                self.document(path, fields);
                "struct".to_owned()
            }
            Shape::Enum(variants) => {
                variants.iter().for_each(|variant| self.variant(path, variant));
                "enum".to_owned()
            }
        }
    }

    fn named(&mut self, path: &str, type_id: TypeId, shape: fn() -> Shape) -> String {
        if let Some((_, began)) = self.above.iter().find(|(above, _)| *above == type_id) {
            return format!("like {began}");
        }
        self.above.push((type_id, path.to_owned()));
        let text = self.text(path, shape());
        self.above.pop();
        text
    }

    fn variant(&mut self, path: &str, variant: &Variant) {
        let path = format!("{path}::{}", name(variant.name));
        let text = match variant.content {
            Content::Unit => VARIANT.to_owned(),
            Content::One(shape) => format!("{VARIANT} {}", self.text(&path, shape())),
            Content::Many(shapes) => {
                for (index, shape) in shapes.iter().enumerate() {
                    let path = format!("{path}.{index}");
                    let text = self.text(&path, shape());
                    self.found.insert(path, text);
                }
                format!("{VARIANT} of {} values", shapes.len())
            }
            Content::Document(fields) => {
                self.document(&path, fields);
                format!("{VARIANT} struct")
            }
        };
        self.found.insert(path, text);
    }
}

/// A stored name in a path: in quotes where it could be mistaken for a path.
fn name(stored: &str) -> String {
    if stored.contains(['[', '{', ':', '"']) { format!("{stored:?}") } else { stored.to_owned() }
}

/// Whether a path lies below another one.
pub(super) fn is_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.starts_with(['.', '[', '{', ':']))
}
