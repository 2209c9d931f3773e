//! `#[projection]` above a function or an `impl` block: parse → check → expand.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{
    Attribute, FnArg, GenericArgument, ImplItem, Item, ItemFn, ItemImpl, LitInt, LitStr, PathArguments, Signature, Type,
};

use crate::args::{self, Arg};
use crate::errors::Errors;
use crate::hooks::{cfgs, output, plain, ungroup};
use crate::keys;
use crate::runtime::Runtime;

/// The attribute that says which events a function of the block takes.
const ON: &str = "on";
const KEYS: [&str; 5] = ["name", "version", "batch", "index", "crate"];

/// What `#[projection(…)]` says.
struct Keys {
    runtime: Runtime,
    name: Option<LitStr>,
    version: u32,
    batch: Option<usize>,
    indexes: Vec<LitStr>,
    on: Vec<LitStr>,
}

/// One function that folds.
struct Fold {
    callee: TokenStream,
    name: Span,
    output: Span,
    is_async: bool,
    event: Type,
    borrowed: bool,
    row: Type,
    patterns: Vec<LitStr>,
    cfgs: Vec<Attribute>,
}

/// The whole expansion.
pub(crate) fn expand(tokens: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    let keys = read_keys(tokens, &mut errors);
    let (item, folds, label, cfgs) = match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Fn(function)) => {
            let folds = free(&function, &keys, &mut errors).into_iter().collect();
            let label = function.sig.ident.unraw().to_string();
            (function.to_token_stream(), folds, label, cfgs(&function.attrs))
        }
        Ok(Item::Impl(mut block)) => {
            let folds = block_folds(&mut block, &keys, &mut errors);
            let label = block.self_ty.to_token_stream().to_string();
            let cfgs = cfgs(&block.attrs);
            (block.to_token_stream(), folds, label, cfgs)
        }
        _ => {
            errors.over(&item, "`#[projection]` belongs above a function, or an `impl` block of functions");
            (item, Vec::new(), String::new(), Vec::new())
        }
    };
    let name = keys.name.clone().unwrap_or_else(|| LitStr::new(&label, Span::call_site()));
    let registration = (errors.is_empty() && !folds.is_empty()).then(|| registration(&keys, &name, &label, &folds));
    let registration = registration.map(|registration| quote!(#(#cfgs)* const _: () = { #registration };));
    let mistakes = errors.into_tokens();
    quote!(#item #registration #mistakes)
}

fn read_keys(tokens: TokenStream, errors: &mut Errors) -> Keys {
    let (mut name, mut version, mut batch) = (None, None, None);
    let (mut runtime, mut indexes, mut on) = (Runtime::new(), Vec::new(), Vec::new());
    for arg in args::parse(tokens, &["index"], errors) {
        match arg.name().as_str() {
            "name" => name = projection_name(&arg, errors),
            "version" => version = keys::version(&arg, errors),
            "batch" => batch = arg.number(errors),
            "index" => indexes.extend(arg.text(errors)),
            ON => on = arg.list(errors),
            "crate" => runtime = Runtime::of(&arg, errors),
            other => errors.unknown(&arg.key, "key", other, &KEYS),
        }
    }
    Keys { runtime, name, version: version.unwrap_or(1), batch, indexes, on }
}

fn projection_name(arg: &Arg, errors: &mut Errors) -> Option<LitStr> {
    let text = arg.text(errors)?;
    let name = text.value();
    let letter = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "_-".contains(letter);
    if name.is_empty() || name.len() > 64 || !name.chars().all(letter) {
        errors.add(&text, "a projection's name has 1 to 64 lower-case letters, digits, `_` and `-`");
        return None;
    }
    Some(text)
}

fn free(function: &ItemFn, keys: &Keys, errors: &mut Errors) -> Option<Fold> {
    let ident = &function.sig.ident;
    let fold = read(&function.sig, quote!(#ident), errors)?;
    Some(Fold { patterns: keys.on.clone(), ..fold })
}

/// The functions of a block whose second parameter is a view; `#[on(…)]` above them is taken off.
fn block_folds(block: &mut ItemImpl, keys: &Keys, errors: &mut Errors) -> Vec<Fold> {
    if keys.name.is_none() && errors.is_empty() {
        errors.add(&block.impl_token, "a projection of several functions has a name: write `name = \"…\"`");
    }
    if let Some(pattern) = keys.on.first() {
        errors.add(pattern, "in a block, write `#[on(…)]` above the function that takes these events");
    }
    let ty = (*block.self_ty).clone();
    let mut folds = Vec::new();
    for item in &mut block.items {
        let ImplItem::Fn(method) = item else { continue };
        let mut patterns = None;
        method.attrs.retain(|attribute| {
            let own = attribute.path().is_ident(ON);
            if own {
                match attribute.parse_args_with(syn::punctuated::Punctuated::<LitStr, syn::Token![,]>::parse_terminated)
                {
                    Ok(list) => patterns = Some(list.into_iter().collect::<Vec<_>>()),
                    Err(error) => errors.syn(error),
                }
            }
            !own
        });
        let folds_events = method.sig.inputs.iter().nth(1).and_then(view_of).is_some();
        if !folds_events && patterns.is_none() {
            continue;
        }
        let ident = &method.sig.ident;
        let Some(mut fold) = read(&method.sig, quote!(<#ty>::#ident), errors) else { continue };
        if matches!(&fold.row, Type::Path(path) if path.path.is_ident("Self")) {
            fold.row = ty.clone();
        }
        folds.push(Fold { patterns: patterns.unwrap_or_default(), cfgs: cfgs(&method.attrs), ..fold });
    }
    if folds.is_empty() && errors.is_empty() {
        errors.add(&block.impl_token, "no function here takes an event and `view: &mut View<…>`");
    }
    folds
}

/// The type of the rows in `&mut View<Row>`.
fn view_of(argument: &FnArg) -> Option<Type> {
    let FnArg::Typed(argument) = argument else { return None };
    let Type::Reference(reference) = ungroup(&argument.ty) else { return None };
    reference.mutability?;
    let Type::Path(path) = ungroup(&reference.elem) else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == "View")?;
    let PathArguments::AngleBracketed(inner) = &last.arguments else { return None };
    match inner.args.first() {
        Some(GenericArgument::Type(row)) => Some(row.clone()),
        _ => None,
    }
}

fn read(signature: &Signature, callee: TokenStream, errors: &mut Errors) -> Option<Fold> {
    if let Some(receiver) = signature.receiver() {
        errors.over(receiver, "a projection reads its rows from the view: take the event first, without `self`");
        return None;
    }
    if !plain(signature, "a projection", errors) {
        return None;
    }
    let mut inputs = signature.inputs.iter();
    let wanted = "a projection takes its event and its view: write `event: &Recorded<PaymentReceived>, view: &mut View<Revenue>` with your types";
    let (Some(FnArg::Typed(event)), Some(view), None) = (inputs.next(), inputs.next(), inputs.next()) else {
        errors.add(&signature.ident, wanted);
        return None;
    };
    let Some(row) = view_of(view) else {
        errors.over(
            view,
            "the second parameter is the view: write `view: &mut View<Revenue>` with the type of your rows",
        );
        return None;
    };
    let (event, borrowed) = match ungroup(&event.ty) {
        Type::Reference(reference) if reference.mutability.is_none() => ((*reference.elem).clone(), true),
        Type::Reference(reference) => {
            errors.over(reference, "events do not change: take it by `&`");
            return None;
        }
        owned => (owned.clone(), false),
    };
    Some(Fold {
        callee,
        name: signature.ident.span(),
        output: output(signature),
        is_async: signature.asyncness.is_some(),
        event,
        borrowed,
        row,
        patterns: Vec::new(),
        cfgs: Vec::new(),
    })
}

fn at(span: Span) -> Span {
    Span::mixed_site().located_at(span)
}

/// The variable that holds the projection.
fn made() -> Ident {
    Ident::new("projection", Span::mixed_site())
}

/// The call that adds a function to the projection.
fn addition(rt: &Runtime, fold: &Fold) -> TokenStream {
    let (callee, ty, cfgs, patterns) = (&fold.callee, &fold.event, &fold.cfgs, &fold.patterns);
    let (span, made) = (at(fold.event.span()), made());
    let (event, view) = (Ident::new("event", span), Ident::new("view", at(fold.name)));
    let value = Ident::new("outcome", at(fold.output));
    let dot_await = fold.is_async.then(|| quote_spanned!(at(fold.name)=> .await));
    let (taken, passed) = if fold.borrowed {
        (
            quote_spanned!(span=> <#ty as #rt::EventArg>::Taken),
            quote_spanned!(span=> <#ty as #rt::EventArg>::lend(&#event)),
        )
    } else {
        (quote!(#ty), quote!(#event))
    };
    let add = if patterns.is_empty() {
        quote_spanned!(span=> #made.on::<#taken, _>)
    } else {
        quote_spanned!(span=> #made.on_types::<#taken, _, &str>)
    };
    let listed = (!patterns.is_empty()).then(|| quote!([#(#patterns),*],));
    let body = quote_spanned! {at(fold.name)=>
        ::std::boxed::Box::pin(async move {
            let #value = #callee(#passed, #view) #dot_await;
            #rt::HandlerOutcome::into_outcome(#value)
        })
    };
    quote!(#(#cfgs)* let #made = #add(#listed |#event, #view| #body);)
}

fn registration(keys: &Keys, name: &LitStr, label: &str, folds: &[Fold]) -> TokenStream {
    let (rt, made) = (&keys.runtime, made());
    let version = LitInt::new(&format!("{}u32", keys.version), Span::call_site());
    let row = folds.first().map(|fold| &fold.row);
    let indexes = &keys.indexes;
    let batch = keys.batch.map(|batch| quote!(.batch(#batch)));
    let additions = folds.iter().map(|fold| addition(rt, fold));
    quote! {
        fn __earnorm_handler() -> #rt::Handler {
            let #made = #rt::Projection::<#row>::new(#name, #version)
                #(.index(#indexes))* #batch
                .written_at(::core::concat!(::core::module_path!(), "::", #label));
            #(#additions)*
            ::core::convert::Into::into(#made)
        }
        #rt::inventory::submit! { #rt::HandlerRegistration::new(__earnorm_handler) }
        #rt::inventory::submit! { #rt::ProjectionRegistration::new(#name, #version) }
    }
}
