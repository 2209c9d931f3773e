//! The code that reads, writes and checks fields.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};

use super::{Absent, Codec, FieldModel};
use crate::runtime::Runtime;

/// How generated code reaches a field.
#[derive(Clone, Copy)]
pub(crate) enum Access {
    /// `&self.field`
    OfSelf,
    /// `field`, bound to a reference by a pattern
    Bound,
}

impl Access {
    fn of(self, field: &FieldModel) -> TokenStream {
        let ident = &field.ident;
        match self {
            Self::OfSelf => quote!(&self.#ident),
            Self::Bound => quote!(#ident),
        }
    }
}

/// Where mistakes in a field's type are shown.
fn of_type(field: &FieldModel) -> Span {
    Span::mixed_site().located_at(field.ty_span())
}

/// Statements that write the fields into `document`, an `Encoding`.
pub(crate) fn encode(rt: &Runtime, fields: &[FieldModel], access: Access, document: &TokenStream) -> TokenStream {
    let id_first = fields.iter().filter(|field| field.id.is_some());
    let others = fields.iter().filter(|field| field.id.is_none() && !field.skip);
    let statements = id_first.chain(others).map(|field| {
        let FieldModel { stored, cfgs, .. } = field;
        let value = encode_value(rt, field, &access.of(field));
        let value = match field.personal {
            Some(_) => quote!(::core::result::Result::map_err(#value, #rt::EncodeError::veiled)),
            None => value,
        };
        quote!(#(#cfgs)* #rt::write(&mut #document, #stored, #value);)
    });
    quote!(#(#statements)*)
}

fn encode_value(rt: &Runtime, field: &FieldModel, place: &TokenStream) -> TokenStream {
    let ty = &field.ty;
    let span = of_type(field);
    match &field.codec {
        Codec::Value => quote_spanned!(span=> <#ty as #rt::Value>::encode(#place)),
        Codec::Serde | Codec::With(None, _) => quote_spanned!(span=> #rt::encode_serde::<#ty>(#place)),
        Codec::With(Some(function), _) => quote_spanned! {span=> {
            struct __EarnormWith<'a>(&'a #ty);
            #[automatically_derived]
            impl #rt::serde::Serialize for __EarnormWith<'_> {
                fn serialize<S: #rt::serde::Serializer>(
                    &self,
                    serializer: S,
                ) -> ::core::result::Result<S::Ok, S::Error> {
                    #function(self.0, serializer)
                }
            }
            #rt::encode_serde(&__EarnormWith(#place))
        }},
    }
}

/// The fields of a struct literal, read from `document`.
pub(crate) fn decode(rt: &Runtime, fields: &[FieldModel], document: &TokenStream) -> TokenStream {
    let values = fields.iter().map(|field| {
        let FieldModel { ident, cfgs, .. } = field;
        let value = decode_value(rt, field, document);
        quote!(#(#cfgs)* #ident: #value)
    });
    quote!(#(#values),*)
}

fn decode_value(rt: &Runtime, field: &FieldModel, document: &TokenStream) -> TokenStream {
    let FieldModel { stored, ty, .. } = field;
    let span = of_type(field);
    if field.skip {
        return match default_value(field) {
            Some(value) => value,
            None => quote_spanned!(span=> <#ty as ::core::default::Default>::default()),
        };
    }
    let read = match (&field.codec, field.personal.is_none()) {
        (Codec::Value, true) => {
            let of = quote_spanned!(span=> <#ty as #rt::Value>);
            let absent = match default_value(field) {
                Some(value) => quote!(|| ::core::result::Result::Ok(#value)),
                None => quote!(#of::absent),
            };
            quote!(#rt::field(#document, #stored, #of::decode, #absent))
        }
        _ => read_specially(rt, field, document),
    };
    // As `?` does, without its calls.
    quote!(match #read {
        ::core::result::Result::Ok(value) => value,
        ::core::result::Result::Err(error) => return ::core::result::Result::Err(error),
    })
}

/// The result of reading a field that serde reads, or that no error may show.
fn read_specially(rt: &Runtime, field: &FieldModel, document: &TokenStream) -> TokenStream {
    let FieldModel { stored, ty, .. } = field;
    let span = of_type(field);
    let absent = match (default_value(field), &field.codec) {
        (Some(value), _) => quote!(|| ::core::result::Result::Ok(#value)),
        (None, Codec::Value) => quote_spanned!(span=> || <#ty as #rt::Value>::absent()),
        (None, Codec::Serde | Codec::With(_, None)) => quote_spanned!(span=> #rt::absent_serde::<#ty>),
        (None, Codec::With(_, Some(_))) => {
            quote!(|| ::core::result::Result::Err(#rt::DecodeError::missing()))
        }
    };
    let mut decode = decoder(rt, field);
    if field.personal.is_some() {
        decode = quote!(#rt::veiled(#decode));
    }
    quote!(#rt::read(#document, #stored, #decode, #absent))
}

fn decoder(rt: &Runtime, field: &FieldModel) -> TokenStream {
    let ty = &field.ty;
    let span = of_type(field);
    match &field.codec {
        Codec::Value => quote_spanned!(span=> |stored| <#ty as #rt::Value>::decode(stored)),
        Codec::Serde | Codec::With(_, None) => quote_spanned!(span=> #rt::decode_serde::<#ty>),
        Codec::With(_, Some(function)) => quote_spanned! {span=> {
            struct __EarnormWith(#ty);
            #[automatically_derived]
            impl<'de> #rt::serde::Deserialize<'de> for __EarnormWith {
                fn deserialize<D: #rt::serde::Deserializer<'de>>(
                    deserializer: D,
                ) -> ::core::result::Result<Self, D::Error> {
                    ::core::result::Result::map(#function(deserializer), __EarnormWith)
                }
            }
            |stored: &#rt::bson::Bson| {
                ::core::result::Result::map(#rt::decode_serde::<__EarnormWith>(stored), |read| read.0)
            }
        }},
    }
}

/// The value of a field that the document lacks, where one is given.
fn default_value(field: &FieldModel) -> Option<TokenStream> {
    let FieldModel { ident, ty, default_fn, .. } = field;
    match &field.absent {
        Absent::Type => None,
        Absent::Trait => {
            let span = of_type(field);
            Some(quote_spanned!(span=> <#ty as ::core::default::Default>::default()))
        }
        Absent::Expr(_) => Some(quote!(Self::#default_fn())),
        Absent::Function(path) => Some(quote!(#path())),
        Absent::Container => Some(quote!(<Self as ::core::default::Default>::default().#ident)),
    }
}

/// The functions behind `default = …`, for an inherent `impl`.
pub(crate) fn default_functions(fields: &[FieldModel]) -> TokenStream {
    let functions = fields.iter().filter_map(|field| {
        let Absent::Expr(value) = &field.absent else { return None };
        let FieldModel { ty, default_fn, cfgs, .. } = field;
        Some(quote! {
            #(#cfgs)*
            #[doc(hidden)]
            #[allow(dead_code)]
            fn #default_fn() -> #ty {
                #value
            }
        })
    });
    quote!(#(#functions)*)
}

/// The stored names of the personal fields, each of a type that can be erased, for an array.
pub(crate) fn personal(rt: &Runtime, fields: &[FieldModel]) -> TokenStream {
    let paths = fields.iter().filter(|field| field.personal.is_some() && !field.skip).map(|field| {
        let FieldModel { stored, ty, cfgs, .. } = field;
        let span = of_type(field);
        let path = quote_spanned!(span=> #rt::personal_path::<#ty>(#stored));
        quote!(#(#cfgs)* #path)
    });
    quote!(#(#paths),*)
}

/// What a lock of shapes must know of each stored field, the id first, for an array.
pub(crate) fn shapes(rt: &Runtime, fields: &[FieldModel]) -> TokenStream {
    let fields = fields.iter().filter(|field| !field.skip).map(|field| {
        let FieldModel { stored, cfgs, .. } = field;
        let (shape, default) = (shape(rt, field), has_default(field));
        quote!(#(#cfgs)* #rt::shape::Field { path: #stored, shape: #shape, default: #default })
    });
    quote!(#(#fields),*)
}

/// The function that answers the shape of a field.
pub(crate) fn shape(rt: &Runtime, field: &FieldModel) -> TokenStream {
    let ty = &field.ty;
    let span = of_type(field);
    let path = |path: &Option<syn::Path>| path.as_ref().map_or_else(|| "serde".to_owned(), compact);
    let text = match &field.codec {
        Codec::Value => return quote_spanned!(span=> <#ty as #rt::Value>::shape),
        Codec::Serde => compact(ty),
        Codec::With(write, read) => format!("{} with {}, {}", compact(ty), path(write), path(read)),
    };
    quote!(|| #rt::shape::Shape::Serde(#text))
}

/// Whether the struct says what a missing field means.
pub(crate) fn has_default(field: &FieldModel) -> bool {
    !matches!(field.absent, Absent::Type)
}

/// Code as text, the same however it is laid out: `Vec<Tag>`.
fn compact(code: &impl ToTokens) -> String {
    let text = code.to_token_stream().to_string();
    let mut out = String::with_capacity(text.len());
    for letter in text.chars().filter(|letter| !letter.is_whitespace()) {
        out.push(letter);
        if letter == ',' {
            out.push(' ');
        }
    }
    out
}

/// One constant a stored field, for an inherent `impl`.
pub(crate) fn constants(rt: &Runtime, fields: &[FieldModel]) -> TokenStream {
    let constants = fields.iter().filter(|field| !field.skip).map(|field| {
        let FieldModel { vis, constant, ty, stored, cfgs, .. } = field;
        let doc = format!("The stored field `{stored}`.");
        quote! {
            #(#cfgs)*
            #[doc = #doc]
            #[allow(dead_code)]
            #vis const #constant: #rt::Field<Self, #ty> = #rt::Field::new(#stored);
        }
    });
    quote!(#(#constants)*)
}

/// Statements that add the broken rules of all fields. With `below`, paths start there.
pub(crate) fn checks(
    rt: &Runtime,
    fields: &[FieldModel],
    below: Option<&TokenStream>,
    to: &TokenStream,
) -> TokenStream {
    let statements = fields.iter().filter(|field| !field.rules.is_empty()).map(|field| {
        let FieldModel { ident, cfgs, rules, .. } = field;
        let label = field.label();
        let (bind, path) = match below {
            None => (TokenStream::new(), quote!(#label)),
            Some(below) => {
                let path = proc_macro2::Ident::new("__earnorm_path", Span::mixed_site());
                (quote!(let #path = #rt::validation::join(#below, #label);), quote!(&#path))
            }
        };
        let place = quote!(&self.#ident);
        let calls = rules.iter().map(|rule| rule.expand(rt, &place, &path, to));
        quote!(#(#cfgs)* { #bind #(#calls)* })
    });
    quote!(#(#statements)*)
}
