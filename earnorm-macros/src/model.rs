//! `#[model]` on a struct: parse → model → check → expand.

mod check;
mod expand;

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::ext::IdentExt;
use syn::{Fields, ItemStruct};

use crate::derives::{self, Wish};
use crate::errors::Errors;
use crate::fields::{self, FieldModel, Scope};
use crate::keys::ModelKeys;
use crate::names;
use crate::serde_attrs::SerdeAttrs;

/// A model, as its attributes describe it.
pub(crate) struct ModelIr {
    pub(crate) ident: Ident,
    /// Its name in Rust, without `r#`.
    pub(crate) rust_name: String,
    /// The category of its streams.
    pub(crate) name: String,
    pub(crate) collection: String,
    pub(crate) fields: Vec<FieldModel>,
    pub(crate) keys: ModelKeys,
}

/// The whole expansion.
pub(crate) fn expand(keys: ModelKeys, mut item: ItemStruct, mut errors: Errors) -> TokenStream {
    let container = SerdeAttrs::read(&item.attrs, &mut errors);
    let rust_name = item.ident.unraw().to_string();
    let fields = match &item.fields {
        Fields::Named(named) => {
            fields::parse(named, Scope::Model, &container, "", &item.ident.to_string(), &mut errors)
        }
        Fields::Unnamed(_) | Fields::Unit => {
            errors.add(&item.ident, "a model needs fields with names, one of them marked `#[model(id)]`");
            Vec::new()
        }
    };
    let name = keys.name.as_ref().map_or_else(|| names::snake(&rust_name), syn::LitStr::value);
    let collection =
        keys.collection.as_ref().map_or_else(|| format!("{}s", names::snake(&rust_name)), syn::LitStr::value);
    let ir = ModelIr { ident: item.ident.clone(), rust_name, name, collection, fields, keys };
    check::check(&ir, &item, &mut errors);
    let wish = Wish { rt: &ir.keys.runtime, serde: ir.keys.serde, broken: !errors.is_empty() };
    let stand_in = derives::dress_struct(&mut item, &ir.fields, wish);
    let generated = if errors.is_empty() { expand::model(&ir) } else { expand::fallback(&ir, &item) };
    let mistakes = errors.into_tokens();
    quote!(#item #stand_in #generated #mistakes)
}

#[cfg(test)]
mod tests {
    use proc_macro2::{TokenStream, TokenTree};

    /// A model with so many fields beside its id, expanded; serde's derives are not.
    fn expanded(fields: usize) -> TokenStream {
        let types = ["String", "i64", "Option<String>", "Vec<String>", "f64"].into_iter().cycle();
        let fields = (1..).zip(types).take(fields).map(|(number, ty)| format!("pub field{number}: {ty},"));
        let item = format!("pub struct Thing {{ #[model(id)] pub id: i64, {} }}", fields.collect::<String>());
        crate::dispatch::expand(TokenStream::new(), item.parse().unwrap())
    }

    fn size(tokens: TokenStream) -> usize {
        let size_of = |token| if let TokenTree::Group(group) = token { 2 + size(group.stream()) } else { 1 };
        tokens.into_iter().map(size_of).sum()
    }

    /// What is generated a field is what makes models slow to compile: `benches/compile.rs` measures it.
    #[test]
    fn a_field_more_is_little_code_more() {
        let (few, many) = (size(expanded(20)), size(expanded(40)));
        let each = (many - few) / 20;
        assert!(each <= 300, "a field more is {each} tokens more");
    }

    /// Each closure is a function of its own, and makes another of each generic one that it is given to.
    #[test]
    fn plain_fields_need_no_closures() {
        let code = expanded(20).to_string();
        assert!(!code.contains('|'), "{code}");
    }
}
