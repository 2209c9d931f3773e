//! `#[event_handler]` above a free function.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::ItemFn;
use syn::ext::IdentExt;

use super::expand::{self, Call, Names};
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
    let registration = registration(&function, &options, &mut errors).filter(|_| errors.is_empty());
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
        batch: options.batch.is_some(),
        owns_context: !options.transactional,
    };
    let parts = parts(&call, options);
    Some(expand::registration(&call, options, &ident.unraw().to_string(), &cfgs(&function.attrs), parts))
}

/// The function that the bus calls, and the handler made of it.
fn parts(call: &Call<'_>, options: &Options) -> (TokenStream, TokenStream) {
    let (rt, taken, names) = (call.rt, call.taken(), Names::new(call));
    let (event, context) = (&names.event, &names.context);
    if let Some((max, wait)) = &options.batch {
        let body = call.body(None, "BatchOutcome");
        let function = quote! {
            fn __earnorm_call(
                #event: ::std::vec::Vec<#taken>,
                #context: #rt::EventContext,
            ) -> #rt::BoxFuture<'static, ::std::vec::Vec<#rt::Handled>> {
                let _ = &#context;
                #body
            }
        };
        return (function, quote!(#rt::Handler::batch(id, #max, #wait, __earnorm_call)));
    }
    let body = call.body(None, "HandlerOutcome");
    if options.transactional {
        let function = quote! {
            fn __earnorm_call<'a>(
                #event: #taken,
                #context: &'a #rt::TransactionContext,
            ) -> #rt::BoxFuture<'a, #rt::Handled> {
                let _ = &#context;
                #body
            }
        };
        return (function, quote!(#rt::Handler::transactional(id, __earnorm_call)));
    }
    let function = quote! {
        fn __earnorm_call(#event: #taken, #context: #rt::EventContext) -> #rt::BoxFuture<'static, #rt::Handled> {
            let _ = &#context;
            #body
        }
    };
    (function, quote!(#rt::Handler::new(id, __earnorm_call)))
}
