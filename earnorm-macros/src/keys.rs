//! The keys of `#[model(…)]` on a struct or an enum.

use proc_macro2::{Ident, Span, TokenStream};
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{LitStr, Token};

use crate::args::{self, Arg, ArgValue};
use crate::errors::Errors;
use crate::runtime::Runtime;

/// What `#[model(…)]` says of a type.
pub(crate) struct ModelKeys {
    pub(crate) runtime: Runtime,
    pub(crate) embedded: Option<Span>,
    pub(crate) collection: Option<LitStr>,
    pub(crate) name: Option<LitStr>,
    pub(crate) version: Option<u32>,
    pub(crate) sourced: bool,
    pub(crate) soft_delete: bool,
    /// Whether missing serde derives are added.
    pub(crate) serde: bool,
    pub(crate) indexes: Vec<CompoundIndex>,
    /// Every key that was given, with its place.
    pub(crate) given: Vec<Ident>,
}

/// `index(name, -age)` or `unique(tenant, email)`.
pub(crate) struct CompoundIndex {
    pub(crate) unique: bool,
    pub(crate) span: Span,
    pub(crate) parts: Vec<IndexPart>,
}

/// One field of a compound index.
pub(crate) struct IndexPart {
    pub(crate) descending: bool,
    pub(crate) field: Ident,
}

impl Parse for IndexPart {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let descending = input.parse::<Option<Token![-]>>()?.is_some();
        let field = <Ident as syn::ext::IdentExt>::parse_any(input)?;
        Ok(Self { descending, field })
    }
}

const KEYS: [&str; 10] =
    ["collection", "name", "version", "sourced", "soft_delete", "crate", "serde", "embedded", "index", "unique"];

impl ModelKeys {
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut keys = Self {
            runtime: Runtime::new(),
            embedded: None,
            collection: None,
            name: None,
            version: None,
            sourced: false,
            soft_delete: false,
            serde: true,
            indexes: Vec::new(),
            given: Vec::new(),
        };
        for arg in args::parse(tokens, &["index", "unique"], errors) {
            keys.take(&arg, errors);
            keys.given.push(arg.key);
        }
        keys
    }

    fn take(&mut self, arg: &Arg, errors: &mut Errors) {
        let name = arg.name();
        match name.as_str() {
            "collection" => self.collection = arg.text(errors),
            "name" => self.name = arg.text(errors),
            "version" => self.version = version(arg, errors),
            "sourced" => self.sourced = arg.flag(errors),
            "soft_delete" => self.soft_delete = arg.flag(errors),
            "embedded" => self.embedded = arg.flag(errors).then(|| arg.key.span()),
            "crate" => self.runtime = Runtime::of(arg, errors),
            "serde" => self.serde = yes_or_no(arg, errors),
            "index" | "unique" => self.indexes.extend(compound(arg, name == "unique", errors)),
            _ => errors.unknown(&arg.key, "key", &name, &KEYS),
        }
    }
}

/// Reads `version = N`.
pub(crate) fn version(arg: &Arg, errors: &mut Errors) -> Option<u32> {
    let version = arg.number::<u32>(errors)?;
    if version == 0 {
        errors.add(&arg.value_span(), "versions count from 1");
        return None;
    }
    Some(version)
}

/// Reads `serde = false`.
pub(crate) fn yes_or_no(arg: &Arg, errors: &mut Errors) -> bool {
    if let ArgValue::Value(syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Bool(value), .. })) = &arg.value {
        return value.value;
    }
    errors.add(&arg.value_span(), format!("write `{0} = false`, or leave `{0}` out", arg.key));
    true
}

fn compound(arg: &Arg, unique: bool, errors: &mut Errors) -> Option<CompoundIndex> {
    let parts: Vec<IndexPart> = arg.list(errors);
    if !matches!(&arg.value, ArgValue::List(tokens) if !tokens.is_empty()) {
        errors.add(
            &arg.key,
            format!("`{0}` on the struct names its fields: write `{0}(first, -second)`, or put `#[model({0})]` on one field", arg.key),
        );
    }
    (!parts.is_empty()).then(|| CompoundIndex { unique, span: arg.key.span().span(), parts })
}
