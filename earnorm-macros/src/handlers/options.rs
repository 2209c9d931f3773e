//! What stands in the parentheses of `#[event_handler(…)]` and `#[on_event(…)]`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Expr, ExprLit, Lit, LitStr, Token};

use super::literals;
use crate::args::{self, Arg, ArgValue};
use crate::errors::Errors;
use crate::keys;
use crate::runtime::Runtime;

/// Which macro the options stand in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// `#[event_handler]` above a function.
    Free,
    /// `#[on_event]` above a method.
    Method,
}

/// What the options say.
pub(crate) struct Options {
    pub(crate) runtime: Runtime,
    pub(crate) patterns: Vec<LitStr>,
    pub(crate) id: Option<LitStr>,
    /// The calls of the builder.
    pub(crate) calls: TokenStream,
    pub(crate) when: Option<Expr>,
    pub(crate) key: Option<Expr>,
    /// How many at once, and how long to wait for them.
    pub(crate) batch: Option<(TokenStream, TokenStream)>,
    pub(crate) transactional: bool,
}

const SHARED: [&str; 15] = [
    "id",
    "except",
    "when",
    "start",
    "retry",
    "timeout",
    "on_dead",
    "parked_max",
    "priority",
    "group",
    "after",
    "rate",
    "breaker",
    "may_cycle",
    "transactional",
];

/// A pattern or a key.
enum Entry {
    Pattern(LitStr),
    Arg(Arg),
}

impl Parse for Entry {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.peek(LitStr) { input.parse().map(Self::Pattern) } else { input.parse().map(Self::Arg) }
    }
}

/// Reads the parentheses, if they can be read at all. Generated code names `runtime`, or what `crate = "…"` says.
pub(crate) fn read(tokens: TokenStream, place: Place, runtime: Runtime, errors: &mut Errors) -> Option<Options> {
    let mut options = Options {
        runtime,
        patterns: Vec::new(),
        id: None,
        calls: TokenStream::new(),
        when: None,
        key: None,
        batch: None,
        transactional: place == Place::Method,
    };
    let entries = match Punctuated::<Entry, Token![,]>::parse_terminated.parse2(tokens) {
        Ok(entries) => entries,
        Err(error) => {
            errors.syn(error);
            return None;
        }
    };
    let mut args = Vec::new();
    for entry in entries {
        match entry {
            Entry::Pattern(text) => {
                literals::pattern(&text, errors);
                options.patterns.push(text);
            }
            Entry::Arg(arg) => args.push(arg),
        }
    }
    let args = args::once(args, &[], errors);
    if let Some(arg) = args.iter().find(|arg| arg.name() == "crate" && place == Place::Free) {
        options.runtime = Runtime::of(arg, errors);
    }
    for arg in &args {
        options.take(arg, place, errors);
    }
    options.exclude(&args, place, errors);
    Some(options)
}

impl Options {
    fn take(&mut self, arg: &Arg, place: Place, errors: &mut Errors) {
        let name = arg.name();
        match name.as_str() {
            "id" => self.id = arg.text(errors).inspect(|text| literals::id(text, errors)),
            "when" => self.when = expression(arg, "|event: &RecordedEvent| …", errors),
            "key" if place == Place::Method => self.key = expression(arg, "|event| Some(event.user_id)", errors),
            "batch" if place == Place::Free => self.batch = batch(arg, errors),
            "transactional" => self.transactional = yes(arg, errors),
            "crate" if place == Place::Free => {}
            "concurrency" => self.call(arg, number(arg, errors)),
            "except" => {
                let texts = texts(arg, "\"user.deleted\"", errors);
                texts.iter().for_each(|text| literals::pattern(text, errors));
                self.call(arg, Some(quote!([#(#texts),*])));
            }
            "after" => {
                for text in texts(arg, "\"other-handler\"", errors) {
                    literals::id(&text, errors);
                    self.call(arg, Some(text.to_token_stream()));
                }
            }
            "may_cycle" => {
                if arg.flag(errors) {
                    self.call(arg, Some(TokenStream::new()));
                }
            }
            _ if SHARED.contains(&name.as_str()) => {
                let rt = self.runtime.clone();
                let value = value(&rt, arg, errors);
                self.call(arg, value);
            }
            _ => unknown(arg, place, errors),
        }
    }

    /// Adds a call of the method that has the key's name.
    fn call(&mut self, arg: &Arg, value: Option<TokenStream>) {
        let name = Ident::new(&arg.name(), Span::mixed_site().located_at(arg.value_span()));
        self.calls.extend(value.map(|value| quote!(.#name(#value))));
    }

    /// Refuses options that exclude each other.
    fn exclude(&self, args: &[Arg], place: Place, errors: &mut Errors) {
        let find = |name: &str| args.iter().find(|arg| arg.name() == name);
        if let (Place::Free, true, Some(arg)) = (place, self.transactional, find("batch")) {
            errors.add(
                &arg.key,
                "a transactional handler commits its progress with each event: remove `batch` or `transactional`",
            );
        }
        if let (true, Some(arg)) = (self.transactional, find("concurrency")) {
            let cure = match place {
                Place::Free => "remove `concurrency` or `transactional`",
                Place::Method => "remove `concurrency`, or write `transactional = false`",
            };
            errors.add(&arg.key, format!("a transactional handler takes one event after the other: {cure}"));
        }
    }
}

fn unknown(arg: &Arg, place: Place, errors: &mut Errors) {
    let name = arg.name();
    match (name.as_str(), place) {
        ("batch", Place::Method) => errors.add(
            &arg.key,
            "a method handles one event with its instance: take batches in a free function with `#[event_handler(batch(…))]`",
        ),
        ("key", Place::Free) => {
            errors.add(&arg.key, "only a method has an instance: `key` belongs to `#[on_event]`");
        }
        ("crate", Place::Method) => {
            errors.add(&arg.key, "write `#[model(crate = \"…\")]` above the `impl` block instead");
        }
        _ => {
            let own: &[&str] =
                if place == Place::Free { &["concurrency", "batch", "crate"] } else { &["concurrency", "key"] };
            let known: Vec<&str> = SHARED.iter().chain(own).copied().collect();
            errors.unknown(&arg.key, "option", &name, &known);
        }
    }
}

/// The argument of a call that takes one value.
fn value(rt: &Runtime, arg: &Arg, errors: &mut Errors) -> Option<TokenStream> {
    match arg.name().as_str() {
        "start" => {
            choice(arg, &[("beginning", quote!(#rt::Start::Beginning)), ("end", quote!(#rt::Start::End))], errors)
        }
        "retry" => {
            let policies = ["fast", "standard", "webhook", "never"];
            let policies = policies.map(|name| (name, Ident::new(name, Span::mixed_site())));
            let choices = policies.map(|(name, ident)| (name, quote!(#rt::RetryPolicy::#ident())));
            choice(arg, &choices, errors)
        }
        "on_dead" => {
            choice(arg, &[("park", quote!(#rt::OnDead::Park)), ("continue", quote!(#rt::OnDead::Continue))], errors)
        }
        "timeout" => time(arg, errors),
        "rate" => match literal(arg) {
            Some(_) => literals::rate(rt, &arg.text(errors)?, errors),
            None => expression(arg, "\"10/s\"", errors).map(ToTokens::into_token_stream),
        },
        "parked_max" => number(arg, errors),
        "priority" => match literal(arg) {
            Some(_) => arg.number::<i32>(errors).map(ToTokens::into_token_stream),
            None => expression(arg, "1", errors).map(ToTokens::into_token_stream),
        },
        "group" => {
            let text = arg.text(errors)?;
            if text.value().is_empty() {
                errors.add(&text, "a group needs a name: write `group = \"mail\"`");
            }
            Some(text.into_token_stream())
        }
        _ => breaker(rt, arg, errors),
    }
}

/// A literal that stands as the value.
fn literal(arg: &Arg) -> Option<&Lit> {
    match &arg.value {
        ArgValue::Value(Expr::Lit(ExprLit { lit, .. })) => Some(lit),
        _ => None,
    }
}

/// The value as it is written.
fn expression(arg: &Arg, example: &str, errors: &mut Errors) -> Option<Expr> {
    if let ArgValue::Value(value) = &arg.value {
        return Some(value.clone());
    }
    errors.add(&arg.key, format!("`{0}` takes a value: write `{0} = {example}`", arg.key));
    None
}

/// One of a few names, or an expression.
fn choice(arg: &Arg, choices: &[(&str, TokenStream)], errors: &mut Errors) -> Option<TokenStream> {
    let names: Vec<String> = choices.iter().map(|(name, _)| format!("`\"{name}\"`")).collect();
    let names = names.join(" or ");
    match (literal(arg), &arg.value) {
        (Some(Lit::Str(text)), _) => {
            let value = text.value();
            let found = choices.iter().find(|(name, _)| *name == value).map(|(_, tokens)| tokens.clone());
            if found.is_none() {
                errors.add(text, format!("`{value}` is no `{}`: write {names}", arg.key));
            }
            found
        }
        (None, ArgValue::Value(value)) => Some(value.to_token_stream()),
        _ => {
            errors.add(&arg.value_span(), format!("`{0}` takes a text: write {names}", arg.key));
            None
        }
    }
}

/// A number of things, at least one.
fn number(arg: &Arg, errors: &mut Errors) -> Option<TokenStream> {
    if literal(arg).is_none()
        && let ArgValue::Value(value) = &arg.value
        && !matches!(value, Expr::Unary(_))
    {
        return Some(value.to_token_stream());
    }
    let number = arg.number::<u32>(errors)?;
    if number == 0 {
        errors.add(&arg.value_span(), format!("`{}` is at least 1", arg.key));
        return None;
    }
    let number = proc_macro2::Literal::u32_unsuffixed(number);
    Some(number.into_token_stream())
}

/// The texts of `key = "a"` or `key("a", "b")`.
fn texts(arg: &Arg, example: &str, errors: &mut Errors) -> Vec<LitStr> {
    let texts = match &arg.value {
        ArgValue::Value(_) => return arg.text(errors).into_iter().collect(),
        ArgValue::List(tokens) if !tokens.is_empty() => return arg.list(errors),
        ArgValue::List(_) | ArgValue::Flag => Vec::new(),
    };
    errors.add(&arg.key, format!("`{0}` takes texts: write `{0} = {example}` or `{0}({example}, …)`", arg.key));
    texts
}

/// `transactional`, `transactional = false`.
fn yes(arg: &Arg, errors: &mut Errors) -> bool {
    matches!(arg.value, ArgValue::Flag) || keys::yes_or_no(arg, errors)
}

/// The keys in the parentheses of `key(a = 1, b = 2)`, both of which must be there.
fn pair(arg: &Arg, names: [&str; 2], example: &str, errors: &mut Errors) -> Option<[Arg; 2]> {
    let wrong = format!("write `{example}`");
    let ArgValue::List(tokens) = &arg.value else {
        errors.add(&arg.key, wrong);
        return None;
    };
    let (mut first, mut second, mut known) = (None, None, true);
    for inner in args::parse(tokens.clone(), &[], errors) {
        let name = inner.name();
        if name == names[0] {
            first = Some(inner);
        } else if name == names[1] {
            second = Some(inner);
        } else {
            known = false;
            errors.unknown(&inner.key, "key", &name, &names);
        }
    }
    if known && (first.is_none() || second.is_none()) {
        errors.add(&arg.key, wrong);
    }
    Some([first?, second?])
}

fn time(arg: &Arg, errors: &mut Errors) -> Option<TokenStream> {
    match literal(arg) {
        Some(_) => literals::duration(&arg.text(errors)?, errors),
        None => expression(arg, "\"30s\"", errors).map(ToTokens::into_token_stream),
    }
}

fn breaker(rt: &Runtime, arg: &Arg, errors: &mut Errors) -> Option<TokenStream> {
    let [failures, rest] = pair(arg, ["failures", "rest"], "breaker(failures = 5, rest = \"30s\")", errors)?;
    let (failures, rest) = (number(&failures, errors), time(&rest, errors));
    let (failures, rest) = (failures?, rest?);
    Some(quote!(#rt::Breaker::new(#failures, #rest)))
}

fn batch(arg: &Arg, errors: &mut Errors) -> Option<(TokenStream, TokenStream)> {
    let [max, wait] = pair(arg, ["max", "wait"], "batch(max = 100, wait = \"200ms\")", errors)?;
    let (max, wait) = (number(&max, errors), time(&wait, errors));
    Some((max?, wait?))
}
