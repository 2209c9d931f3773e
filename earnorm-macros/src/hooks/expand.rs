//! The code that registers hooks.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned;

use super::HookIr;
use super::marker::{Phase, Shape};
use crate::runtime::Runtime;

/// The static block of hooks and appliers, and its registration.
pub(crate) fn registration(rt: &Runtime, model: &Type, hooks: &[HookIr], appliers: &TokenStream) -> TokenStream {
    let entries = hooks.iter().flat_map(|hook| {
        hook.phases.iter().map(|(phase, order)| {
            let cfgs = &hook.cfgs;
            let entry = entry(rt, model, hook, *phase, *order);
            quote!(#(#cfgs)* #entry)
        })
    });
    let assertions = hooks.iter().filter_map(|hook| assertion(rt, model, hook));
    let span = Span::mixed_site().located_at(model.span());
    let block = Ident::new("__EARNORM_BLOCK", Span::mixed_site());
    let registration = quote_spanned!(span=> #rt::HookRegistration::of::<#model>);
    quote! {
        #(#assertions)*
        static #block: #rt::Block<#model> = #rt::Block { hooks: &[#(#entries),*], appliers: &[#appliers] };
        #rt::inventory::submit! { #registration(&#block, || #rt::describe(&#block)) }
    }
}

/// A pre hook that changes its model belongs to a tracked one.
fn assertion(rt: &Runtime, model: &Type, hook: &HookIr) -> Option<TokenStream> {
    let at = hook.mutable?;
    if !hook.phases.iter().any(|(phase, _)| phase.shape() == Shape::Pre) {
        return None;
    }
    Some(demand(rt, model, "Tracked", at, &hook.cfgs))
}

/// Asks for a trait of the model, at a token of the user's.
pub(crate) fn demand(rt: &Runtime, model: &Type, name: &str, at: Span, cfgs: &[syn::Attribute]) -> TokenStream {
    let name = Ident::new(name, Span::mixed_site().located_at(at));
    let model: TokenStream = model
        .to_token_stream()
        .into_iter()
        .map(|mut token| {
            token.set_span(token.span().located_at(at));
            token
        })
        .collect();
    let demand = quote_spanned!(Span::mixed_site().located_at(at)=> <#model as #rt::#name>::OK);
    quote!(#(#cfgs)* const _: () = #demand;)
}

fn entry(rt: &Runtime, model: &Type, hook: &HookIr, phase: Phase, order: i32) -> TokenStream {
    let label = &hook.label;
    let run = match phase.shape() {
        Shape::Pre => pre(rt, model, hook),
        Shape::Post => post(rt, model, hook),
        Shape::Load => load(rt, model, hook),
        Shape::Validate => validate(rt, model, hook),
    };
    quote! {
        #rt::Hook {
            phase: #rt::Phase::#phase,
            order: #order,
            module: ::core::module_path!(),
            name: #label,
            run: #run,
        }
    }
}

fn pre(rt: &Runtime, model: &Type, hook: &HookIr) -> TokenStream {
    let names = Names::new(hook);
    let (of, cx) = (&names.model, &names.context);
    let body = body(rt, hook, &names, "PreOutcome", hook.mutable.is_some());
    quote!(#rt::HookFn::Pre({
        fn __earnorm_hook<'a, 'c>(
            #of: &'a mut #model,
            #cx: &'a mut #rt::PreContext<'c, #model>,
        ) -> #rt::BoxFuture<'a, ::core::result::Result<(), #rt::Abort>> {
            let _ = &#cx;
            #body
        }
        __earnorm_hook
    }))
}

fn post(rt: &Runtime, model: &Type, hook: &HookIr) -> TokenStream {
    let names = Names::new(hook);
    let (of, cx) = (&names.model, &names.context);
    let body = body(rt, hook, &names, "PostOutcome", true);
    quote!(#rt::HookFn::Post({
        fn __earnorm_hook<'a, 'c>(
            #of: &'a #model,
            #cx: &'a #rt::PostContext<'c, #model>,
        ) -> #rt::BoxFuture<'a, ::core::result::Result<(), #rt::BoxError>> {
            let _ = &#cx;
            #body
        }
        __earnorm_hook
    }))
}

fn load(rt: &Runtime, model: &Type, hook: &HookIr) -> TokenStream {
    let names = Names::new(hook);
    let of = &names.model;
    let body = body(rt, hook, &names, "PostOutcome", hook.mutable.is_some());
    quote!(#rt::HookFn::Load({
        fn __earnorm_hook<'a>(
            #of: &'a mut #model,
        ) -> #rt::BoxFuture<'a, ::core::result::Result<(), #rt::BoxError>> {
            #body
        }
        __earnorm_hook
    }))
}

fn validate(rt: &Runtime, model: &Type, hook: &HookIr) -> TokenStream {
    let names = Names::new(hook);
    let of = &names.model;
    let body = body(rt, hook, &names, "ValidateOutcome", true);
    quote!(#rt::HookFn::Validate({
        fn __earnorm_hook<'a>(
            #of: &'a #model,
        ) -> #rt::BoxFuture<'a, ::core::result::Result<(), #rt::ValidationErrors>> {
            #body
        }
        __earnorm_hook
    }))
}

/// The parameters of generated functions, at the user's own.
struct Names {
    model: Ident,
    context: Ident,
}

impl Names {
    fn new(hook: &HookIr) -> Self {
        let at = |span| Span::mixed_site().located_at(span);
        let name = hook.ident.span();
        let context = hook.context.as_ref().map_or(name, |context| context.span);
        Self { model: Ident::new("model", at(hook.model_span)), context: Ident::new("context", at(context)) }
    }
}

/// Calls the function at the place of its name, so that the compiler explains mistakes there. `as_is` passes the
/// model as the generated function has it.
fn body(rt: &Runtime, hook: &HookIr, names: &Names, outcome: &str, as_is: bool) -> TokenStream {
    let name = Span::mixed_site().located_at(hook.ident.span());
    let at_output = Span::mixed_site().located_at(hook.output);
    let (of, callee) = (&names.model, &hook.callee);
    let model_span = Span::mixed_site().located_at(hook.model_span);
    let of = if as_is { quote!(#of) } else { quote_spanned!(model_span=> &*#of) };
    let context = hook.context.as_ref().map(|context| {
        let cx = &names.context;
        let span = Span::mixed_site().located_at(context.span);
        if context.mutable || outcome == "PostOutcome" { quote!(, #cx) } else { quote_spanned!(span=> , &*#cx) }
    });
    let dot_await = hook.is_async.then(|| quote_spanned!(name=> .await));
    let outcome = Ident::new(outcome, name);
    let value = Ident::new("outcome", at_output);
    quote_spanned! {name=>
        ::std::boxed::Box::pin(async move {
            let #value = #callee(#of #context) #dot_await;
            #rt::#outcome::into_outcome(#value)
        })
    }
}
