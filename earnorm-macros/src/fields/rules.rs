//! `#[validate(…)]` on fields.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Attribute, Expr, LitStr, Meta, Path};

use super::Scope;
use crate::args::{self, Arg, ArgValue};
use crate::errors::Errors;
use crate::runtime::Runtime;

/// One rule of a field.
pub(crate) struct Rule {
    span: Span,
    kind: Kind,
}

enum Kind {
    Length(Option<Expr>, Option<Expr>),
    Range(Option<Expr>, Option<Expr>),
    Email,
    Url,
    Pattern(LitStr),
    Nested,
    Custom(Path),
}

const RULES: [&str; 7] = ["length", "range", "email", "url", "pattern", "nested", "custom"];

impl Rule {
    pub(crate) fn read(attributes: &[Attribute], scope: Scope, errors: &mut Errors) -> Vec<Self> {
        let mut rules = Vec::new();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("validate")) {
            if matches!(scope, Scope::Event | Scope::Variant) {
                errors.add(
                    &attribute.path(),
                    "rules belong to the fields of models and embedded structs: remove `#[validate]` here",
                );
                continue;
            }
            let args = args::of_attribute(attribute, &["custom", "pattern"], errors);
            if let Meta::Path(path) = &attribute.meta {
                errors.add(path, "name the rules: `#[validate(length(min = 1), email)]`");
            }
            rules.extend(args.iter().filter_map(|arg| Self::parse(arg, errors)));
        }
        rules
    }

    fn parse(arg: &Arg, errors: &mut Errors) -> Option<Self> {
        let name = arg.name();
        let kind = match name.as_str() {
            "length" => bounds(arg, errors).map(|(min, max)| Kind::Length(min, max)),
            "range" => bounds(arg, errors).map(|(min, max)| Kind::Range(min, max)),
            "email" => arg.flag(errors).then_some(Kind::Email),
            "url" => arg.flag(errors).then_some(Kind::Url),
            "nested" => arg.flag(errors).then_some(Kind::Nested),
            "pattern" => pattern(arg, errors).map(Kind::Pattern),
            "custom" => custom(arg, errors).map(Kind::Custom),
            _ => {
                errors.unknown(&arg.key, "rule", &name, &RULES);
                None
            }
        }?;
        Some(Self { span: arg.key.span(), kind })
    }

    /// The call that adds the rule's error, for a place `value` of type `&Field`.
    pub(crate) fn expand(
        &self,
        rt: &Runtime,
        value: &TokenStream,
        path: &TokenStream,
        to: &TokenStream,
    ) -> TokenStream {
        let span = Span::mixed_site().located_at(self.span);
        let value = respan(value.clone(), self.span);
        match &self.kind {
            Kind::Length(min, max) => {
                let (min, max) = (option(min), option(max));
                quote_spanned!(span=> #rt::validation::length(#value, (#min, #max), #path, #to);)
            }
            Kind::Range(min, max) => {
                let (min, max) = (option(min), option(max));
                quote_spanned!(span=> #rt::validation::range(#value, (#min, #max), #path, #to);)
            }
            Kind::Email => quote_spanned!(span=> #rt::validation::email(#value, #path, #to);),
            Kind::Url => quote_spanned!(span=> #rt::validation::url(#value, #path, #to);),
            Kind::Nested => quote_spanned!(span=> #rt::validation::nested(#value, #path, #to);),
            Kind::Custom(function) => {
                quote_spanned!(span=> #rt::validation::custom(#function(#value), #path, #to);)
            }
            Kind::Pattern(pattern) => quote_spanned! {span=> {
                static __EARNORM_PATTERN: ::std::sync::LazyLock<#rt::regex::Regex> =
                    ::std::sync::LazyLock::new(|| #rt::validation::compile(#pattern));
                #rt::validation::pattern(#value, &__EARNORM_PATTERN, #path, #to);
            }},
        }
    }
}

/// The same tokens, so that the compiler points at the rule.
fn respan(tokens: TokenStream, span: Span) -> TokenStream {
    tokens
        .into_iter()
        .map(|mut token| {
            token.set_span(token.span().located_at(span));
            token
        })
        .collect()
}

fn option(bound: &Option<Expr>) -> TokenStream {
    match bound {
        Some(bound) => quote!(::core::option::Option::Some(#bound)),
        None => quote!(::core::option::Option::None),
    }
}

fn bounds(arg: &Arg, errors: &mut Errors) -> Option<(Option<Expr>, Option<Expr>)> {
    let (mut min, mut max) = (None, None);
    let mut read = false;
    for bound in arg.list::<Arg>(errors) {
        read = true;
        let ArgValue::Value(value) = &bound.value else {
            errors.add(&bound.key, format!("write `{0}(min = 1, max = 10)`", arg.key));
            continue;
        };
        match bound.name().as_str() {
            "min" => min = Some(value.clone()),
            "max" => max = Some(value.clone()),
            other => errors.unknown(&bound.key, "bound", other, &["min", "max"]),
        }
    }
    if !read {
        errors.add(&arg.key, format!("`{0}` needs a bound: write `{0}(min = 1, max = 10)`", arg.key));
    }
    (min.is_some() || max.is_some()).then_some((min, max))
}

fn pattern(arg: &Arg, errors: &mut Errors) -> Option<LitStr> {
    let text = match &arg.value {
        ArgValue::List(tokens) => syn::parse2::<LitStr>(tokens.clone()).ok(),
        ArgValue::Flag | ArgValue::Value(_) => None,
    };
    let Some(text) = text else {
        errors.add(&arg.key, "`pattern` takes a regular expression: write `pattern(\"^[a-z]+$\")`");
        return None;
    };
    if let Err(error) = regex_syntax::parse(&text.value()) {
        errors.add(&text, format!("this is not a regular expression: {}", kind_of(&error)));
        return None;
    }
    Some(text)
}

fn kind_of(error: &regex_syntax::Error) -> String {
    match error {
        regex_syntax::Error::Parse(error) => error.kind().to_string(),
        regex_syntax::Error::Translate(error) => error.kind().to_string(),
        other => other.to_string(),
    }
}

fn custom(arg: &Arg, errors: &mut Errors) -> Option<Path> {
    let path = match &arg.value {
        ArgValue::List(tokens) => syn::parse2::<Path>(tokens.clone()).ok(),
        ArgValue::Flag | ArgValue::Value(_) => None,
    };
    if path.is_none() {
        errors.add(&arg.key, "`custom` takes a function: write `custom(path::to::function)`");
    }
    path
}
