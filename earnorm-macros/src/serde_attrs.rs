//! What `#[serde(…)]` says: stored names and JSON names agree unless `#[model(rename)]` says otherwise.

use proc_macro2::Span;
use syn::{Attribute, LitStr, Path};

use crate::args::{self, Arg, ArgValue};
use crate::errors::Errors;
use crate::names::Case;

/// Read from a struct, an enum, a variant or a field.
#[derive(Default)]
pub(crate) struct SerdeAttrs {
    pub(crate) rename: Option<LitStr>,
    pub(crate) rename_all: Option<Case>,
    pub(crate) rename_all_fields: Option<Case>,
    pub(crate) skip: bool,
    pub(crate) default: Option<SerdeDefault>,
    pub(crate) flatten: Option<Span>,
    /// The functions of `with`, `serialize_with`, `deserialize_with`.
    pub(crate) serialize_with: Option<Path>,
    pub(crate) deserialize_with: Option<Path>,
    pub(crate) with_span: Option<Span>,
}

pub(crate) enum SerdeDefault {
    /// `default`
    Trait,
    /// `default = "path"`
    Path(Path),
}

impl SerdeAttrs {
    pub(crate) fn read(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut read = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
            // serde itself reports what it cannot read.
            let mut ignored = Errors::new();
            let args = args::of_attribute(attribute, &["bound", "alias"], &mut ignored);
            drop(ignored.into_tokens());
            for arg in &args {
                read.take(arg, errors);
            }
        }
        read
    }

    fn take(&mut self, arg: &Arg, errors: &mut Errors) {
        match arg.name().as_str() {
            "rename" => self.rename = one_name(arg, errors),
            "rename_all" => self.rename_all = case(arg, errors),
            "rename_all_fields" => self.rename_all_fields = case(arg, errors),
            "skip" => self.skip = true,
            "flatten" => self.flatten = Some(arg.key.span()),
            "default" => {
                self.default = Some(path(arg).map_or(SerdeDefault::Trait, SerdeDefault::Path));
            }
            "with" => {
                self.with_span = Some(arg.key.span());
                if let Some(module) = path(arg) {
                    self.serialize_with = Some(syn::parse_quote!(#module::serialize));
                    self.deserialize_with = Some(syn::parse_quote!(#module::deserialize));
                }
            }
            "serialize_with" => {
                self.with_span = Some(arg.key.span());
                self.serialize_with = path(arg);
            }
            "deserialize_with" => {
                self.with_span = Some(arg.key.span());
                self.deserialize_with = path(arg);
            }
            _ => {}
        }
    }
}

fn text(arg: &Arg) -> Option<LitStr> {
    match &arg.value {
        ArgValue::Value(syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. })) => Some(text.clone()),
        _ => None,
    }
}

fn path(arg: &Arg) -> Option<Path> {
    text(arg)?.parse().ok()
}

fn one_name(arg: &Arg, errors: &mut Errors) -> Option<LitStr> {
    if let ArgValue::List(_) = arg.value {
        errors.add(
            &arg.key,
            "a stored field has one name: write `rename = \"…\"`, or give the stored name with `#[model(rename = \"…\")]` and `#[model(serde = false)]` on the struct",
        );
    }
    text(arg)
}

fn case(arg: &Arg, errors: &mut Errors) -> Option<Case> {
    if let ArgValue::List(_) = arg.value {
        errors.add(&arg.key, "stored fields have one name each: write `rename_all = \"…\"`");
    }
    let text = text(arg)?;
    Case::parse(&text.value()).or_else(|| {
        errors.add(&text.span(), "serde knows no such case: write one like `camelCase` or `snake_case`");
        None
    })
}
