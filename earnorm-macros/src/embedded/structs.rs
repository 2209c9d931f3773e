//! Embedded structs: documents within documents; one unnamed field is stored as itself.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Fields, ItemStruct, Type};

use super::only_models;
use crate::derives::{self, Wish};
use crate::errors::Errors;
use crate::fields::{self, Access, FieldModel, Scope};
use crate::keys::ModelKeys;
use crate::runtime::Runtime;
use crate::serde_attrs::SerdeAttrs;

/// The whole expansion.
pub(crate) fn expand(keys: &ModelKeys, mut item: ItemStruct, mut errors: Errors) -> TokenStream {
    only_models(keys, &mut errors);
    if !item.generics.params.is_empty() {
        errors.over(&item.generics, "an embedded type has no generics: write one type for each stored form");
    }
    let container = SerdeAttrs::read(&item.attrs, &mut errors);
    let (mut fields, mut inner) = (Vec::new(), None);
    match &item.fields {
        Fields::Named(named) => {
            fields = fields::parse(named, Scope::Embedded, &container, "", &item.ident.to_string(), &mut errors);
            fields::check(&fields, &mut errors);
        }
        Fields::Unnamed(unnamed) if unnamed.unnamed.len() == 1 => {
            inner = unnamed.unnamed.first().map(|field| field.ty.clone());
        }
        Fields::Unnamed(_) => errors.add(&item.ident, "the fields of an embedded struct need names, which are stored"),
        Fields::Unit => errors.add(&item.ident, "this struct holds nothing to store: give it a field"),
    }
    let wish = Wish { rt: &keys.runtime, serde: keys.serde, broken: !errors.is_empty() };
    let stand_in = derives::dress_struct(&mut item, &fields, wish);
    let (rt, ident) = (&keys.runtime, &item.ident);
    let generated = match (inner, errors.is_empty()) {
        (_, false) if !item.generics.params.is_empty() => TokenStream::new(),
        (_, false) => fallback(rt, ident, &fields),
        (Some(inner), true) => newtype(rt, ident, &inner),
        (None, true) => document(rt, ident, &fields),
    };
    let mistakes = errors.into_tokens();
    quote!(#item #stand_in #generated #mistakes)
}

fn document(rt: &Runtime, ident: &Ident, fields: &[FieldModel]) -> TokenStream {
    let local = |name| Ident::new(name, Span::mixed_site());
    let (document, path, errors) = (local("document"), local("path"), local("errors"));
    let (constants, defaults) = (fields::constants(rt, fields), fields::default_functions(fields));
    let encode = fields::encode(rt, fields, Access::OfSelf, &quote!(#document));
    let decode = fields::decode(rt, fields, &quote!(#document));
    let checks = fields::checks(rt, fields, Some(&quote!(#path)), &quote!(#errors));
    let shapes = fields::shapes(rt, fields);
    let shape = named(rt, &quote!(#rt::shape::Shape::Struct(&[#shapes])));
    quote! {
        #[automatically_derived]
        impl #ident {
            #constants
            #defaults
        }
        const _: () = {
            #[automatically_derived]
            impl #rt::Value for #ident {
                const KIND: #rt::StoredKind = #rt::StoredKind::Document;
                #shape
                fn encode(&self) -> ::core::result::Result<#rt::bson::Bson, #rt::EncodeError> {
                    let mut #document = #rt::Encoding::new();
                    #encode
                    #document.finish().map(#rt::bson::Bson::Document)
                }
                fn decode(stored: &#rt::bson::Bson) -> ::core::result::Result<Self, #rt::DecodeError> {
                    let #document = &#rt::fields_of(stored)?;
                    ::core::result::Result::Ok(Self { #decode })
                }
            }
            #[automatically_derived]
            impl #rt::Nested for #ident {
                fn check(&self, #path: &::core::primitive::str, #errors: &mut #rt::ValidationErrors) {
                    let _ = (&#path, &#errors);
                    #checks
                }
            }
        };
    }
}

fn newtype(rt: &Runtime, ident: &Ident, inner: &Type) -> TokenStream {
    let span = Span::mixed_site().located_at(inner.span());
    let of = quote_spanned!(span=> <#inner as #rt::Value>);
    let nested = nothing_nested(rt, ident);
    let shape = named(rt, &quote!(#of::shape()));
    quote! {
        const _: () = {
            #[automatically_derived]
            impl #rt::Value for #ident {
                const KIND: #rt::StoredKind = #of::KIND;
                const OPTIONAL: ::core::primitive::bool = #of::OPTIONAL;
                #shape
                fn encode(&self) -> ::core::result::Result<#rt::bson::Bson, #rt::EncodeError> {
                    #of::encode(&self.0)
                }
                fn decode(stored: &#rt::bson::Bson) -> ::core::result::Result<Self, #rt::DecodeError> {
                    ::core::result::Result::map(#of::decode(stored), Self)
                }
                fn absent() -> ::core::result::Result<Self, #rt::DecodeError> {
                    ::core::result::Result::map(#of::absent(), Self)
                }
            }
            #nested
        };
    }
}

/// The method that answers the shape of a type with a name.
pub(super) fn named(rt: &Runtime, shape: &TokenStream) -> TokenStream {
    quote! {
        fn shape() -> #rt::shape::Shape {
            #rt::shape::Shape::Named(::core::any::TypeId::of::<Self>, || #shape)
        }
    }
}

/// A type without rules may still stand in a field with `nested`.
pub(super) fn nothing_nested(rt: &Runtime, ident: &Ident) -> TokenStream {
    quote! {
        #[automatically_derived]
        impl #rt::Nested for #ident {
            fn check(&self, _: &::core::primitive::str, _: &mut #rt::ValidationErrors) {}
        }
    }
}

/// What keeps one mistake one error: a type that fields can have.
pub(super) fn fallback(rt: &Runtime, ident: &Ident, fields: &[FieldModel]) -> TokenStream {
    let nested = nothing_nested(rt, ident);
    let defaults = fields::default_functions(fields);
    let mut seen = std::collections::BTreeSet::new();
    let constants = fields.iter().filter(|field| seen.insert(field.constant.to_string())).map(|field| {
        let FieldModel { vis, constant, ty, .. } = field;
        quote!(#[allow(dead_code)] #vis const #constant: #rt::Field<Self, #ty> = #rt::Field::new("");)
    });
    quote! {
        #[automatically_derived]
        impl #ident { #(#constants)* #defaults }
        const _: () = {
            #[automatically_derived]
            impl #rt::Value for #ident {
                const KIND: #rt::StoredKind = #rt::StoredKind::Any;
                fn encode(&self) -> ::core::result::Result<#rt::bson::Bson, #rt::EncodeError> { loop {} }
                fn decode(_: &#rt::bson::Bson) -> ::core::result::Result<Self, #rt::DecodeError> { loop {} }
            }
            #nested
        };
    }
}
