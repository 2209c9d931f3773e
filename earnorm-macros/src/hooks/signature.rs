//! What is wrong with a hook's signature, and what it says.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{FnArg, PatType, Receiver, ReceiverKind, ReturnType, Safety, Signature, Type};

use super::Context;
use super::marker::{Phase, Shape};
use crate::errors::Errors;

/// How a function takes its model.
pub(crate) struct Taken {
    /// Where it is taken by `&mut`.
    pub(crate) mutable: Option<Span>,
    pub(crate) span: Span,
}

/// What no hook and no `#[apply]` method may be.
pub(crate) fn plain(signature: &Signature, what: &str, errors: &mut Errors) -> bool {
    let mut ok = true;
    if signature.generics.type_params().next().is_some() || signature.generics.const_params().next().is_some() {
        errors.over(&signature.generics, format!("{what} cannot be generic: the library calls it with one model"));
        ok = false;
    }
    if let Safety::Unsafe(word) = &signature.safety {
        errors.add(word, format!("{what} cannot be unsafe: the library calls it from safe code"));
        ok = false;
    }
    ok
}

/// How a method takes `self`.
pub(crate) fn receiver(receiver: &Receiver, errors: &mut Errors) -> Option<Taken> {
    receiver_kind(receiver).or_else(|| by_value(receiver, errors))
}

/// How a method borrows `self`, if it does.
pub(crate) fn receiver_kind(receiver: &Receiver) -> Option<Taken> {
    let span = receiver.self_token.span();
    match &receiver.kind {
        ReceiverKind::Reference(_, _, None) => Some(Taken { mutable: None, span }),
        ReceiverKind::Reference(_, _, Some(word)) => Some(Taken { mutable: Some(word.span()), span }),
        ReceiverKind::Typed(_, ty) => match ungroup(ty) {
            Type::Reference(reference) => Some(Taken { mutable: reference.mutability.map(|word| word.span()), span }),
            _ => None,
        },
        _ => None,
    }
}

fn by_value(receiver: &Receiver, errors: &mut Errors) -> Option<Taken> {
    errors.over(receiver, "a hook borrows its model: take `&self`, or `&mut self` to change it before it is written");
    None
}

/// The parameter behind the model, which is the context.
pub(crate) fn context<'a>(
    rest: impl Iterator<Item = &'a FnArg>,
    phases: &[(Phase, i32)],
    errors: &mut Errors,
) -> Result<Option<Context>, ()> {
    let mut rest = rest.filter_map(typed);
    let Some(argument) = rest.next() else { return Ok(None) };
    let mut ok = true;
    if let Some(more) = rest.next() {
        errors.over(more, "a hook takes its model and at most a context: remove this parameter");
        ok = false;
    }
    for (phase, _) in phases {
        if matches!(phase.shape(), Shape::Load | Shape::Validate) {
            let name = phase.name();
            errors.over(argument, format!("a `#[{name}]` function takes only the instance: remove this parameter"));
            ok = false;
        }
    }
    let Type::Reference(reference) = ungroup(&argument.ty) else {
        errors.over(&argument.ty, format!("a context is borrowed: write `{}`", wanted(phases)));
        return Err(());
    };
    let mutable = reference.mutability.is_some();
    if let (true, Some((phase, _))) = (mutable, phases.iter().find(|(phase, _)| phase.shape() == Shape::Post)) {
        errors.over(
            &reference,
            format!("`#[{}]` runs after the write and changes nothing: take `{}`", phase.name(), wanted(phases)),
        );
        ok = false;
    }
    if ok { Ok(Some(Context { mutable, span: argument.ty.span() })) } else { Err(()) }
}

fn wanted(phases: &[(Phase, i32)]) -> &'static str {
    match phases.first().map(|(phase, _)| phase.shape()) {
        Some(Shape::Post) => "&PostContext<'_, Model>",
        _ => "&mut PreContext<'_, Model>",
    }
}

fn typed(argument: &FnArg) -> Option<&PatType> {
    match argument {
        FnArg::Typed(argument) => Some(argument),
        FnArg::Receiver(_) => None,
    }
}

/// Whether the phases and the way the model is taken agree.
pub(crate) fn agree(taken: &Taken, phases: &[(Phase, i32)], errors: &mut Errors) -> bool {
    let Some(span) = taken.mutable else { return true };
    let mut ok = true;
    for (phase, _) in phases {
        let reason = match phase.shape() {
            Shape::Post => "runs after the write, so a change would be lost",
            Shape::Validate => "only checks the instance",
            Shape::Pre | Shape::Load => continue,
        };
        errors.add(&span, format!("`#[{}]` {reason}: take the model by `&`, without `mut`", phase.name()));
        ok = false;
    }
    ok
}

/// Where the return type is written.
pub(crate) fn output(signature: &Signature) -> Span {
    match &signature.output {
        ReturnType::Type(_, ty) => ty.span(),
        ReturnType::Default => signature.ident.span(),
    }
}

/// A type without the invisible marks that a `macro_rules!` macro puts around it.
pub(crate) fn ungroup(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => ungroup(&group.elem),
        Type::Paren(paren) => ungroup(&paren.elem),
        other => other,
    }
}
