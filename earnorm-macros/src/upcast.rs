//! `#[upcast]` on a free function: parse → model → check → expand.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Expr, FnArg, Item, ItemFn, LitStr, Path, Signature, Type};

use crate::args::{self, Arg, ArgValue};
use crate::errors::Errors;
use crate::hooks::{cfgs, output, plain, ungroup};
use crate::runtime::Runtime;
use crate::{keys, names};

/// What `#[upcast(…)]` says.
struct UpcastKeys {
    runtime: Runtime,
    of: Option<Of>,
    from: Option<u32>,
}

/// Whose data it changes.
enum Of {
    Event(LitStr),
    Model(Path),
}

/// The whole expansion.
pub(crate) fn expand(tokens: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    let keys = read_keys(tokens, &mut errors);
    let Ok(function) = syn::parse2::<ItemFn>(item.clone()) else {
        elsewhere(&item, &mut errors);
        let mistakes = errors.into_tokens();
        return quote!(#item #mistakes);
    };
    let argument = check(&function.sig, &mut errors);
    let registration = match (errors.is_empty(), keys.of, keys.from, argument) {
        (true, Some(of), Some(from), Some(argument)) => {
            let cfgs = cfgs(&function.attrs);
            let registration = registration(&keys.runtime, &of, from, &function.sig, argument);
            quote!(#(#cfgs)* const _: () = { #registration };)
        }
        _ => TokenStream::new(),
    };
    let mistakes = errors.into_tokens();
    quote!(#function #registration #mistakes)
}

fn read_keys(tokens: TokenStream, errors: &mut Errors) -> UpcastKeys {
    let mut read = UpcastKeys { runtime: Runtime::new(), of: None, from: None };
    let (mut subjects, mut versions) = (0, 0);
    for arg in args::parse(tokens, &[], errors) {
        match arg.name().as_str() {
            name @ ("event" | "model") => {
                subjects += 1;
                if subjects > 1 {
                    let both = "an upcaster changes the data of an event or the documents of a model: keep one key";
                    errors.add(&arg.key, both);
                }
                read.of = if name == "event" { event(&arg, errors) } else { model(&arg, errors) };
            }
            "from" => {
                versions += 1;
                read.from = keys::version(&arg, errors);
            }
            "crate" => read.runtime = Runtime::of(&arg, errors),
            other => errors.unknown(&arg.key, "key", other, &["event", "model", "from", "crate"]),
        }
    }
    // Beside a key with a slip in its name it would be a second explanation of the first mistake.
    if errors.is_empty() && subjects == 0 {
        let cure = "say whose data it changes: write `event = \"order.paid\"` for the data of an event, or `model = User` for the documents of a model";
        errors.add(&Span::call_site(), cure);
    }
    if errors.is_empty() && versions == 0 {
        errors.add(&Span::call_site(), "say which version it reads: write `from = 1`; it leads to the next one");
    }
    read
}

fn event(arg: &Arg, errors: &mut Errors) -> Option<Of> {
    let text = arg.text(errors)?;
    let name = text.value();
    if !name.split('.').all(names::is_word) {
        errors.add(
            &text,
            format!("`{name}` is not the type of an event: write the model's name and the event's, like `order.paid`"),
        );
        return None;
    }
    if let Some((category, word)) = name.rsplit_once('.')
        && names::RESERVED_EVENTS.contains(&word)
    {
        errors.add(
            &text,
            format!("`{name}` holds the state of `{category}`: write `model = …`, and the upcaster sees whole documents only"),
        );
        return None;
    }
    Some(Of::Event(text))
}

fn model(arg: &Arg, errors: &mut Errors) -> Option<Of> {
    match &arg.value {
        ArgValue::Value(Expr::Path(path)) if path.qself.is_none() => Some(Of::Model(path.path.clone())),
        _ => {
            errors.add(&arg.value_span(), "`model` takes the model's type: write `model = User`");
            None
        }
    }
}

/// What is no function.
fn elsewhere(item: &TokenStream, errors: &mut Errors) {
    match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Impl(block)) => errors.add(
            &block.impl_token,
            "`#[upcast]` belongs above a function outside `impl` blocks: it changes stored data, before there is an instance",
        ),
        _ => errors.over(item, "`#[upcast]` belongs above a function"),
    }
}

/// Answers where the argument's type is written.
fn check(signature: &Signature, errors: &mut Errors) -> Option<Span> {
    if let Some(receiver) = signature.receiver() {
        errors.over(
            receiver,
            "an upcaster changes stored data, before there is an instance: move it out of the `impl` block and take `data: &mut Document`",
        );
        return None;
    }
    if let Some(word) = &signature.asyncness {
        errors.add(word, "an upcaster only changes data, also when the log is read again: remove `async`");
        return None;
    }
    if !plain(signature, "an upcaster", errors) {
        return None;
    }
    let mut inputs = signature.inputs.iter();
    let (Some(FnArg::Typed(argument)), None) = (inputs.next(), inputs.next()) else {
        errors.add(&signature.ident, "an upcaster takes the stored data and nothing else: write `data: &mut Document`");
        return None;
    };
    match ungroup(&argument.ty) {
        Type::Reference(reference) if reference.mutability.is_some() => Some(argument.ty.span()),
        _ => {
            errors.over(&argument.ty, "an upcaster changes the stored data in place: take `&mut Document`");
            None
        }
    }
}

fn registration(rt: &Runtime, of: &Of, from: u32, signature: &Signature, argument: Span) -> TokenStream {
    let ident = &signature.ident;
    let label = ident.unraw().to_string();
    let at = |span| Span::mixed_site().located_at(span);
    let data = Ident::new("data", at(argument));
    let value = Ident::new("outcome", at(output(signature)));
    let name = at(ident.span());
    let call = quote_spanned! {name=>
        let #value = #ident(#data);
        #rt::UpcastOutcome::into_outcome(#value)
    };
    let registration = match of {
        Of::Event(event_type) => quote!(#rt::UpcastRegistration::of_event(#event_type, #from, __earnorm_upcast)),
        Of::Model(path) => {
            let span = at(path.span());
            let of_model = quote_spanned!(span=> #rt::UpcastRegistration::of_model::<#path>);
            quote!(#of_model(#from, __earnorm_upcast))
        }
    };
    quote! {
        fn __earnorm_upcast(
            #data: &mut #rt::bson::Document,
        ) -> ::core::result::Result<(), #rt::UpcastError> {
            #call
        }
        #rt::inventory::submit! { #registration.named(::core::module_path!(), #label) }
    }
}
