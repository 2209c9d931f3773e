//! Adds `Serialize` and `Deserialize` where the user did not derive them.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::punctuated::Punctuated;
use syn::{Attribute, Fields, ItemEnum, ItemStruct, Path, Token, parse_quote};

use crate::fields::{self, FieldModel};
use crate::runtime::Runtime;

/// Whether the macro adds derives, and to what.
#[derive(Clone, Copy)]
pub(crate) struct Wish<'a> {
    pub(crate) rt: &'a Runtime,
    /// `serde = false` turns it off.
    pub(crate) serde: bool,
    /// Whether mistakes were found: then derives would only repeat them.
    pub(crate) broken: bool,
}

/// Leaves a struct as it is written, without our markers and with the derives that it lacks. What is returned stands
/// in for them after mistakes.
pub(crate) fn dress_struct(item: &mut ItemStruct, fields: &[FieldModel], wish: Wish<'_>) -> TokenStream {
    fields::strip(&mut item.fields);
    let missing = Missing::of(&item.attrs);
    if wish.replaces(&missing, &item.generics) {
        strip_serde(&mut item.attrs);
        item.fields.iter_mut().for_each(|field| strip_serde(&mut field.attrs));
        return stand_in(wish.rt, &item.ident);
    }
    if wish.serde && missing.any() {
        item.attrs.splice(0..0, missing.attributes(wish.rt));
        translate(&mut item.fields, fields.iter());
    }
    TokenStream::new()
}

/// The same for an enum; `variants` are what serde must know of each variant and its fields.
pub(crate) fn dress_enum<'f>(
    item: &mut ItemEnum,
    variants: impl Iterator<Item = (&'f [Attribute], Vec<&'f FieldModel>)>,
    wish: Wish<'_>,
) -> TokenStream {
    for variant in &mut item.variants {
        variant.attrs.retain(|attribute| !attribute.path().is_ident("model"));
        fields::strip(&mut variant.fields);
    }
    let missing = Missing::of(&item.attrs);
    if wish.replaces(&missing, &item.generics) {
        strip_serde(&mut item.attrs);
        for variant in &mut item.variants {
            strip_serde(&mut variant.attrs);
            variant.fields.iter_mut().for_each(|field| strip_serde(&mut field.attrs));
        }
        return stand_in(wish.rt, &item.ident);
    }
    if wish.serde && missing.any() {
        item.attrs.splice(0..0, missing.attributes(wish.rt));
        for (variant, (attributes, fields)) in item.variants.iter_mut().zip(variants) {
            variant.attrs.extend(attributes.iter().cloned());
            translate(&mut variant.fields, fields.into_iter());
        }
    }
    TokenStream::new()
}

fn translate<'f>(fields: &mut Fields, models: impl Iterator<Item = &'f FieldModel>) {
    for (field, model) in fields.iter_mut().zip(models) {
        field.attrs.extend(model.serde_attributes.iter().cloned());
    }
}

fn strip_serde(attributes: &mut Vec<Attribute>) {
    attributes.retain(|attribute| !attribute.path().is_ident("serde"));
}

fn stand_in(rt: &Runtime, ident: &Ident) -> TokenStream {
    quote! {
        const _: () = {
            #[automatically_derived]
            impl #rt::serde::Serialize for #ident {
                fn serialize<S: #rt::serde::Serializer>(&self, _: S) -> ::core::result::Result<S::Ok, S::Error> {
                    loop {}
                }
            }
            #[automatically_derived]
            impl<'de> #rt::serde::Deserialize<'de> for #ident {
                fn deserialize<D: #rt::serde::Deserializer<'de>>(_: D) -> ::core::result::Result<Self, D::Error> {
                    loop {}
                }
            }
        };
    }
}

impl Wish<'_> {
    fn replaces(self, missing: &Missing, generics: &syn::Generics) -> bool {
        self.broken && self.serde && missing.serialize && missing.deserialize && generics.params.is_empty()
    }
}

/// Which of both derives are missing.
struct Missing {
    serialize: bool,
    deserialize: bool,
}

impl Missing {
    /// Looks at the derives below the macro.
    fn of(attributes: &[Attribute]) -> Self {
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

    fn any(&self) -> bool {
        self.serialize || self.deserialize
    }

    /// The attributes to put above the item's own.
    fn attributes(&self, rt: &Runtime) -> Vec<Attribute> {
        let paths = [(self.serialize, quote!(Serialize)), (self.deserialize, quote!(Deserialize))]
            .into_iter()
            .filter_map(|(missing, name)| missing.then(|| quote!(#rt::serde::#name)));
        let path = rt.serde();
        vec![parse_quote!(#[derive(#(#paths),*)]), parse_quote!(#[serde(crate = #path)])]
    }
}
