//! `#[on_startup]` and `#[on_shutdown]` above free functions.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{FnArg, ItemFn, Signature, Type};

use super::expand::at;
use super::signature::callable;
use crate::args;
use crate::errors::Errors;
use crate::hooks::{cfgs, output, ungroup};
use crate::runtime::Runtime;

/// When a function runs.
#[derive(Clone, Copy)]
pub(crate) enum When {
    Startup,
    Shutdown,
}

impl When {
    fn marker(self) -> &'static str {
        match self {
            Self::Startup => "on_startup",
            Self::Shutdown => "on_shutdown",
        }
    }

    fn variant(self) -> Ident {
        let name = match self {
            Self::Startup => "Startup",
            Self::Shutdown => "Shutdown",
        };
        Ident::new(name, Span::mixed_site())
    }
}

/// The whole expansion.
pub(crate) fn expand(when: When, tokens: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    let (mut rt, mut order) = (Runtime::new(), 0_i32);
    for arg in args::parse(tokens, &[], &mut errors) {
        match arg.name().as_str() {
            "order" => order = arg.number(&mut errors).unwrap_or(0),
            "crate" => rt = Runtime::of(&arg, &mut errors),
            other => errors.unknown(&arg.key, "key", other, &["order", "crate"]),
        }
    }
    let Ok(function) = syn::parse2::<ItemFn>(item.clone()) else {
        errors.add(&Span::call_site(), format!("`#[{}]` belongs above a function", when.marker()));
        let mistakes = errors.into_tokens();
        return quote!(#item #mistakes);
    };
    let argument = check(when, &function.sig, &mut errors);
    let registration = argument.filter(|_| errors.is_empty()).map(|argument| {
        let cfgs = cfgs(&function.attrs);
        let registration = registration(&rt, when, order, &function.sig, argument);
        quote!(#(#cfgs)* const _: () = { #registration };)
    });
    let mistakes = errors.into_tokens();
    quote!(#function #registration #mistakes)
}

/// Answers where the parameter's type is written, if there is one.
fn check(when: When, signature: &Signature, errors: &mut Errors) -> Option<Option<Span>> {
    let what = format!("a function under `#[{}]`", when.marker());
    if let Some(receiver) = signature.receiver() {
        errors.over(receiver, format!("{what} has no instance: move it out of the `impl` block"));
        return None;
    }
    if !callable(signature, &what, errors) {
        return None;
    }
    let mut inputs = signature.inputs.iter();
    let Some(FnArg::Typed(argument)) = inputs.next() else { return Some(None) };
    if let Some(more) = inputs.next() {
        errors.over(more, format!("{what} takes at most the database: remove this parameter"));
        return None;
    }
    match ungroup(&argument.ty) {
        Type::Reference(reference) if reference.mutability.is_none() => Some(Some(argument.ty.span())),
        _ => {
            errors.over(&argument.ty, format!("{what} borrows the database: write `db: &Database`, or take nothing"));
            None
        }
    }
}

fn registration(rt: &Runtime, when: When, order: i32, signature: &Signature, argument: Option<Span>) -> TokenStream {
    let (ident, variant) = (&signature.ident, when.variant());
    let (name, label) = (at(ident.span()), ident.unraw().to_string());
    let db = Ident::new("db", at(argument.unwrap_or(ident.span())));
    let value = Ident::new("outcome", at(output(signature)));
    let passed = argument.map(|_| quote!(#db));
    let dot_await = signature.asyncness.is_some().then(|| quote_spanned!(name=> .await));
    let body = quote_spanned! {name=>
        ::std::boxed::Box::pin(async move {
            let #value = #ident(#passed) #dot_await;
            #rt::LifecycleOutcome::into_outcome(#value)
        })
    };
    quote! {
        fn __earnorm_run<'a>(
            #db: &'a #rt::Database,
        ) -> #rt::BoxFuture<'a, ::core::result::Result<(), #rt::BoxError>> {
            let _ = &#db;
            #body
        }
        #rt::inventory::submit! {
            #rt::LifecycleRegistration {
                when: #rt::Lifecycle::#variant,
                name: ::core::concat!(::core::module_path!(), "::", #label),
                order: #order,
                run: __earnorm_run,
            }
        }
    }
}
