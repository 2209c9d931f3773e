//! `#[periodic]` above a free function: parse → check → expand.

use std::str::FromStr;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{FnArg, ItemFn, LitStr, Signature, Type};

use crate::args::{self, Arg};
use crate::errors::Errors;
use crate::handlers::options::{self, Options, Place};
use crate::handlers::signature::{callable, last_word};
use crate::handlers::{at, literals};
use crate::hooks::{cfgs, output, ungroup};
use crate::runtime::Runtime;

/// The options that only schedules have.
const OWN: [&str; 4] = ["tz", "misfire", "tolerance", "overlap"];
/// The options of handlers that a schedule answers itself.
const ANSWERED: [&str; 4] = ["when", "except", "start", "batch"];

/// The whole expansion.
pub(crate) fn expand(tokens: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    let Ok(function) = syn::parse2::<ItemFn>(item.clone()) else {
        errors.add(&Span::call_site(), "`#[periodic]` belongs above a function");
        let mistakes = errors.into_tokens();
        return quote!(#item #mistakes);
    };
    let registration = read(tokens, &mut errors).and_then(|(schedule, options)| {
        let taken = parameters(&function.sig, &options, &mut errors)?;
        let schedule = schedule.tokens(&options.runtime, &mut errors)?;
        errors.is_empty().then(|| registration(&function, &schedule, &options, &taken))
    });
    let mistakes = errors.into_tokens();
    quote!(#function #registration #mistakes)
}

/// When it runs, as it is written.
struct Schedule {
    text: LitStr,
    own: Vec<Arg>,
}

fn read(tokens: TokenStream, errors: &mut Errors) -> Option<(Schedule, Options)> {
    let mut parts = parts(tokens).into_iter();
    let Some(text) = parts.next().and_then(|first| syn::parse2::<LitStr>(first).ok()) else {
        errors.add(
            &Span::call_site(),
            "say when it runs: write `#[periodic(\"60s\")]` or `#[periodic(\"0 3 * * *\", tz = \"Europe/Rome\")]`",
        );
        return None;
    };
    let (mut own, mut rest) = (TokenStream::new(), TokenStream::new());
    for part in parts {
        let name = match part.clone().into_iter().next() {
            Some(TokenTree::Ident(name)) => name,
            Some(other) => {
                errors.add(&other.span(), "a schedule has one text: write options as `name = value`");
                continue;
            }
            None => continue,
        };
        let word = name.unraw().to_string();
        if OWN.contains(&word.as_str()) {
            own.extend(quote!(#part,));
        } else if ANSWERED.contains(&word.as_str()) {
            errors.add(&name, format!("a periodic function handles its own times only: remove `{word}`"));
        } else {
            rest.extend(quote!(#part,));
        }
    }
    let own = args::parse(own, &[], errors);
    let options = options::read(rest, Place::Free, Runtime::new(), errors)?;
    if let Some(id) = &options.id {
        let value = id.value().replace("::", ".");
        if !value.split('.').all(crate::names::is_word) {
            errors.add(
                id,
                "the id of a schedule is made of lower-case words joined by dots or `::`: write it like `\"nightly\"`",
            );
        }
    }
    Some((Schedule { text, own }, options))
}

/// What stands between the commas.
fn parts(tokens: TokenStream) -> Vec<TokenStream> {
    let mut parts = vec![TokenStream::new()];
    for token in tokens {
        match (&token, parts.last_mut()) {
            (TokenTree::Punct(comma), _) if comma.as_char() == ',' => parts.push(TokenStream::new()),
            (_, Some(part)) => part.extend([token]),
            (_, None) => {}
        }
    }
    parts
}

impl Schedule {
    /// The call that makes the schedule.
    fn tokens(&self, rt: &Runtime, errors: &mut Errors) -> Option<TokenStream> {
        let (text, value) = (&self.text, self.text.value());
        let find = |name: &str| self.own.iter().find(|arg| arg.name() == name);
        let made = if let Some(millis) = literals::millis(&value) {
            if let Some(zone) = find("tz") {
                errors.add(&zone.key, "only a cron pattern reads the clocks of a time zone: remove `tz`");
            }
            quote!(#rt::Periodic::every(::core::time::Duration::from_millis(#millis)))
        } else if value.contains(' ') || value.starts_with('@') {
            if let Err(error) = croner::Cron::from_str(&value) {
                errors.add(text, format!("`{value}` is not a cron pattern, such as `0 3 * * *`: {error}"));
            }
            let zone = find("tz").and_then(|arg| arg.text(errors));
            let zone = zone.unwrap_or_else(|| LitStr::new("UTC", Span::mixed_site()));
            quote!(#rt::Periodic::cron(#text, #zone))
        } else {
            let what = "neither a duration above zero, such as `60s`, nor a cron pattern, such as `0 3 * * *`";
            errors.add(text, format!("`{value}` is {what}"));
            return None;
        };
        let misfire = find("misfire").map(|arg| {
            let choice = choice(arg, &[("skip", "Skip"), ("once", "Once"), ("all", "All")], errors);
            choice.map(|choice| quote!(.misfire(#rt::Misfire::#choice)))
        });
        let overlap = find("overlap").map(|arg| {
            let choice = choice(arg, &[("skip", "Skip"), ("queue", "Queue"), ("allow", "Allow")], errors);
            choice.map(|choice| quote!(.overlap(#rt::Overlap::#choice)))
        });
        let tolerance = find("tolerance").map(|arg| {
            let time = arg.text(errors).and_then(|text| literals::duration(&text, errors));
            time.map(|time| quote!(.tolerance(#time)))
        });
        let (misfire, overlap, tolerance) = (misfire.flatten(), overlap.flatten(), tolerance.flatten());
        Some(quote!(#made #misfire #overlap #tolerance))
    }
}

/// The variant that a text names.
fn choice(arg: &Arg, choices: &[(&str, &str)], errors: &mut Errors) -> Option<Ident> {
    let text = arg.text(errors)?;
    let value = text.value();
    let found = choices.iter().find(|(name, _)| *name == value);
    if found.is_none() {
        let names: Vec<_> = choices.iter().map(|(name, _)| format!("`\"{name}\"`")).collect();
        errors.add(&text, format!("`{value}` is no `{}`: write {}", arg.key, names.join(" or ")));
    }
    found.map(|(_, variant)| Ident::new(variant, Span::mixed_site()))
}

/// Which of the two parameters a function has.
struct Taken {
    firing: bool,
    context: bool,
}

fn parameters(signature: &Signature, options: &Options, errors: &mut Errors) -> Option<Taken> {
    if let Some(receiver) = signature.receiver() {
        errors.over(receiver, "a periodic function has no instance: move it out of the `impl` block");
        return None;
    }
    if !callable(signature, "a periodic function", errors) {
        return None;
    }
    let context = if options.transactional { "TransactionContext" } else { "EventContext" };
    let mut taken = Taken { firing: false, context: false };
    for argument in &signature.inputs {
        let FnArg::Typed(argument) = argument else { continue };
        let name = match ungroup(&argument.ty) {
            Type::Reference(reference) if reference.mutability.is_none() => last_word(&reference.elem),
            _ => None,
        };
        match name.as_deref() {
            Some("Firing") if !taken.firing && !taken.context => taken.firing = true,
            Some(name) if name == context && !taken.context => taken.context = true,
            _ => {
                let wanted = format!("a periodic function takes `&Firing`, then `&{context}`, or leaves them out");
                errors.over(&argument.ty, wanted);
                return None;
            }
        }
    }
    Some(taken)
}

fn registration(function: &ItemFn, schedule: &TokenStream, options: &Options, taken: &Taken) -> TokenStream {
    let (rt, calls, signature) = (&options.runtime, &options.calls, &function.sig);
    let (ident, cfgs) = (&signature.ident, cfgs(&function.attrs));
    let label = ident.unraw().to_string();
    let place = quote!(::core::concat!(::core::module_path!(), "::", #label));
    let id = options.id.as_ref().map_or_else(|| place.clone(), |id| quote!(#id));
    let (context, maker) = if options.transactional {
        ("TransactionContext", "transactional_lent")
    } else {
        ("EventContext", "each_lent")
    };
    let (context, maker) = (Ident::new(context, Span::mixed_site()), Ident::new(maker, Span::mixed_site()));
    let (name, value) = (at(ident.span()), Ident::new("outcome", at(output(signature))));
    let firing = taken.firing.then(|| quote!(firing,));
    let passed = taken.context.then(|| quote!(context));
    let dot_await = signature.asyncness.is_some().then(|| quote_spanned!(name=> .await));
    let call = quote!(#ident(#firing #passed));
    let body = quote_spanned! {name=>
        ::std::boxed::Box::pin(async move {
            let #value = #call #dot_await;
            #rt::HandlerOutcome::into_outcome(#value)
        })
    };
    quote! {
        #(#cfgs)*
        const _: () = {
            fn __earnorm_call<'a>(
                firing: &'a #rt::Firing,
                context: &'a #rt::#context,
            ) -> #rt::BoxFuture<'a, #rt::Handled> {
                let _ = (&firing, &context);
                #body
            }
            fn __earnorm_handler() -> #rt::Handler {
                let id = #id;
                #schedule.#maker(id, __earnorm_call).written_at(#place) #calls
            }
            #rt::inventory::submit! { #rt::HandlerRegistration::new(__earnorm_handler) }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(args: &str, function: &str) -> String {
        let read = |text: &str| TokenStream::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        expand(read(args), read(function)).to_string()
    }

    #[test]
    fn what_is_wrong_with_a_schedule_is_said_where_it_is_written() {
        let wrong = [
            ("", "say when it runs"),
            ("id = \"x\"", "say when it runs"),
            ("\"0s\"", "neither a duration above zero"),
            ("\"soon\"", "neither a duration above zero"),
            ("\"0 3 * *\"", "is not a cron pattern"),
            ("\"0 25 * * *\"", "is not a cron pattern"),
            ("\"60s\", tz = \"UTC\"", "remove `tz`"),
            ("\"60s\", misfire = \"twice\"", "write `\\\"skip\\\"` or"),
            ("\"60s\", overlap = 3", "takes a text"),
            ("\"60s\", tolerance = \"10\"", "is not a duration"),
            ("\"60s\", \"task.*\"", "a schedule has one text"),
            ("\"60s\", start = \"end\"", "remove `start`"),
            ("\"60s\", id = \"Not-OK\"", "lower-case words"),
            ("\"60s\", retri = \"fast\"", "unknown option"),
        ];
        for (args, why) in wrong {
            let text = expanded(args, "fn tick() {}");
            assert!(text.contains("compile_error") && text.contains(why), "{args}: {text}");
            assert!(!text.contains("submit"), "{args}: {text}");
        }
        for function in ["fn tick(&self) {}", "fn tick(n: u8) {}", "fn tick(cx: &EventContext, firing: &Firing) {}"] {
            assert!(expanded("\"60s\"", function).contains("compile_error"), "{function}");
        }
        assert!(expanded("\"60s\", transactional", "fn tick(cx: &EventContext) {}").contains("TransactionContext"));
        assert!(!expanded("\"*/5 * * * *\", retry = \"fast\",", "fn tick() {}").contains("compile_error"));
    }
}
