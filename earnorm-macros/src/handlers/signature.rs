//! The parameters of a handler: an event, then a context.

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{FnArg, Signature, Type};

use super::options::{Options, Place};
use crate::errors::Errors;
use crate::hooks::{plain, ungroup};

/// The event's parameter.
pub(crate) struct Event {
    /// Its type without the `&`.
    pub(crate) ty: Type,
    pub(crate) borrowed: bool,
}

/// What a handler takes.
pub(crate) struct Taken {
    pub(crate) event: Option<Event>,
    /// Where the context is written.
    pub(crate) context: Option<Span>,
}

/// Refuses what the library cannot call.
pub(crate) fn callable(signature: &Signature, what: &str, errors: &mut Errors) -> bool {
    let mut ok = plain(signature, what, errors);
    if let Some(abi) = &signature.abi {
        errors.over(abi, format!("{what} is an ordinary function: remove `extern`"));
        ok = false;
    }
    if let Some(word) = &signature.constness {
        errors.add(word, format!("{what} reacts to what happens: remove `const`"));
        ok = false;
    }
    ok
}

/// Reads the parameters behind `self`.
pub(crate) fn read(signature: &Signature, place: Place, options: &Options, errors: &mut Errors) -> Option<Taken> {
    let mut rest = signature.inputs.iter().filter_map(|argument| match argument {
        FnArg::Typed(argument) => Some(argument),
        FnArg::Receiver(_) => None,
    });
    let mut next = rest.next();
    let mut taken = Taken { event: None, context: None };
    if let Some(argument) = next
        && context_name(&argument.ty).is_none()
    {
        taken.event = Some(event(&argument.ty, errors)?);
        next = rest.next();
    }
    if taken.event.is_none() && place == Place::Free {
        errors.add(
            &signature.ident,
            "a handler takes its event first: write `event: &Recorded<PasswordChanged>` with your event's name, or `event: &RecordedEvent`",
        );
        return None;
    }
    if let Some(argument) = next {
        context(&argument.ty, place, options, errors)?;
        taken.context = Some(argument.ty.span());
    }
    if let Some(more) = rest.next() {
        errors.over(more, "a handler takes an event and at most a context: remove this parameter");
        return None;
    }
    patterned(signature, &taken, options, errors).then_some(taken)
}

fn event(ty: &Type, errors: &mut Errors) -> Option<Event> {
    match ungroup(ty) {
        Type::Reference(reference) if reference.mutability.is_some() => {
            errors.over(ty, "an event is a fact and cannot be changed: take it by `&`, without `mut`");
            None
        }
        Type::Reference(reference) => Some(Event { ty: (*reference.elem).clone(), borrowed: true }),
        other => Some(Event { ty: other.clone(), borrowed: false }),
    }
}

/// The name of a context's type, by its last word.
fn context_name(ty: &Type) -> Option<&'static str> {
    let ty = match ungroup(ty) {
        Type::Reference(reference) => &reference.elem,
        other => other,
    };
    let name = last_word(ty)?;
    ["EventContext", "TransactionContext"].into_iter().find(|known| *known == name)
}

/// The last word of a type.
pub(crate) fn last_word(ty: &Type) -> Option<String> {
    match ungroup(ty) {
        Type::Path(path) => path.path.segments.last().map(|last| last.ident.unraw().to_string()),
        _ => None,
    }
}

fn context(ty: &Type, place: Place, options: &Options, errors: &mut Errors) -> Option<()> {
    let wanted = if options.transactional { "TransactionContext" } else { "EventContext" };
    let shared = matches!(ungroup(ty), Type::Reference(reference) if reference.mutability.is_none());
    if !shared {
        errors.over(ty, format!("a context is borrowed: write `&{wanted}`"));
        return None;
    }
    match context_name(ty) {
        Some(name) if name != wanted => {
            let other = match (options.transactional, place) {
                (true, Place::Free) => "remove `transactional`",
                (true, Place::Method) => "write `transactional = false`",
                (false, Place::Free) => "write `transactional`",
                (false, Place::Method) => "remove `transactional = false`",
            };
            let is = if options.transactional { "is transactional" } else { "runs at least once" };
            errors.over(ty, format!("this handler {is}: take `&{wanted}`, or {other}"));
            None
        }
        _ => Some(()),
    }
}

/// Whether it is said which events are meant.
fn patterned(signature: &Signature, taken: &Taken, options: &Options, errors: &mut Errors) -> bool {
    if !options.patterns.is_empty() {
        return true;
    }
    match &taken.event {
        None => {
            errors.add(&signature.ident, "say which events it handles: write `#[on_event(\"status_changed\")]`");
            false
        }
        Some(event) if any(&event.ty) => {
            errors.over(
                &event.ty,
                "this takes any event, so say which ones: write a pattern such as `\"user.*\"` first in the parentheses",
            );
            false
        }
        Some(_) => true,
    }
}

/// Whether a type is that of any event, also in an `Arc` and in a list.
fn any(ty: &Type) -> bool {
    match ungroup(ty) {
        Type::Slice(slice) => any(&slice.elem),
        Type::Path(path) => path.path.segments.last().is_some_and(|last| match &last.arguments {
            _ if last.ident == "RecordedEvent" => true,
            syn::PathArguments::AngleBracketed(inner) if last.ident == "Arc" || last.ident == "Vec" => {
                inner.args.iter().any(|argument| matches!(argument, syn::GenericArgument::Type(ty) if any(ty)))
            }
            _ => false,
        }),
        _ => false,
    }
}
