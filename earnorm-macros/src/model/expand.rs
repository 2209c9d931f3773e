//! The code that `#[model]` adds beside a struct.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{Fields, ItemStruct};

use super::ModelIr;
use crate::fields::{self, Access, Codec, FieldModel};
use crate::runtime::Runtime;

/// Everything that a model without mistakes gets.
pub(crate) fn model(ir: &ModelIr) -> TokenStream {
    let ModelIr { ident, keys, .. } = ir;
    let rt = &keys.runtime;
    let inherent = inherent(ir);
    let implementation = implementation(ir);
    let kind = kind(ir);
    let span = Span::mixed_site().located_at(ident.span());
    let registration = quote_spanned!(span=> #rt::ModelRegistration::of::<#ident>());
    quote! {
        #inherent
        const _: () = {
            #implementation
            #kind
            #rt::inventory::submit! { #registration }
        };
    }
}

fn inherent(ir: &ModelIr) -> TokenStream {
    let ModelIr { ident, keys, fields, .. } = ir;
    let constants = fields::constants(&keys.runtime, fields);
    let defaults = fields::default_functions(fields);
    quote! {
        #[automatically_derived]
        impl #ident {
            #constants
            #defaults
        }
    }
}

/// The traits that tell tracked and sourced models apart.
fn kind(ir: &ModelIr) -> TokenStream {
    let ModelIr { ident, keys, .. } = ir;
    let rt = &keys.runtime;
    let event = format_ident!("{}", if ident == "AnyEvent" { "OneEvent" } else { "AnyEvent" });
    let (marker, bound) = if keys.sourced {
        (quote!(Sourced), quote!(where #ident: #rt::ApplyMethod<#event>))
    } else {
        (quote!(Tracked), TokenStream::new())
    };
    let body = if keys.sourced {
        quote!(<Self as #rt::ApplyMethod<#event>>::apply_method(self, event))
    } else {
        quote!({
            let _ = event;
        })
    };
    quote! {
        #[automatically_derived]
        impl #rt::#marker for #ident {}
        #[automatically_derived]
        impl<#event: #rt::Event> #rt::Applies<#event> for #ident #bound {
            fn apply_event(&mut self, event: &#event) {
                #body
            }
        }
    }
}

fn implementation(ir: &ModelIr) -> TokenStream {
    let ModelIr { ident, keys, fields, .. } = ir;
    let rt = &keys.runtime;
    let local = |name| Ident::new(name, Span::mixed_site());
    let (document, errors) = (local("document"), local("errors"));
    let Some(id) = fields.iter().find(|field| field.id.is_some()) else { return TokenStream::new() };
    let (id_ty, id_ident) = (&id.ty, &id.ident);
    let schema = schema(ir);
    let encode = fields::encode(rt, fields, Access::OfSelf, &quote!(#document));
    let decode = fields::decode(rt, fields, &quote!(#document));
    let checks = fields::checks(rt, fields, None, &quote!(#errors));
    let stamp = stamp(ir);
    quote! {
        #[automatically_derived]
        impl #rt::Model for #ident {
            type Id = #id_ty;
            const SCHEMA: &'static #rt::ModelSchema = #schema;
            fn id(&self) -> &Self::Id {
                &self.#id_ident
            }
            fn encode(&self) -> ::core::result::Result<#rt::bson::Document, #rt::EncodeError> {
                let mut #document = #rt::Encoding::new();
                #encode
                #document.finish()
            }
            fn decode_fields(#document: &#rt::Fields<'_>) -> ::core::result::Result<Self, #rt::DecodeError> {
                ::core::result::Result::Ok(Self { #decode })
            }
            fn check(&self, #errors: &mut #rt::ValidationErrors) {
                let _ = &#errors;
                #checks
            }
            #stamp
        }
    }
}

fn stamp(ir: &ModelIr) -> TokenStream {
    let rt = &ir.keys.runtime;
    let now = Ident::new("now", Span::mixed_site());
    let set = |field: &FieldModel| {
        let FieldModel { ident, ty, cfgs, .. } = field;
        let span = Span::mixed_site().located_at(field.ty_span());
        let call = quote_spanned!(span=> <#ty as #rt::Moment>::at(#now));
        quote!(#(#cfgs)* { self.#ident = #call; })
    };
    let created: Vec<_> = ir.fields.iter().filter(|field| field.created_at.is_some()).map(set).collect();
    let updated: Vec<_> = ir.fields.iter().filter(|field| field.updated_at.is_some()).map(set).collect();
    let (has_created, has_updated) = (!created.is_empty() || !updated.is_empty(), !updated.is_empty());
    quote! {
        fn stamp(&mut self, stamp: #rt::Stamp, #now: #rt::chrono::DateTime<#rt::chrono::Utc>) {
            let _ = &#now;
            match stamp {
                #rt::Stamp::Created => { #(#created)* #(#updated)* }
                #rt::Stamp::Updated => { #(#updated)* }
            }
        }
        fn has_stamp(stamp: #rt::Stamp) -> bool {
            match stamp {
                #rt::Stamp::Created => #has_created,
                #rt::Stamp::Updated => #has_updated,
            }
        }
    }
}

fn schema(ir: &ModelIr) -> TokenStream {
    let ModelIr { rust_name, name, collection, keys, fields, .. } = ir;
    let rt = &keys.runtime;
    let version = keys.version.unwrap_or(1);
    let sourced = keys.sourced.then(|| quote!(.sourced()));
    let soft_delete = keys.soft_delete.then(|| quote!(.soft_delete()));
    let id_first = fields.iter().filter(|field| field.id.is_some());
    let others = fields.iter().filter(|field| field.id.is_none() && !field.skip);
    let entries = id_first.chain(others).map(|field| {
        let FieldModel { name, stored, cfgs, .. } = field;
        let (kind, optional) = stored_type(rt, field);
        let (shape, default) = (fields::shape(rt, field), fields::has_default(field));
        quote!(#(#cfgs)* #rt::FieldSchema {
            name: #name, path: #stored, kind: #kind, optional: #optional, shape: #shape, default: #default
        })
    });
    let indexes = indexes(ir);
    let personal = fields::personal(rt, fields);
    let subject = fields.iter().find(|field| field.subject.is_some()).map(|field| {
        let FieldModel { stored, ty, .. } = field;
        let span = Span::mixed_site().located_at(field.ty_span());
        let path = quote_spanned!(span=> #rt::subject_path::<#ty>(#stored));
        quote!(.subject(#path))
    });
    quote! {
        &#rt::ModelSchema::new(
            #name,
            #collection,
            ::core::concat!(::core::module_path!(), "::", #rust_name),
        )
        .version(#version)
        #sourced
        #soft_delete
        .fields(&[#(#entries),*])
        .indexes(&[#indexes])
        .personal(&[#personal])
        #subject
    }
}

/// The kind of a field, and whether null is a value of it.
fn stored_type(rt: &Runtime, field: &FieldModel) -> (TokenStream, TokenStream) {
    let ty = &field.ty;
    let span = Span::mixed_site().located_at(field.ty_span());
    match field.codec {
        Codec::Value => {
            (quote_spanned!(span=> <#ty as #rt::Value>::KIND), quote_spanned!(span=> <#ty as #rt::Value>::OPTIONAL))
        }
        Codec::Serde | Codec::With(..) => (quote!(#rt::StoredKind::Any), quote!(true)),
    }
}

fn indexes(ir: &ModelIr) -> TokenStream {
    let rt = &ir.keys.runtime;
    let key = |field: &FieldModel, descending: bool| {
        let FieldModel { stored, cfgs, .. } = field;
        let (kind, optional) = stored_type(rt, field);
        quote!(#(#cfgs)* #rt::IndexKey {
            path: #stored, descending: #descending, kind: #kind, optional: #optional
        })
    };
    let single = ir.fields.iter().filter_map(|field| {
        let (unique, descending) = match (field.unique, field.index) {
            (Some(_), _) => (true, false),
            (None, Some((_, descending))) => (false, descending),
            (None, None) => return None,
        };
        let (key, cfgs) = (key(field, descending), &field.cfgs);
        Some(quote!(#(#cfgs)* #rt::IndexSchema { keys: &[#key], unique: #unique }))
    });
    let compound = ir.keys.indexes.iter().map(|index| {
        let keys = index.parts.iter().filter_map(|part| {
            let field = ir.fields.iter().find(|field| field.ident == part.field)?;
            Some(key(field, part.descending))
        });
        let unique = index.unique;
        quote!(#rt::IndexSchema { keys: &[#(#keys),*], unique: #unique })
    });
    let all = single.chain(compound);
    quote!(#(#all),*)
}

/// What keeps one mistake one error: a model that other code can name.
pub(crate) fn fallback(ir: &ModelIr, item: &ItemStruct) -> TokenStream {
    let ModelIr { ident, keys, fields, .. } = ir;
    let rt = &keys.runtime;
    if !item.generics.params.is_empty() || !matches!(item.fields, Fields::Named(_)) {
        return TokenStream::new();
    }
    let mut seen = std::collections::BTreeSet::new();
    let constants = fields.iter().filter(|field| seen.insert(field.constant.to_string())).map(|field| {
        let FieldModel { vis, constant, ty, .. } = field;
        quote!(#[allow(dead_code)] #vis const #constant: #rt::Field<Self, #ty> = #rt::Field::new("");)
    });
    let defaults = fields::default_functions(fields);
    let id = fields.iter().find(|field| field.id.is_some());
    let id = id.map_or_else(
        || quote!(::std::string::String),
        |id| {
            let ty = &id.ty;
            quote!(#ty)
        },
    );
    let kind = kind(ir);
    let unused = format_ident!("_unused");
    quote! {
        #[automatically_derived]
        impl #ident { #(#constants)* #defaults }
        const _: () = {
            #[automatically_derived]
            impl #rt::Model for #ident {
                type Id = #id;
                const SCHEMA: &'static #rt::ModelSchema = &#rt::ModelSchema::new("", "", "");
                fn id(&self) -> &Self::Id { loop {} }
                fn encode(&self) -> ::core::result::Result<#rt::bson::Document, #rt::EncodeError> { loop {} }
                fn decode_fields(_: &#rt::Fields<'_>) -> ::core::result::Result<Self, #rt::DecodeError> { loop {} }
                fn check(&self, _: &mut #rt::ValidationErrors) {}
                fn stamp(&mut self, _: #rt::Stamp, #unused: #rt::chrono::DateTime<#rt::chrono::Utc>) {}
            }
            #kind
        };
    }
}
