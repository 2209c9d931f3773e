//! The arguments of an attribute: `key`, `key = value`, `key(…)`.

use std::str::FromStr;

use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, ExprLit, ExprUnary, Lit, LitStr, Meta, Token, UnOp};

use crate::errors::Errors;

/// One argument.
pub(crate) struct Arg {
    pub(crate) key: Ident,
    pub(crate) value: ArgValue,
}

pub(crate) enum ArgValue {
    /// `key`
    Flag,
    /// `key = value`
    Value(Expr),
    /// `key(…)`
    List(TokenStream),
}

impl Parse for Arg {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let key = Ident::parse_any(input)?;
        let value = if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            ArgValue::Value(input.parse()?)
        } else if input.peek(syn::token::Paren) {
            let content;
            syn::parenthesized!(content in input);
            ArgValue::List(content.parse()?)
        } else {
            ArgValue::Flag
        };
        Ok(Self { key, value })
    }
}

impl Arg {
    pub(crate) fn name(&self) -> String {
        self.key.unraw().to_string()
    }

    /// Whether the key stands alone, as it must.
    pub(crate) fn flag(&self, errors: &mut Errors) -> bool {
        let ok = matches!(self.value, ArgValue::Flag);
        if !ok {
            errors.add(&self.key, format!("`{0}` takes no value: write `{0}`", self.key));
        }
        ok
    }

    /// The text of `key = "text"`.
    pub(crate) fn text(&self, errors: &mut Errors) -> Option<LitStr> {
        if let ArgValue::Value(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) = &self.value {
            return Some(text.clone());
        }
        errors.add(&self.value_span(), format!("`{0}` takes a text: write `{0} = \"…\"`", self.key));
        None
    }

    /// The number of `key = number`.
    pub(crate) fn number<N: FromStr>(&self, errors: &mut Errors) -> Option<N> {
        let number = match &self.value {
            ArgValue::Value(Expr::Lit(ExprLit { lit: Lit::Int(number), .. })) => number.base10_digits().parse().ok(),
            ArgValue::Value(Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. })) => match &**expr {
                Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => format!("-{}", number.base10_digits()).parse().ok(),
                _ => None,
            },
            _ => None,
        };
        if number.is_none() {
            errors.add(&self.value_span(), format!("`{0}` takes a whole number: write `{0} = 1`", self.key));
        }
        number
    }

    /// Where the value stands, or the key without one.
    pub(crate) fn value_span(&self) -> proc_macro2::Span {
        match &self.value {
            ArgValue::Value(value) => value.span(),
            ArgValue::Flag | ArgValue::List(_) => self.key.span(),
        }
    }

    /// The list of `key(a, b)`, read as `T`s.
    pub(crate) fn list<T: Parse>(&self, errors: &mut Errors) -> Vec<T> {
        let ArgValue::List(tokens) = &self.value else { return Vec::new() };
        match Punctuated::<T, Token![,]>::parse_terminated.parse2(tokens.clone()) {
            Ok(list) => list.into_iter().collect(),
            Err(error) => {
                errors.syn(error);
                Vec::new()
            }
        }
    }
}

/// Reads arguments; those of `repeatable` may come more than once.
pub(crate) fn parse(tokens: TokenStream, repeatable: &[&str], errors: &mut Errors) -> Vec<Arg> {
    let args = match Punctuated::<Arg, Token![,]>::parse_terminated.parse2(tokens) {
        Ok(args) => args,
        Err(error) => {
            errors.syn(error);
            return Vec::new();
        }
    };
    once(args.into_iter().collect(), repeatable, errors)
}

/// Refuses arguments that are given twice.
pub(crate) fn once(args: Vec<Arg>, repeatable: &[&str], errors: &mut Errors) -> Vec<Arg> {
    let mut seen = std::collections::BTreeSet::new();
    args.into_iter()
        .filter(|arg| {
            let name = arg.name();
            let first = repeatable.contains(&name.as_str()) || seen.insert(name.clone());
            if !first {
                errors.add(&arg.key, format!("`{name}` is given twice: remove one"));
            }
            first
        })
        .collect()
}

/// The arguments of an attribute on a field; `#[key]` alone has none.
pub(crate) fn of_attribute(attribute: &Attribute, repeatable: &[&str], errors: &mut Errors) -> Vec<Arg> {
    match &attribute.meta {
        Meta::Path(_) => Vec::new(),
        Meta::List(list) => parse(list.tokens.clone(), repeatable, errors),
        Meta::NameValue(pair) => {
            errors.add(&pair.eq_token, "this attribute takes its keys in parentheses");
            Vec::new()
        }
    }
}
