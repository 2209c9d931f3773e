//! Embedded enums: a variant without content is its name, one with content a document with one field.

use std::collections::BTreeMap;

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::ItemEnum;

use super::only_models;
use super::structs::{fallback, named, nothing_nested};
use super::variant::{Content, VariantIr};
use crate::derives::{self, Wish};
use crate::errors::Errors;
use crate::fields;
use crate::keys::ModelKeys;
use crate::runtime::Runtime;
use crate::serde_attrs::SerdeAttrs;

/// The whole expansion.
pub(crate) fn expand(keys: &ModelKeys, mut item: ItemEnum, mut errors: Errors) -> TokenStream {
    only_models(keys, &mut errors);
    if !item.generics.params.is_empty() {
        errors.over(&item.generics, "an embedded type has no generics: write one type for each stored form");
    }
    if item.variants.is_empty() {
        errors.add(&item.ident, "this enum has no value to store: give it a variant");
    }
    let container = SerdeAttrs::read(&item.attrs, &mut errors);
    let type_name = item.ident.to_string();
    let variants: Vec<VariantIr> =
        item.variants.iter().map(|variant| VariantIr::read(variant, &container, &type_name, &mut errors)).collect();
    check(&variants, &mut errors);
    let wish = Wish { rt: &keys.runtime, serde: keys.serde, broken: !errors.is_empty() };
    let for_serde =
        variants.iter().map(|variant| (variant.serde_attributes.as_slice(), variant.fields().collect::<Vec<_>>()));
    let stand_in = derives::dress_enum(&mut item, for_serde, wish);
    let (rt, ident) = (&keys.runtime, &item.ident);
    let generated = if errors.is_empty() {
        value(rt, ident, &variants)
    } else if item.generics.params.is_empty() {
        let all = variants.iter().flat_map(VariantIr::fields);
        let defaults: TokenStream = all.map(|field| fields::default_functions(std::slice::from_ref(field))).collect();
        let fallback = fallback(rt, ident, &[]);
        quote!(#[automatically_derived] impl #ident { #defaults } #fallback)
    } else {
        TokenStream::new()
    };
    let mistakes = errors.into_tokens();
    quote!(#item #stand_in #generated #mistakes)
}

fn check(variants: &[VariantIr], errors: &mut Errors) {
    let mut seen: BTreeMap<&str, &Ident> = BTreeMap::new();
    for variant in variants {
        if variant.stored.is_empty() || variant.stored.contains(['.', '$', '\0']) {
            let reason =
                format!("the stored name `{}` is empty or holds `.`, `$` or NUL: choose another", variant.stored);
            errors.add(&variant.stored_span, reason);
        }
        if let Some(first) = seen.insert(&variant.stored, &variant.ident) {
            errors.add(
                &variant.stored_span,
                format!("`{}` is already the stored name of `{first}`: choose another", variant.stored),
            );
        }
    }
}

fn value(rt: &Runtime, ident: &Ident, variants: &[VariantIr]) -> TokenStream {
    let units = variants.iter().filter(|variant| matches!(variant.content, Content::Unit)).count();
    let kind = match units {
        0 => quote!(Document),
        all if all == variants.len() => quote!(String),
        _ => quote!(Any),
    };
    let all = variants.iter().flat_map(VariantIr::fields);
    let defaults: TokenStream = all.map(|field| fields::default_functions(std::slice::from_ref(field))).collect();
    let encode = variants.iter().map(|variant| variant.encode(rt));
    let decode = variants.iter().map(|variant| variant.decode(rt));
    let names = variants.iter().map(|variant| &variant.stored);
    let nested = nothing_nested(rt, ident);
    let shapes = variants.iter().map(|variant| variant.shape(rt));
    let shape = named(rt, &quote!(#rt::shape::Shape::Enum(&[#(#shapes),*])));
    quote! {
        #[automatically_derived]
        impl #ident { #defaults }
        const _: () = {
            #[automatically_derived]
            impl #rt::Value for #ident {
                const KIND: #rt::StoredKind = #rt::StoredKind::#kind;
                #shape
                fn encode(&self) -> ::core::result::Result<#rt::bson::Bson, #rt::EncodeError> {
                    match self { #(#encode)* }
                }
                fn decode(stored: &#rt::bson::Bson) -> ::core::result::Result<Self, #rt::DecodeError> {
                    match #rt::variant(stored)? {
                        #(#decode)*
                        (name, content) => {
                            ::core::result::Result::Err(#rt::unknown_variant(name, content, &[#(#names),*]))
                        }
                    }
                }
            }
            #nested
        };
    }
}
