//! `#[event]` on a struct: parse → model → check → expand.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{Fields, Item, ItemStruct, LitStr};

use crate::derives::{self, Wish};
use crate::errors::Errors;
use crate::fields::{self, Access, FieldModel, Scope};
use crate::names;
use crate::runtime::Runtime;
use crate::serde_attrs::SerdeAttrs;
use crate::{args, keys};

/// What `#[event(…)]` says.
struct EventKeys {
    runtime: Runtime,
    name: Option<LitStr>,
    version: u32,
    serde: bool,
}

/// The whole expansion.
pub(crate) fn expand(tokens: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    let keys = read_keys(tokens, &mut errors);
    let mut item = match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Struct(item)) => item,
        Ok(Item::Enum(other)) => {
            errors.add(&other.ident, "an event is a struct: write one struct for each thing that can happen");
            let mistakes = errors.into_tokens();
            return quote!(#item #mistakes);
        }
        _ => {
            errors.over(&item, "`#[event]` belongs above a struct");
            let mistakes = errors.into_tokens();
            return quote!(#item #mistakes);
        }
    };
    let name = keys.name.as_ref().map_or_else(|| names::snake(&item.ident.unraw().to_string()), LitStr::value);
    let fields = read_fields(&item, &mut errors);
    check(&item, &keys, &name, &fields, &mut errors);
    let wish = Wish { rt: &keys.runtime, serde: keys.serde, broken: !errors.is_empty() };
    let stand_in = derives::dress_struct(&mut item, &fields, wish);
    let generated = generated(&item, &keys, &name, &fields, !errors.is_empty());
    let mistakes = errors.into_tokens();
    quote!(#item #stand_in #generated #mistakes)
}

fn read_keys(tokens: TokenStream, errors: &mut Errors) -> EventKeys {
    let mut read = EventKeys { runtime: Runtime::new(), name: None, version: 1, serde: true };
    for arg in args::parse(tokens, &[], errors) {
        match arg.name().as_str() {
            "name" => read.name = arg.text(errors),
            "version" => read.version = keys::version(&arg, errors).unwrap_or(1),
            "crate" => read.runtime = Runtime::of(&arg, errors),
            "serde" => read.serde = keys::yes_or_no(&arg, errors),
            other => errors.unknown(&arg.key, "key", other, &["name", "version", "crate", "serde"]),
        }
    }
    read
}

fn read_fields(item: &ItemStruct, errors: &mut Errors) -> Vec<FieldModel> {
    let container = SerdeAttrs::read(&item.attrs, errors);
    match &item.fields {
        Fields::Named(named) => fields::parse(named, Scope::Event, &container, "", &item.ident.to_string(), errors),
        Fields::Unit => Vec::new(),
        Fields::Unnamed(unnamed) => {
            errors.over(unnamed, "the fields of an event need names, which are its stored names");
            Vec::new()
        }
    }
}

fn check(item: &ItemStruct, keys: &EventKeys, name: &str, fields: &[FieldModel], errors: &mut Errors) {
    if !item.generics.params.is_empty() {
        errors.over(&item.generics, "an event has no generics: write one struct for each thing that can happen");
    }
    let at = keys.name.as_ref().map_or_else(|| item.ident.span(), LitStr::span);
    if names::RESERVED_EVENTS.contains(&name) {
        errors.add(
            &at,
            format!("`{name}` is what the library records by itself: name what happened, like `payment_received`"),
        );
    } else if !names::is_word(name) {
        errors.add(
            &at,
            format!("`{name}` is not one lower-case word: write letters, digits and `_`, like `payment_received`"),
        );
    }
    fields::check(fields, errors);
}

fn generated(item: &ItemStruct, keys: &EventKeys, name: &str, fields: &[FieldModel], broken: bool) -> TokenStream {
    if !item.generics.params.is_empty() || matches!(item.fields, Fields::Unnamed(_)) {
        return TokenStream::new();
    }
    let (rt, ident, version) = (&keys.runtime, &item.ident, keys.version);
    let local = |name| Ident::new(name, Span::mixed_site());
    let (document, data) = (local("document"), local("data"));
    let encode = fields::encode(rt, fields, Access::OfSelf, &quote!(#document));
    let decode = fields::decode(rt, fields, &quote!(#data));
    let defaults = fields::default_functions(fields);
    let personal = fields::personal(rt, fields);
    let shapes = if broken { TokenStream::new() } else { fields::shapes(rt, fields) };
    let span = Span::mixed_site().located_at(ident.span());
    let registration = quote_spanned!(span=> #rt::EventRegistration::of::<#ident>());
    let submit = (!broken).then(|| quote!(#rt::inventory::submit! { #registration }));
    let (encode, decode) = if broken {
        (quote!(loop {}), quote!(loop {}))
    } else {
        (
            quote! {
                #[allow(unused_mut)]
                let mut #document = #rt::Encoding::new();
                #encode
                #document.finish()
            },
            quote! {
                let #data = &#rt::Fields::of(#data);
                let _ = #data;
                ::core::result::Result::Ok(Self { #decode })
            },
        )
    };
    quote! {
        #[automatically_derived]
        impl #ident { #defaults }
        const _: () = {
            #[automatically_derived]
            impl #rt::Event for #ident {
                const NAME: &'static str = #name;
                const VERSION: u32 = #version;
                const PERSONAL: &'static [&'static str] = &[#personal];
                const FIELDS: &'static [#rt::shape::Field] = &[#shapes];
                fn encode(&self) -> ::core::result::Result<#rt::bson::Document, #rt::EncodeError> {
                    #encode
                }
                fn decode(#data: &#rt::bson::Document) -> ::core::result::Result<Self, #rt::DecodeError> {
                    #decode
                }
            }
            #submit
        };
    }
}
