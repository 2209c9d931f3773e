//! `#[apply]` methods of sourced models.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, FnArg, ImplItemFn, Path, ReturnType, Type};

use super::{expand, signature};
use crate::errors::Errors;
use crate::runtime::Runtime;

/// One `#[apply]` method.
pub(crate) struct ApplyIr {
    ident: Ident,
    event: Type,
    cfgs: Vec<Attribute>,
    marker: Span,
    /// Whether it makes the instance.
    starts: bool,
}

const CURE: &str = "an `#[apply]` method is `fn name(&mut self, event: &Event)`, or `fn name(event: &Event) -> Self` for the event that makes the instance";

impl ApplyIr {
    pub(crate) fn read(method: &ImplItemFn, marker: &Path, errors: &mut Errors) -> Option<Self> {
        let signature = &method.sig;
        if let Some(word) = &signature.asyncness {
            errors
                .add(word, "an `#[apply]` method only changes fields, also when the log is read again: remove `async`");
            return None;
        }
        if !signature::plain(signature, "an `#[apply]` method", errors) {
            return None;
        }
        let starts = signature.receiver().is_none();
        if let Some(receiver) = signature.receiver()
            && signature::receiver(receiver, errors)?.mutable.is_none()
        {
            errors.over(receiver, "an `#[apply]` method changes the instance: take `&mut self`");
            return None;
        }
        let mut arguments = signature.inputs.iter().filter_map(|argument| match argument {
            FnArg::Typed(argument) => Some(argument),
            FnArg::Receiver(_) => None,
        });
        let (Some(argument), None) = (arguments.next(), arguments.next()) else {
            errors.add(&signature.ident, CURE);
            return None;
        };
        let Type::Reference(reference) = signature::ungroup(&argument.ty) else {
            errors.over(&argument.ty, format!("an event is borrowed: write `&{}`", argument.ty.to_token_stream()));
            return None;
        };
        output(&signature.output, starts, &signature.ident, errors)?;
        Some(Self {
            ident: signature.ident.clone(),
            event: (*reference.elem).clone(),
            cfgs: cfgs(&method.attrs),
            marker: marker.span(),
            starts,
        })
    }

    /// The event's type as text and the kind of method, which come once in a block.
    pub(crate) fn key(&self) -> (String, bool) {
        (self.event.to_token_stream().to_string(), self.starts)
    }

    pub(crate) fn event(&self) -> &Type {
        &self.event
    }

    pub(crate) fn conditional(&self) -> bool {
        !self.cfgs.is_empty()
    }

    /// The trait implementation that lets the event be raised.
    pub(crate) fn implementation(&self, rt: &Runtime, model: &Type) -> TokenStream {
        let Self { ident, event, cfgs, .. } = self;
        let demand = expand::demand(rt, model, "Sourced", self.marker, cfgs);
        let call = quote_spanned!(ident.span()=> <#model>::#ident);
        let implementation = if self.starts {
            quote! {
                #[automatically_derived]
                impl #rt::StartsWith<#event> for #model {
                    fn start_from(event: &#event) -> Self { #call(event) }
                }
            }
        } else {
            quote! {
                #[automatically_derived]
                impl #rt::ApplyMethod<#event> for #model {
                    fn apply_method(&mut self, event: &#event) { #call(self, event) }
                }
            }
        };
        quote!(#demand #(#cfgs)* #implementation)
    }

    /// The entry in the block's table.
    pub(crate) fn entry(&self, rt: &Runtime, model: &Type) -> TokenStream {
        let Self { ident, event, cfgs, .. } = self;
        let span = Span::mixed_site().located_at(event.span());
        let of = quote_spanned!(span=> <#event as #rt::Event>);
        let run = if self.starts {
            quote!(#rt::ApplyFn::Start(|data| ::core::result::Result::Ok(<#model>::#ident(&#of::decode(data)?))))
        } else {
            quote!(#rt::ApplyFn::Step(|model, data| {
                <#model>::#ident(model, &#of::decode(data)?);
                ::core::result::Result::Ok(())
            }))
        };
        quote!(#(#cfgs)* #rt::Applier { event: #of::NAME, version: #of::VERSION, fields: #of::FIELDS, type_id: ::core::any::TypeId::of::<#event>, run: #run })
    }
}

/// The attributes that say whether a method is there.
pub(crate) fn cfgs(attributes: &[Attribute]) -> Vec<Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).cloned().collect()
}

fn output(output: &ReturnType, starts: bool, name: &Ident, errors: &mut Errors) -> Option<()> {
    match (output, starts) {
        (ReturnType::Type(..), true) | (ReturnType::Default, false) => Some(()),
        (ReturnType::Default, true) => {
            errors.add(name, CURE);
            None
        }
        (ReturnType::Type(_, ty), false) => {
            if matches!(&**ty, Type::Tuple(tuple) if tuple.elems.is_empty()) {
                return Some(());
            }
            errors
                .over(ty, "an `#[apply]` method returns nothing: the event happened, so refuse it before it is raised");
            None
        }
    }
}
