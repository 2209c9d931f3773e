//! Markers above free functions.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{FnArg, Item, ItemFn, Signature, Type, TypeReference};

use super::apply::cfgs;
use super::marker::{self, Phase, is_marker};
use super::signature::{self, Taken};
use super::{HookIr, expand};
use crate::errors::Errors;

/// The expansion of a hook's marker.
pub(crate) fn expand(phase: Phase, args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    let (rt, order) = marker::read_free(args, &mut errors);
    let function = match syn::parse2::<ItemFn>(item.clone()) {
        Ok(function) => function,
        Err(_) => {
            elsewhere(phase.name(), &item, &mut errors);
            let (item, mistakes) = (without_markers(item), errors.into_tokens());
            return quote!(#item #mistakes);
        }
    };
    let registration = read(&function, phase, order, &mut errors)
        .map(|(model, hook)| expand::registration(&rt, &model, &[hook], &TokenStream::new()));
    let mistakes = errors.into_tokens();
    let (cfgs, function) = (cfgs(&function.attrs), tidy(function));
    // Without a registration the function may stand in an `impl` block, where no `const _` may.
    let registration = registration.map(|registration| quote!(#(#cfgs)* const _: () = { #registration };));
    quote!(#function #registration #mistakes)
}

/// The expansion of `#[apply]` outside a `#[model] impl` block.
pub(crate) fn misplaced_apply(item: TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    match syn::parse2::<ItemFn>(item.clone()) {
        Ok(function) => {
            let cure = "`#[apply]` belongs on a method of a sourced model: write `#[model]` above its `impl` block";
            errors.add(&function.sig.ident, cure);
        }
        Err(_) => elsewhere("apply", &item, &mut errors),
    }
    let (item, mistakes) = (without_markers(item), errors.into_tokens());
    quote!(#item #mistakes)
}

/// A marker on something that is no function.
fn elsewhere(name: &str, item: &TokenStream, errors: &mut Errors) {
    match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Impl(block)) => errors.add(
            &block.impl_token,
            format!("`#[{name}]` belongs above a function: write `#[model]` here and `#[{name}]` above a method"),
        ),
        _ => errors.over(item, format!("`#[{name}]` belongs above a function")),
    }
}

/// The item without further markers, which would report the same mistake.
fn without_markers(item: TokenStream) -> TokenStream {
    match syn::parse2::<ItemFn>(item.clone()) {
        Ok(mut function) => {
            function.attrs.retain(|attribute| !is_marker(attribute));
            quote!(#function)
        }
        Err(_) => item,
    }
}

/// Without a receiver's mistake turning into a second one.
fn tidy(mut function: ItemFn) -> TokenStream {
    if function.sig.receiver().is_some() {
        function.attrs.retain(|attribute| !is_marker(attribute));
    }
    quote!(#function)
}

fn read(function: &ItemFn, phase: Phase, order: i32, errors: &mut Errors) -> Option<(Type, HookIr)> {
    let signature = &function.sig;
    let phases = vec![(phase, order)];
    if let Some(receiver) = signature.receiver() {
        errors.over(
            receiver,
            format!("`#[{}]` on a method needs its model: write `#[model]` above this `impl` block", phase.name()),
        );
        return None;
    }
    if !signature::plain(signature, "a hook", errors) {
        return None;
    }
    let reference = first_parameter(signature, errors)?;
    let taken = Taken { mutable: reference.mutability.map(|word| word.span()), span: reference.elem.span() };
    let agrees = signature::agree(&taken, &phases, errors);
    let context = signature::context(signature.inputs.iter().skip(1), &phases, errors).ok()?;
    let ident = signature.ident.clone();
    let hook = HookIr {
        callee: quote!(#ident),
        label: ident.unraw().to_string(),
        cfgs: Vec::new(),
        is_async: signature.asyncness.is_some(),
        mutable: taken.mutable,
        model_span: taken.span,
        context,
        output: signature::output(signature),
        phases,
        ident,
    };
    agrees.then(|| ((*reference.elem).clone(), hook))
}

/// The reference to the model, which comes first.
fn first_parameter<'s>(signature: &'s Signature, errors: &mut Errors) -> Option<&'s TypeReference> {
    let Some(FnArg::Typed(first)) = signature.inputs.first() else {
        errors.add(
            &signature.ident,
            "a hook takes its model first: write `model: &mut Model`, or `&Model`, with your model's name",
        );
        return None;
    };
    let Type::Reference(reference) = signature::ungroup(&first.ty) else {
        errors.over(&first.ty, "a hook borrows its model: write `&mut Model`, or `&Model`, with your model's name");
        return None;
    };
    Some(reference)
}
