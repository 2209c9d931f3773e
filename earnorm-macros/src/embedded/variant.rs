//! One variant of an embedded enum.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, Fields, LitStr, Type, Variant, parse_quote};

use crate::args;
use crate::errors::Errors;
use crate::fields::{self, Access, FieldModel, Scope};
use crate::runtime::Runtime;
use crate::serde_attrs::SerdeAttrs;

pub(super) struct VariantIr {
    pub(super) ident: Ident,
    pub(super) stored: String,
    pub(super) stored_span: Span,
    pub(super) content: Content,
    pub(super) serde_attributes: Vec<Attribute>,
    cfgs: Vec<Attribute>,
}

pub(super) enum Content {
    Unit,
    /// One value, stored as it is.
    Value(Box<Type>),
    /// Several values, stored as a list.
    List(Vec<Type>),
    /// Fields with names, stored as a document.
    Document(Vec<FieldModel>),
}

impl VariantIr {
    pub(super) fn read(variant: &Variant, container: &SerdeAttrs, type_name: &str, errors: &mut Errors) -> Self {
        let name = variant.ident.unraw().to_string();
        let mut serde = SerdeAttrs::read(&variant.attrs, errors);
        let own = rename(&variant.attrs, errors);
        let (stored, stored_span) = match (&own, &serde.rename, container.rename_all) {
            (Some(text), ..) | (None, Some(text), _) => (text.value(), text.span()),
            (None, None, Some(case)) => (case.variant(&name), variant.ident.span()),
            (None, None, None) => (name.clone(), variant.ident.span()),
        };
        let serde_attributes = match (&own, &serde.rename) {
            (Some(text), None) => vec![parse_quote!(#[serde(rename = #text)])],
            _ => Vec::new(),
        };
        serde.rename_all = serde.rename_all.or(container.rename_all_fields);
        let content = match &variant.fields {
            Fields::Unit => Content::Unit,
            Fields::Unnamed(unnamed) => {
                let mut types: Vec<Type> = unnamed.unnamed.iter().map(|field| field.ty.clone()).collect();
                match (types.len(), types.pop()) {
                    (1, Some(only)) => Content::Value(Box::new(only)),
                    (_, last) => Content::List(types.into_iter().chain(last).collect()),
                }
            }
            Fields::Named(named) => {
                let prefix = format!("{name}_");
                let fields = fields::parse(named, Scope::Variant, &serde, &prefix, type_name, errors);
                fields::check(&fields, errors);
                Content::Document(fields)
            }
        };
        let cfgs = variant.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg")).cloned().collect();
        Self { ident: variant.ident.clone(), stored, stored_span, content, serde_attributes, cfgs }
    }

    /// Its fields with names.
    pub(super) fn fields(&self) -> impl Iterator<Item = &FieldModel> {
        match &self.content {
            Content::Document(fields) => fields.as_slice(),
            _ => &[],
        }
        .iter()
    }

    /// What a lock of shapes must know of it.
    pub(super) fn shape(&self, rt: &Runtime) -> TokenStream {
        let Self { stored, cfgs, .. } = self;
        let content = match &self.content {
            Content::Unit => quote!(Unit),
            Content::Value(ty) => {
                let of = value_of(rt, ty);
                quote!(One(#of::shape))
            }
            Content::List(types) => {
                let of = types.iter().map(|ty| value_of(rt, ty));
                quote!(Many(&[#(#of::shape),*]))
            }
            Content::Document(fields) => {
                let shapes = fields::shapes(rt, fields);
                quote!(Document(&[#shapes]))
            }
        };
        quote!(#(#cfgs)* #rt::shape::Variant { name: #stored, content: #rt::shape::Content::#content })
    }

    /// The arm that writes it.
    pub(super) fn encode(&self, rt: &Runtime) -> TokenStream {
        let Self { ident, stored, cfgs, .. } = self;
        let local = |name: &str| Ident::new(name, Span::mixed_site());
        let arm = match &self.content {
            Content::Unit => quote! {
                Self::#ident => ::core::result::Result::Ok(#rt::bson::Bson::String(
                    ::std::borrow::ToOwned::to_owned(#stored)
                )),
            },
            Content::Value(ty) => {
                let value = local("value");
                let encode = value_of(rt, ty);
                quote!(Self::#ident(#value) => #rt::tagged(#stored, #encode::encode(#value)),)
            }
            Content::List(types) => self.encode_list(rt, types),
            Content::Document(fields) => {
                let document = local("document");
                let names = fields.iter().map(|field| &field.ident);
                let unused = fields.iter().filter(|field| field.skip).map(|field| &field.ident);
                let encode = fields::encode(rt, fields, Access::Bound, &quote!(#document));
                quote! {
                    Self::#ident { #(#names),* } => {
                        #(let _ = #unused;)*
                        #[allow(unused_mut)]
                        let mut #document = #rt::Encoding::new();
                        #encode
                        #rt::tagged(#stored, ::core::result::Result::Ok(#rt::bson::Bson::Document(#document.finish()?)))
                    }
                }
            }
        };
        quote!(#(#cfgs)* #arm)
    }

    /// The arm that reads it.
    pub(super) fn decode(&self, rt: &Runtime) -> TokenStream {
        let Self { ident, stored, cfgs, .. } = self;
        let content = Ident::new("content", Span::mixed_site());
        let some = quote!(::core::option::Option::Some(#content));
        let at = quote!(|error: #rt::DecodeError| error.at(#stored));
        let arm = match &self.content {
            Content::Unit => {
                quote!((#stored, ::core::option::Option::None) => ::core::result::Result::Ok(Self::#ident),)
            }
            Content::Value(ty) => {
                let decode = value_of(rt, ty);
                quote!((#stored, #some) => #decode::decode(#content).map(Self::#ident).map_err(#at),)
            }
            Content::List(types) => self.decode_list(rt, types),
            Content::Document(fields) => {
                let document = Ident::new("document", Span::mixed_site());
                let decode = fields::decode(rt, fields, &quote!(#document));
                quote! {
                    (#stored, #some) => (|| {
                        let #document = &#rt::fields_of(#content)?;
                        let _ = #document;
                        ::core::result::Result::Ok(Self::#ident { #decode })
                    })().map_err(#at),
                }
            }
        };
        quote!(#(#cfgs)* #arm)
    }

    fn encode_list(&self, rt: &Runtime, types: &[Type]) -> TokenStream {
        let Self { ident, stored, .. } = self;
        let local = |name: &str| Ident::new(name, Span::mixed_site());
        let names: Vec<Ident> = (0..types.len()).map(|index| local(&format!("value{index}"))).collect();
        let encode = types.iter().map(|ty| value_of(rt, ty));
        quote! {
            Self::#ident(#(#names),*) => #rt::tagged(#stored, ::core::result::Result::Ok(
                #rt::bson::Bson::Array(<[_]>::into_vec(::std::boxed::Box::new([
                    #(#encode::encode(#names)?),*
                ])))
            )),
        }
    }

    fn decode_list(&self, rt: &Runtime, types: &[Type]) -> TokenStream {
        let Self { ident, stored, .. } = self;
        let content = Ident::new("content", Span::mixed_site());
        let some = quote!(::core::option::Option::Some(#content));
        let at = quote!(|error: #rt::DecodeError| error.at(#stored));
        let len = types.len();
        let items = types.iter().enumerate().map(|(index, ty)| {
            let decode = value_of(rt, ty);
            quote!(#rt::item(items, #index, |stored| #decode::decode(stored)).map_err(#at)?)
        });
        quote! {
            (#stored, #some) => {
                let items = #rt::items(#content, #len).map_err(#at)?;
                let _ = &items;
                ::core::result::Result::Ok(Self::#ident(#(#items),*))
            }
        }
    }
}

fn value_of(rt: &Runtime, ty: &Type) -> TokenStream {
    let span = Span::mixed_site().located_at(ty.span());
    quote_spanned!(span=> <#ty as #rt::Value>)
}

/// Reads `#[model(rename = "…")]` on a variant.
fn rename(attributes: &[Attribute], errors: &mut Errors) -> Option<LitStr> {
    let mut rename = None;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("model")) {
        for arg in args::of_attribute(attribute, &[], errors) {
            match arg.name().as_str() {
                "rename" => rename = arg.text(errors),
                other => errors.unknown(&arg.key, "key", other, &["rename"]),
            }
        }
    }
    rename
}
