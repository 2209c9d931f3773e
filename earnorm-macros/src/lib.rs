//! The attribute macros of EarnORM.
#![forbid(unsafe_code)]

mod args;
mod derives;
mod dispatch;
mod embedded;
mod errors;
mod event;
mod fields;
mod hooks;
mod keys;
mod model;
mod names;
mod runtime;
mod serde_attrs;

use proc_macro::TokenStream;

/// Makes a struct a model.
#[proc_macro_attribute]
pub fn model(args: TokenStream, item: TokenStream) -> TokenStream {
    dispatch::expand(args.into(), item.into()).into()
}

/// HOOK pre_save
#[proc_macro_attribute]
pub fn pre_save(args: TokenStream, item: TokenStream) -> TokenStream {
    hooks::expand_free(hooks::Phase::PreSave, args.into(), item.into()).into()
}

/// HOOK pre_create
#[proc_macro_attribute]
pub fn pre_create(args: TokenStream, item: TokenStream) -> TokenStream {
    hooks::expand_free(hooks::Phase::PreCreate, args.into(), item.into()).into()
}

/// HOOK pre_update
#[proc_macro_attribute]
pub fn pre_update(args: TokenStream, item: TokenStream) -> TokenStream {
    hooks::expand_free(hooks::Phase::PreUpdate, args.into(), item.into()).into()
}

/// HOOK pre_delete
#[proc_macro_attribute]
pub fn pre_delete(args: TokenStream, item: TokenStream) -> TokenStream {
    hooks::expand_free(hooks::Phase::PreDelete, args.into(), item.into()).into()
}

/// HOOK post_save
#[proc_macro_attribute]
pub fn post_save(args: TokenStream, item: TokenStream) -> TokenStream {
    hooks::expand_free(hooks::Phase::PostSave, args.into(), item.into()).into()
}

/// HOOK post_create
#[proc_macro_attribute]
pub fn post_create(args: TokenStream, item: TokenStream) -> TokenStream {
    hooks::expand_free(hooks::Phase::PostCreate, args.into(), item.into()).into()
}

/// HOOK post_update
#[proc_macro_attribute]
pub fn post_update(args: TokenStream, item: TokenStream) -> TokenStream {
    hooks::expand_free(hooks::Phase::PostUpdate, args.into(), item.into()).into()
}

/// HOOK post_delete
#[proc_macro_attribute]
pub fn post_delete(args: TokenStream, item: TokenStream) -> TokenStream {
    hooks::expand_free(hooks::Phase::PostDelete, args.into(), item.into()).into()
}

/// HOOK post_load
#[proc_macro_attribute]
pub fn post_load(args: TokenStream, item: TokenStream) -> TokenStream {
    hooks::expand_free(hooks::Phase::PostLoad, args.into(), item.into()).into()
}

/// HOOK validate
#[proc_macro_attribute]
pub fn validate(args: TokenStream, item: TokenStream) -> TokenStream {
    hooks::expand_free(hooks::Phase::Validate, args.into(), item.into()).into()
}

/// APPLY
#[proc_macro_attribute]
pub fn apply(_args: TokenStream, item: TokenStream) -> TokenStream {
    hooks::misplaced_apply(item.into()).into()
}

/// EVENT
#[proc_macro_attribute]
pub fn event(args: TokenStream, item: TokenStream) -> TokenStream {
    event::expand(args.into(), item.into()).into()
}
