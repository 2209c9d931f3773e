//! Adds `Serialize` and `Deserialize` where the user did not derive them.

use proc_macro2::TokenStream;
use quote::quote;
use syn::punctuated::Punctuated;
use syn::{Attribute, Path, Token, parse_quote};

use crate::runtime::Runtime;

/// Which of both derives are missing.
pub(crate) struct Missing {
    serialize: bool,
    deserialize: bool,
}

impl Missing {
    /// Looks at the derives below the macro.
    pub(crate) fn of(attributes: &[Attribute]) -> Self {
        let mut missing = Self { serialize: true, deserialize: true };
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("derive")) {
            let Ok(paths) = attribute.parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated) else {
                continue;
            };
            for name in paths.iter().filter_map(|path| path.segments.last()).map(|last| last.ident.to_string()) {
                missing.serialize &= name != "Serialize";
                missing.deserialize &= name != "Deserialize";
            }
        }
        missing
    }

    /// Whether the macro adds a derive, and may add serde attributes with it.
    pub(crate) fn any(&self) -> bool {
        self.serialize || self.deserialize
    }

    /// The attributes to put above the item's own.
    pub(crate) fn attributes(&self, rt: &Runtime) -> Vec<Attribute> {
        let paths: Vec<TokenStream> = [(self.serialize, quote!(Serialize)), (self.deserialize, quote!(Deserialize))]
            .into_iter()
            .filter_map(|(missing, name)| missing.then(|| quote!(#rt::serde::#name)))
            .collect();
        if paths.is_empty() {
            return Vec::new();
        }
        let path = rt.serde();
        vec![parse_quote!(#[derive(#(#paths),*)]), parse_quote!(#[serde(crate = #path)])]
    }
}
