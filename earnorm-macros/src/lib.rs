//! The attribute macros of EarnORM.
#![forbid(unsafe_code)]

mod args;
mod derives;
mod errors;
mod fields;
mod keys;
mod model;
mod names;
mod runtime;
mod serde_attrs;

use proc_macro::TokenStream;

/// Makes a struct a model.
#[proc_macro_attribute]
pub fn model(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = errors::Errors::new();
    let keys = keys::ModelKeys::parse(args.into(), &mut errors);
    let item = syn::parse_macro_input!(item as syn::ItemStruct);
    model::expand(keys, item, errors).into()
}
