//! `#[event_handler]` above a free function.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::ItemFn;
use syn::ext::IdentExt;

use super::expand::{self, Call};
use super::options::{self, Options, Place};
use super::signature;
use crate::errors::Errors;
use crate::hooks::{cfgs, output};
use crate::runtime::Runtime;

/// The whole expansion.
pub(crate) fn expand(tokens: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    let Ok(function) = syn::parse2::<ItemFn>(item.clone()) else {
        let message = match syn::parse2::<syn::ItemImpl>(item.clone()) {
            Ok(_) => {
                "`#[event_handler]` belongs above a function: write `#[model]` here and `#[on_event]` above a method"
            }
            Err(_) => "`#[event_handler]` belongs above a function",
        };
        errors.add(&Span::call_site(), message);
        let mistakes = errors.into_tokens();
        return quote!(#item #mistakes);
    };
    let options = options::read(tokens, Place::Free, Runtime::new(), &mut errors);
    let registration = match options {
        Some(options) => registration(&function, &options, &mut errors).filter(|_| errors.is_empty()),
        None => None,
    };
    let mistakes = errors.into_tokens();
    quote!(#function #registration #mistakes)
}

fn registration(function: &ItemFn, options: &Options, errors: &mut Errors) -> Option<TokenStream> {
    let signature = &function.sig;
    if let Some(receiver) = signature.receiver() {
        errors.over(
            receiver,
            "a method gets its instance with the event: write `#[model]` above this `impl` block and `#[on_event]` above the method",
        );
        return None;
    }
    if !signature::callable(signature, "a handler", errors) {
        return None;
    }
    let taken = signature::read(signature, Place::Free, options, errors)?;
    let ident = &signature.ident;
    let call = Call {
        rt: &options.runtime,
        callee: quote!(#ident),
        name: ident.span(),
        output: output(signature),
        is_async: signature.asyncness.is_some(),
        taken: &taken,
    };
    let parts = parts(&call, options);
    Some(expand::registration(&call, options, &ident.unraw().to_string(), &cfgs(&function.attrs), parts))
}

/// The function that the bus calls, and the handler made of it.
fn parts(call: &Call<'_>, options: &Options) -> (TokenStream, TokenStream) {
    let ty = call.event();
    if let Some((max, wait)) = &options.batch {
        let (function, maker) = call.function("batch", ["BatchOutcome", "Vec"], None);
        return (function, quote!(#maker::<#ty, _>(id, #max, #wait, __earnorm_call)));
    }
    let way = if options.transactional { "transactional" } else { "each" };
    let (function, maker) = call.function(way, ["HandlerOutcome", "one"], None);
    (function, quote!(#maker::<#ty, _>(id, __earnorm_call)))
}
