//! What is wrong with a model.

use syn::ItemStruct;

use super::ModelIr;
use crate::errors::Errors;
use crate::fields;
use crate::keys::CompoundIndex;
use crate::names;

pub(crate) fn check(ir: &ModelIr, item: &ItemStruct, errors: &mut Errors) {
    if !item.generics.params.is_empty() {
        errors.over(&item.generics, "a model has no generics: write one struct for each stored type");
    }
    model_names(ir, errors);
    if !ir.fields.is_empty() {
        ids(ir, errors);
    }
    fields::check(&ir.fields, errors);
    if ir.keys.sourced {
        for span in ir.fields.iter().flat_map(|field| [field.created_at, field.updated_at]).flatten() {
            errors
                .add(&span, "the fields of a sourced model come from its events: set this one in an `#[apply]` method");
        }
    }
    subjects(ir, errors);
    constants(ir, errors);
    for index in &ir.keys.indexes {
        compound(ir, index, errors);
    }
}

fn model_names(ir: &ModelIr, errors: &mut Errors) {
    if !names::is_word(&ir.name) {
        match &ir.keys.name {
            Some(text) => errors.add(
                text,
                format!("`{}` is not one lower-case word: write letters, digits and `_`, like `order_line`", ir.name),
            ),
            None => errors.add(&ir.ident, "this name makes no lower-case word: write `#[model(name = \"…\")]`"),
        }
    }
    let bad = ir.collection.is_empty() || ir.collection.starts_with("system.") || ir.collection.contains(['$', '\0']);
    if let (true, Some(text)) = (bad, &ir.keys.collection) {
        errors.add(text, "a collection has a name, which does not start with `system.` and holds no `$` or NUL");
    }
}

fn ids(ir: &ModelIr, errors: &mut Errors) {
    let mut ids = ir.fields.iter().filter_map(|field| field.id.map(|span| (field, span)));
    let Some((first, _)) = ids.next() else {
        errors.add(&ir.ident, "a model needs an id: write `#[model(id)]` on the field that identifies an instance");
        return;
    };
    for (field, span) in ids {
        errors.add(
            &span,
            format!("a model has one id, and `{}` is it already: remove `id` from `{}`", first.name, field.name),
        );
    }
}

fn subjects(ir: &ModelIr, errors: &mut Errors) {
    let mut subjects = ir.fields.iter().filter_map(|field| field.subject.map(|span| (field, span)));
    let Some((first, _)) = subjects.next() else { return };
    for (field, span) in subjects {
        errors.add(
            &span,
            format!(
                "the personal data of a model has one subject, and `{}` names it already: remove `subject` from `{}`",
                first.name, field.name
            ),
        );
    }
}

fn constants(ir: &ModelIr, errors: &mut Errors) {
    let mut seen = std::collections::BTreeMap::new();
    for field in ir.fields.iter().filter(|field| !field.skip && field.cfgs.is_empty()) {
        if let Some(first) = seen.insert(field.constant.to_string(), &field.name) {
            errors.add(
                &field.constant,
                format!(
                    "`{first}` has a constant `{}` already: name this one with `#[model(constant = \"OTHER\")]`",
                    field.constant
                ),
            );
        }
    }
}

fn compound(ir: &ModelIr, index: &CompoundIndex, errors: &mut Errors) {
    let known: Vec<&str> = ir.fields.iter().map(|field| field.name.as_str()).collect();
    let mut seen = std::collections::BTreeSet::new();
    for part in &index.parts {
        let name = syn::ext::IdentExt::unraw(&part.field).to_string();
        match ir.fields.iter().find(|field| field.name == name) {
            None => errors.unknown(&part.field, "field", &name, &known),
            Some(field) if field.skip => {
                errors.add(&part.field, format!("`{name}` is not stored and cannot be part of an index"));
            }
            Some(_) if !seen.insert(name.clone()) => {
                errors.add(&part.field, format!("`{name}` is part of this index already: remove one"));
            }
            Some(_) => {}
        }
    }
    if let (true, [only]) = (index.unique, index.parts.as_slice())
        && ir.fields.iter().any(|field| field.id.is_some() && only.field == field.ident)
    {
        errors.add(&index.span, "the id is unique already: remove this index");
    }
}
