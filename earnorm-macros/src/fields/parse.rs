//! Reads the attributes of fields.

use proc_macro2::{Ident, Span};
use quote::format_ident;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, Field, FieldsNamed, LitStr, Path, parse_quote};

use super::{Absent, Codec, FieldModel, Rule, Scope};
use crate::args::{self, Arg, ArgValue};
use crate::errors::Errors;
use crate::names;
use crate::serde_attrs::{SerdeAttrs, SerdeDefault};

/// What the field's own attributes say, before serde's are considered.
#[derive(Default)]
struct Own {
    rename: Option<LitStr>,
    constant: Option<LitStr>,
    skip: bool,
    serde: bool,
    default: Option<Absent>,
    id: Option<Span>,
    unique: Option<Span>,
    index: Option<(Span, bool)>,
    created_at: Option<Span>,
    updated_at: Option<Span>,
    personal: Option<Span>,
    subject: Option<Span>,
}

/// Reads all fields. `cases` come from the container's `rename_all`, `prefix` keeps generated names apart.
pub(crate) fn parse(
    fields: &FieldsNamed,
    scope: Scope,
    container: &SerdeAttrs,
    prefix: &str,
    type_name: &str,
    errors: &mut Errors,
) -> Vec<FieldModel> {
    fields.named.iter().filter_map(|field| parse_field(field, scope, container, (prefix, type_name), errors)).collect()
}

fn parse_field(
    field: &Field,
    scope: Scope,
    container: &SerdeAttrs,
    (prefix, type_name): (&str, &str),
    errors: &mut Errors,
) -> Option<FieldModel> {
    let ident = field.ident.clone()?;
    let name = ident.unraw().to_string();
    let own = read_own(field, scope, errors);
    let serde = SerdeAttrs::read(&field.attrs, errors);
    refuse(&own, &serde, errors);
    let default_fn = format_ident!("__earnorm_default_{prefix}{name}");
    let serde_attributes = translate(&own, &serde, &format!("{type_name}::{default_fn}"));
    let (stored, stored_span) = stored_name(&own, &serde, container, &name, &ident);
    let absent = absent(own.default, serde.default, container);
    let skip = own.skip || serde.skip;
    let constant = constant(&own.constant, &ident, errors);
    Some(FieldModel {
        vis: field.vis.clone(),
        ty: field.ty.clone(),
        cfgs: field.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg")).cloned().collect(),
        rules: Rule::read(&field.attrs, scope, errors),
        ident,
        name,
        stored,
        stored_span,
        constant,
        id: own.id,
        unique: own.unique,
        index: own.index,
        created_at: own.created_at,
        updated_at: own.updated_at,
        personal: own.personal,
        subject: own.subject,
        skip,
        absent,
        codec: codec(own.serde, serde.serialize_with, serde.deserialize_with),
        default_fn,
        serde_attributes,
    })
}

fn codec(serde: bool, serialize: Option<Path>, deserialize: Option<Path>) -> Codec {
    match (serde, &serialize, &deserialize) {
        (false, ..) => Codec::Value,
        (true, None, None) => Codec::Serde,
        (true, ..) => Codec::With(serialize, deserialize),
    }
}

fn stored_name(own: &Own, serde: &SerdeAttrs, container: &SerdeAttrs, name: &str, ident: &Ident) -> (String, Span) {
    if own.id.is_some() {
        return ("_id".to_owned(), ident.span());
    }
    match (&own.rename, &serde.rename, container.rename_all) {
        (Some(text), ..) | (None, Some(text), _) => (text.value(), text.span()),
        (None, None, Some(case)) => (case.field(name), ident.span()),
        (None, None, None) => (name.to_owned(), ident.span()),
    }
}

fn absent(own: Option<Absent>, serde: Option<SerdeDefault>, container: &SerdeAttrs) -> Absent {
    match (own, serde, &container.default) {
        (Some(own), ..) => own,
        (None, Some(SerdeDefault::Trait), _) => Absent::Trait,
        (None, Some(SerdeDefault::Path(path)), _) => Absent::Function(path),
        (None, None, Some(_)) => Absent::Container,
        (None, None, None) => Absent::Type,
    }
}

fn constant(given: &Option<LitStr>, ident: &Ident, errors: &mut Errors) -> Ident {
    let name = ident.unraw().to_string();
    if let Some(text) = given {
        match text.parse::<Ident>() {
            Ok(constant) => return constant,
            Err(_) => errors.add(text, "this is not a name for a constant: write one like `OTHER_NAME`"),
        }
    }
    Ident::new(&names::screaming(&name), ident.span())
}

/// What serde would do against the storage.
fn refuse(own: &Own, serde: &SerdeAttrs, errors: &mut Errors) {
    if let Some(span) = serde.flatten {
        errors.add(
            &span,
            "a stored field cannot be flattened: remove `flatten`, so that the embedded struct is a document of its own",
        );
    }
    if let (Some(span), false, false) = (serde.with_span, own.serde, own.skip || serde.skip) {
        errors.add(
            &span,
            "this changes what serde writes, but not what is stored: add `#[model(serde)]` to store what serde writes",
        );
    }
}

/// The serde attributes that a derive added by the macro needs to agree with the stored form.
fn translate(own: &Own, serde: &SerdeAttrs, default_fn: &str) -> Vec<Attribute> {
    let mut out: Vec<Attribute> = Vec::new();
    if let (Some(rename), None) = (&own.rename, &serde.rename) {
        out.push(parse_quote!(#[serde(rename = #rename)]));
    }
    if own.skip && !serde.skip {
        out.push(parse_quote!(#[serde(skip)]));
    }
    match (&own.default, &serde.default) {
        (Some(Absent::Trait), None) => out.push(parse_quote!(#[serde(default)])),
        (Some(Absent::Expr(_)), None) => out.push(parse_quote!(#[serde(default = #default_fn)])),
        _ => {}
    }
    out
}

fn read_own(field: &Field, scope: Scope, errors: &mut Errors) -> Own {
    let mut own = Own::default();
    for attribute in field.attrs.iter().filter(|attribute| is_own(attribute, scope)) {
        for arg in args::of_attribute(attribute, &[], errors) {
            take(&mut own, &arg, scope, errors);
        }
    }
    own
}

const KEYS: [&str; 12] = [
    "id",
    "unique",
    "index",
    "default",
    "rename",
    "skip",
    "created_at",
    "updated_at",
    "personal",
    "subject",
    "serde",
    "constant",
];

fn take(own: &mut Own, arg: &Arg, scope: Scope, errors: &mut Errors) {
    let name = arg.name();
    if misplaced(&name, scope) {
        let cure = if scope == Scope::Event { "remove it" } else { "write it on a field of the model" };
        errors.add(&arg.key, format!("`{name}` does nothing here: {cure}"));
        return;
    }
    match name.as_str() {
        "id" => own.id = arg.flag(errors).then(|| arg.key.span()),
        "unique" => own.unique = arg.flag(errors).then(|| arg.key.span()),
        "index" => own.index = direction(arg, errors).map(|descending| (arg.key.span(), descending)),
        "created_at" => own.created_at = arg.flag(errors).then(|| arg.key.span()),
        "updated_at" => own.updated_at = arg.flag(errors).then(|| arg.key.span()),
        "personal" => own.personal = arg.flag(errors).then(|| arg.key.span()),
        "subject" => own.subject = arg.flag(errors).then(|| arg.key.span()),
        "skip" => own.skip = arg.flag(errors),
        "serde" => own.serde = arg.flag(errors),
        "rename" => own.rename = arg.text(errors),
        "constant" => own.constant = arg.text(errors),
        "default" => {
            own.default = Some(match &arg.value {
                ArgValue::Value(value) => Absent::Expr(Box::new(value.clone())),
                ArgValue::Flag | ArgValue::List(_) => Absent::Trait,
            });
        }
        _ => errors.unknown(&arg.key, "key", &name, &KEYS),
    }
}

/// Whether a key exists, but not for this kind of field.
fn misplaced(name: &str, scope: Scope) -> bool {
    match name {
        "id" | "unique" | "index" | "created_at" | "updated_at" | "subject" => scope != Scope::Model,
        "personal" => matches!(scope, Scope::Embedded | Scope::Variant),
        "constant" => matches!(scope, Scope::Event | Scope::Variant),
        _ => false,
    }
}

fn direction(arg: &Arg, errors: &mut Errors) -> Option<bool> {
    let (word, span) = match &arg.value {
        ArgValue::Flag => return Some(false),
        ArgValue::Value(_) => arg.text(errors).map(|text| (text.value(), text.span()))?,
        ArgValue::List(tokens) => (tokens.to_string(), tokens.span()),
    };
    match word.as_str() {
        "asc" => Some(false),
        "desc" => Some(true),
        _ => {
            errors.add(&span, "an index on a field is `index`, `index = \"asc\"` or `index = \"desc\"`");
            None
        }
    }
}

fn is_own(attribute: &Attribute, scope: Scope) -> bool {
    attribute.path().is_ident("model") || (scope == Scope::Event && attribute.path().is_ident("event"))
}

/// Removes the markers of this macro from fields.
pub(crate) fn strip(fields: &mut syn::Fields) {
    for field in fields.iter_mut() {
        field
            .attrs
            .retain(|attribute| !["model", "event", "validate"].iter().any(|marker| attribute.path().is_ident(marker)));
    }
}
