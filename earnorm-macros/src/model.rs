//! `#[model]` on a struct: parse → model → check → expand.

mod check;
mod expand;

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::ext::IdentExt;
use syn::{Fields, ItemStruct};

use crate::derives::{self, Wish};
use crate::errors::Errors;
use crate::fields::{self, FieldModel, Scope};
use crate::keys::ModelKeys;
use crate::names;
use crate::serde_attrs::SerdeAttrs;

/// A model, as its attributes describe it.
pub(crate) struct ModelIr {
    pub(crate) ident: Ident,
    /// Its name in Rust, without `r#`.
    pub(crate) rust_name: String,
    /// The category of its streams.
    pub(crate) name: String,
    pub(crate) collection: String,
    pub(crate) fields: Vec<FieldModel>,
    pub(crate) keys: ModelKeys,
}

/// The whole expansion.
pub(crate) fn expand(keys: ModelKeys, mut item: ItemStruct, mut errors: Errors) -> TokenStream {
    let container = SerdeAttrs::read(&item.attrs, &mut errors);
    let rust_name = item.ident.unraw().to_string();
    let fields = match &item.fields {
        Fields::Named(named) => {
            fields::parse(named, Scope::Model, &container, "", &item.ident.to_string(), &mut errors)
        }
        Fields::Unnamed(_) | Fields::Unit => {
            errors.add(&item.ident, "a model needs fields with names, one of them marked `#[model(id)]`");
            Vec::new()
        }
    };
    let name = keys.name.as_ref().map_or_else(|| names::snake(&rust_name), syn::LitStr::value);
    let collection =
        keys.collection.as_ref().map_or_else(|| format!("{}s", names::snake(&rust_name)), syn::LitStr::value);
    let ir = ModelIr { ident: item.ident.clone(), rust_name, name, collection, fields, keys };
    check::check(&ir, &item, &mut errors);
    let wish = Wish { rt: &ir.keys.runtime, serde: ir.keys.serde, broken: !errors.is_empty() };
    let stand_in = derives::dress_struct(&mut item, &ir.fields, wish);
    let generated = if errors.is_empty() { expand::model(&ir) } else { expand::fallback(&ir, &item) };
    let mistakes = errors.into_tokens();
    quote!(#item #stand_in #generated #mistakes)
}
