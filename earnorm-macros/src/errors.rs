//! All mistakes of one macro call, reported together at the user's own tokens.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::spanned::Spanned;

/// Collects mistakes until the end of the expansion.
pub(crate) struct Errors {
    found: darling::error::Accumulator,
    any: bool,
}

impl Errors {
    pub(crate) fn new() -> Self {
        Self { found: darling::Error::accumulator(), any: false }
    }

    /// Adds a mistake at a token.
    pub(crate) fn add(&mut self, at: &impl Spanned, message: impl std::fmt::Display) {
        self.any = true;
        self.found.push(darling::Error::custom(message).with_span(at));
    }

    /// Adds a mistake that stretches over all of `tokens`.
    pub(crate) fn over(&mut self, tokens: &impl ToTokens, message: impl std::fmt::Display) {
        self.syn(syn::Error::new_spanned(tokens, message));
    }

    /// Adds what syn found.
    pub(crate) fn syn(&mut self, error: syn::Error) {
        self.any = true;
        self.found.push(error.into());
    }

    /// Adds a name that does not exist, with the one that was probably meant.
    pub(crate) fn unknown(&mut self, at: &impl Spanned, what: &str, name: &str, known: &[&str]) {
        let text = darling::Error::unknown_field_with_alts(name, known).to_string();
        let text = text.strip_prefix("Unknown field: ").unwrap_or(&text).to_owned();
        self.add(at, format!("unknown {what} {text}"));
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.any
    }

    /// The mistakes as `compile_error!` calls.
    pub(crate) fn into_tokens(self) -> TokenStream {
        let found = self.found.into_inner();
        if found.is_empty() {
            return TokenStream::new();
        }
        darling::Error::multiple(found).flatten().write_errors()
    }
}
