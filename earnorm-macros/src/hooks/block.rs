//! `#[model]` on an `impl` block.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{FnArg, ImplItem, ImplItemFn, ItemImpl, Path, Type};

use super::apply::{ApplyIr, cfgs};
use super::marker::{self, Marker, Phase};
use super::{HookIr, expand, signature};
use crate::args;
use crate::errors::Errors;
use crate::handlers::MethodIr;
use crate::runtime::Runtime;

/// What a block holds.
struct BlockIr {
    hooks: Vec<HookIr>,
    appliers: Vec<ApplyIr>,
    handlers: Vec<MethodIr>,
    markers: Vec<Path>,
}

/// The whole expansion.
pub(crate) fn expand(tokens: TokenStream, mut item: ItemImpl) -> TokenStream {
    let mut errors = Errors::new();
    let rt = keys(tokens, &mut errors);
    let usable = usable(&item, &mut errors);
    let ir = read(&mut item, &rt, &mut errors);
    let model = signature::ungroup(&item.self_ty).clone();
    if !usable {
        let mistakes = errors.into_tokens();
        return quote!(#item #mistakes);
    }
    let implementations = ir.appliers.iter().map(|apply| apply.implementation(&rt, &model));
    let entries = ir.appliers.iter().map(|apply| apply.entry(&rt, &model));
    let registration = expand::registration(&rt, &model, &ir.hooks, &quote!(#(#entries),*));
    let handlers: Vec<_> = ir.handlers.iter().map(|handler| handler.registration(&rt, &model)).collect();
    let used = marker::used(&ir.markers);
    let mistakes = errors.into_tokens();
    quote! {
        #item
        const _: () = {
            #used
            #(#implementations)*
            #registration
            #(#handlers)*
        };
        #mistakes
    }
}

fn keys(tokens: TokenStream, errors: &mut Errors) -> Runtime {
    let mut runtime = Runtime::new();
    for arg in args::parse(tokens, &[], errors) {
        if arg.name() == "crate" {
            runtime = Runtime::of(&arg, errors);
        } else {
            errors.add(
                &arg.key,
                format!("`{}` belongs above the struct: an `impl` block takes only `crate = \"…\"`", arg.key),
            );
        }
    }
    runtime
}

fn usable(item: &ItemImpl, errors: &mut Errors) -> bool {
    let mut ok = true;
    if let Some((path, _)) = &item.trait_ {
        errors.over(path, "hooks are methods of the type itself: write `#[model] impl Type { … }` without a trait");
        ok = false;
    }
    if !item.generics.params.is_empty() {
        errors.over(&item.generics, "a model has no generics: remove them from this `impl`");
        ok = false;
    }
    if !matches!(signature::ungroup(&item.self_ty), Type::Path(_)) {
        errors.over(&item.self_ty, "`#[model]` works on the `impl` block of a struct");
        ok = false;
    }
    ok
}

fn read(item: &mut ItemImpl, rt: &Runtime, errors: &mut Errors) -> BlockIr {
    let mut ir = BlockIr { hooks: Vec::new(), appliers: Vec::new(), handlers: Vec::new(), markers: Vec::new() };
    let model = signature::ungroup(&item.self_ty).clone();
    for member in &mut item.items {
        match member {
            ImplItem::Fn(method) => read_method(method, &model, rt, &mut ir, errors),
            ImplItem::Const(constant) => misplaced(&mut constant.attrs, errors),
            _ => {}
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    for apply in ir.appliers.iter().filter(|apply| !apply.conditional()) {
        if !seen.insert(apply.key()) {
            errors.over(apply.event(), "this event is applied by another method already: remove one of them");
        }
    }
    let mut kept = std::collections::BTreeSet::new();
    ir.appliers.retain(|apply| apply.conditional() || kept.insert(apply.key()));
    ir
}

fn misplaced(attributes: &mut Vec<syn::Attribute>, errors: &mut Errors) {
    for (path, _) in marker::take(attributes, errors) {
        errors.add(&path, "this belongs above a method");
    }
}

fn read_method(method: &mut ImplItemFn, model: &Type, rt: &Runtime, ir: &mut BlockIr, errors: &mut Errors) {
    let mut reacts = false;
    let mut phases: Vec<(Phase, i32)> = Vec::new();
    for (path, marker) in marker::take(&mut method.attrs, errors) {
        match marker {
            Marker::Hook(phase, _) if phases.iter().any(|(other, _)| *other == phase) => {
                errors.add(&path, format!("`#[{}]` is given twice: remove one", phase.name()));
            }
            Marker::Hook(phase, order) => phases.push((phase, order)),
            Marker::Event(_) if reacts => {
                errors.add(
                    &path,
                    "`#[on_event]` is given twice: write all events in one, `#[on_event(\"opened\", \"paid\")]`",
                );
            }
            Marker::Event(attribute) => {
                reacts = true;
                ir.handlers.extend(MethodIr::read(method, model, &attribute, rt, errors));
            }
            Marker::Apply => ir.appliers.extend(ApplyIr::read(method, &path, errors)),
        }
        ir.markers.push(path);
    }
    if !phases.is_empty() {
        ir.hooks.extend(read_hook(method, model, phases, errors));
    }
}

fn read_hook(method: &ImplItemFn, model: &Type, phases: Vec<(Phase, i32)>, errors: &mut Errors) -> Option<HookIr> {
    let signature = &method.sig;
    if !signature::plain(signature, "a hook", errors) {
        return None;
    }
    let Some(receiver) = signature.receiver() else {
        errors.add(&signature.ident, "a hook in an `impl` block takes the instance: write `&self`, or `&mut self`");
        return None;
    };
    let taken = signature::receiver(receiver, errors)?;
    let agrees = signature::agree(&taken, &phases, errors);
    let rest = signature.inputs.iter().filter(|argument| !matches!(argument, FnArg::Receiver(_)));
    let context = signature::context(rest, &phases, errors).ok()?;
    let ident = signature.ident.clone();
    agrees.then(|| HookIr {
        callee: quote!(<#model>::#ident),
        label: format!("{}::{}", type_name(model), ident.unraw()),
        cfgs: cfgs(&method.attrs),
        is_async: signature.asyncness.is_some(),
        mutable: taken.mutable,
        model_span: taken.span,
        context,
        output: signature::output(signature),
        phases,
        ident,
    })
}

/// The last word of a type.
pub(crate) fn type_name(ty: &Type) -> String {
    match ty {
        Type::Path(path) => path.path.segments.last().map(|last| last.ident.unraw().to_string()).unwrap_or_default(),
        _ => String::new(),
    }
}
