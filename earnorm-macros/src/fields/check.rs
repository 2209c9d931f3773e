//! What is wrong with a set of fields.

use std::collections::BTreeMap;

use syn::visit::{self, Visit};
use syn::{Type, TypePath, TypeReference};

use super::{Codec, FieldModel};
use crate::errors::Errors;
use crate::names;

/// Checks each field, and all of them against each other.
pub(crate) fn check(fields: &[FieldModel], errors: &mut Errors) {
    let mut seen: BTreeMap<&str, &FieldModel> = BTreeMap::new();
    for field in fields.iter().filter(|field| !field.skip) {
        if let (None, Some(reason)) = (field.id, names::bad_stored_name(&field.stored)) {
            errors.add(&field.stored_span, reason);
        }
        // Fields under `#[cfg]` may share a name: only one of them is there.
        if let Some(first) = seen.insert(&field.stored, field)
            && field.cfgs.is_empty()
            && first.cfgs.is_empty()
            && field.id.is_none()
        {
            errors.add(
                &field.stored_span,
                format!("`{}` is already the stored name of `{}`: choose another", field.stored, first.name),
            );
        }
        if matches!(field.codec, Codec::Value) {
            stored_type(&field.ty, errors);
        }
    }
    for field in fields {
        keys(field, errors);
    }
}

fn keys(field: &FieldModel, errors: &mut Errors) {
    if let (Some(span), true) = (field.id, field.skip) {
        errors.add(&span, "the id is always stored: remove `skip`");
    }
    if let (Some(_), Some(span)) = (field.id, field.unique) {
        errors.add(&span, "the id is unique already: remove `unique`");
    }
    if let (Some(_), Some((span, _))) = (field.id, field.index) {
        errors.add(&span, "the id has an index already: remove `index`");
    }
    if let (true, Some(span)) = (field.skip, field.unique) {
        errors.add(&span, "a field that is not stored cannot be unique: remove `unique` or `skip`");
    }
    if let (true, Some((span, _))) = (field.skip, field.index) {
        errors.add(&span, "a field that is not stored cannot have an index: remove `index` or `skip`");
    }
    if let (Some(_), Some((span, _))) = (field.unique, field.index) {
        errors.add(&span, "a unique field has an index already: remove `index`");
    }
    if let (Some(_), Some(span)) = (field.created_at, field.updated_at) {
        errors.add(&span, "a field keeps one moment: remove `created_at` or `updated_at`");
    }
    personal(field, errors);
}

fn personal(field: &FieldModel, errors: &mut Errors) {
    if let Some(span) = field.personal {
        if field.id.is_some() {
            errors.add(&span, "the id stands in the name of the stream and is never erased: remove `personal`");
        } else if field.subject.is_some() {
            errors.add(&span, "the subject says whose data it is and is never erased: remove `personal` or `subject`");
        } else if field.skip {
            errors.add(&span, "a field that is not stored is in no event: remove `personal` or `skip`");
        } else if matches!(field.codec, Codec::With(..)) {
            errors.add(&span, "a field that functions of its own store may not know null: remove `personal`");
        }
    }
    if let Some(span) = field.subject {
        if field.id.is_some() {
            errors.add(&span, "the id is the subject unless another field is: remove `subject`");
        } else if field.skip {
            errors.add(&span, "a field that is not stored cannot be the subject: remove `subject` or `skip`");
        } else if !field.cfgs.is_empty() {
            errors.add(&span, "whose data it is cannot depend on how the program is built: remove `#[cfg]`");
        }
    }
}

/// Types that no store can hold.
fn stored_type(ty: &Type, errors: &mut Errors) {
    struct Finder<'e>(&'e mut Errors);
    impl<'ast> Visit<'ast> for Finder<'_> {
        fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
            self.0.over(
                reference,
                "stored fields own their data: write `String` for `&str`, `Vec<T>` for `&[T]`, `T` for `&T`",
            );
        }

        fn visit_type_path(&mut self, path: &'ast TypePath) {
            for wide in ["u128", "i128"] {
                if path.path.is_ident(wide) {
                    self.0.over(path, format!("`{wide}` has no stored form: use `i64`, `Decimal` or `String`"));
                }
            }
            visit::visit_type_path(self, path);
        }
    }
    Finder(errors).visit_type(ty);
}
