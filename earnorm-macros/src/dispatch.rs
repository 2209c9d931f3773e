//! What `#[model]` stands above decides what it does.

use proc_macro2::TokenStream;
use quote::quote;
use syn::spanned::Spanned;
use syn::{Item, parse2};

use crate::errors::Errors;
use crate::keys::ModelKeys;
use crate::{embedded, hooks, model};

pub(crate) fn expand(args: TokenStream, tokens: TokenStream) -> TokenStream {
    let item = match parse2::<Item>(tokens.clone()) {
        Ok(item) => item,
        Err(error) => {
            let mistakes = error.into_compile_error();
            return quote!(#tokens #mistakes);
        }
    };
    match item {
        Item::Impl(block) => hooks::expand_block(args, block),
        Item::Struct(item) => {
            let mut errors = Errors::new();
            let keys = ModelKeys::parse(args, &mut errors);
            if keys.embedded.is_some() {
                embedded::expand_struct(&keys, item, errors)
            } else {
                model::expand(keys, item, errors)
            }
        }
        Item::Enum(item) => {
            let mut errors = Errors::new();
            let keys = ModelKeys::parse(args, &mut errors);
            if keys.embedded.is_none() {
                errors.add(
                    &item.ident,
                    "a model is a struct: write `#[model(embedded)]` to store this enum in a field of one",
                );
            }
            embedded::expand_enum(&keys, item, errors)
        }
        other => refuse(&other),
    }
}

fn refuse(item: &Item) -> TokenStream {
    let mut errors = Errors::new();
    let (at, message) = match item {
        Item::Enum(item) => {
            (item.ident.span(), "a model is a struct: write `#[model(embedded)]` to store this enum in a field of one")
        }
        Item::Union(item) => (item.ident.span(), "a model is a struct, and a union has no stored form"),
        Item::Fn(function) => (
            function.sig.ident.span(),
            "`#[model]` belongs above a struct or an `impl` block: a hook takes a marker such as `#[pre_save]`",
        ),
        other => (other.span(), "`#[model]` belongs above a struct or an `impl` block"),
    };
    errors.add(&at, message);
    let mistakes = errors.into_tokens();
    quote!(#item #mistakes)
}
