//! Where generated code finds the library: `::earnorm::__private`, or the path of `crate = "…"`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::Path;

use crate::args::Arg;
use crate::errors::Errors;

/// The path of the hidden module that generated code names.
#[derive(Clone)]
pub(crate) struct Runtime(Option<Path>);

impl Runtime {
    pub(crate) fn new() -> Self {
        Self(None)
    }

    /// Reads `crate = "path"`.
    pub(crate) fn of(arg: &Arg, errors: &mut Errors) -> Self {
        let Some(text) = arg.text(errors) else { return Self(None) };
        match text.parse::<Path>() {
            Ok(path) => Self(Some(path)),
            Err(_) => {
                errors.add(&text, "this is not a path: write the name that Cargo.toml gives to earnorm");
                Self(None)
            }
        }
    }

    /// The path as serde's `crate = "…"` takes it.
    pub(crate) fn serde(&self) -> String {
        let path = match &self.0 {
            Some(path) => path.to_token_stream().to_string().replace(' ', ""),
            None => "::earnorm".to_owned(),
        };
        format!("{path}::__private::serde")
    }
}

impl ToTokens for Runtime {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.extend(match &self.0 {
            Some(path) => quote!(#path::__private),
            None => quote!(::earnorm::__private),
        });
    }
}
