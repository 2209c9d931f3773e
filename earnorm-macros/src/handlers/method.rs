//! `#[on_event]` above a method in a `#[model] impl` block.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::visit_mut::VisitMut;
use syn::{Attribute, ImplItemFn, ItemFn, Meta, Path, Type};

use super::expand::{self, Call, First, at};
use super::options::{self, Options, Place};
use super::signature::{self, Taken};
use crate::errors::Errors;
use crate::hooks::{cfgs, demand, output, receiver_kind, type_name};
use crate::runtime::Runtime;

/// One method under `#[on_event]`.
pub(crate) struct MethodIr {
    ident: Ident,
    label: String,
    cfgs: Vec<Attribute>,
    is_async: bool,
    /// Where the instance is taken by `&mut`.
    mutable: Option<Span>,
    output: Span,
    taken: Taken,
    options: Options,
}

impl MethodIr {
    pub(crate) fn read(
        method: &ImplItemFn,
        model: &Type,
        attribute: &Attribute,
        rt: &Runtime,
        errors: &mut Errors,
    ) -> Option<Self> {
        let tokens = match &attribute.meta {
            Meta::List(list) => list.tokens.clone(),
            Meta::Path(_) => TokenStream::new(),
            Meta::NameValue(pair) => {
                errors.add(&pair.eq_token, "write the event in parentheses: `#[on_event(\"status_changed\")]`");
                return None;
            }
        };
        let mut options = options::read(tokens, Place::Method, rt.clone(), errors)?;
        let signature = &method.sig;
        if !signature::callable(signature, "a handler", errors) {
            return None;
        }
        let Some(receiver) = signature.receiver() else {
            errors.add(
                &signature.ident,
                "an `#[on_event]` method takes the instance: write `&self`, or `&mut self` to change it; or move the function out of the `impl` block and write `#[event_handler]`",
            );
            return None;
        };
        let Some(this) = receiver_kind(receiver) else {
            errors.over(receiver, "a handler borrows its instance: take `&self`, or `&mut self` to change it");
            return None;
        };
        let mut taken = signature::read(signature, Place::Method, &options, errors)?;
        let mut this_type = ThisType(model);
        if let Some(event) = &mut taken.event {
            this_type.visit_type_mut(&mut event.ty);
        }
        for expression in [&mut options.when, &mut options.key].into_iter().flatten() {
            this_type.visit_expr_mut(expression);
        }
        Some(Self {
            label: format!("{}::{}", type_name(model), signature.ident.unraw()),
            cfgs: cfgs(&method.attrs),
            is_async: signature.asyncness.is_some(),
            mutable: this.mutable,
            output: output(signature),
            ident: signature.ident.clone(),
            taken,
            options,
        })
    }

    pub(crate) fn registration(&self, rt: &Runtime, model: &Type) -> TokenStream {
        let ident = &self.ident;
        let call = Call {
            rt,
            callee: quote!(<#model>::#ident),
            name: ident.span(),
            output: self.output,
            is_async: self.is_async,
            taken: &self.taken,
        };
        let demand = self.mutable.map(|span| demand(rt, model, "Tracked", span, &self.cfgs));
        let registration =
            expand::registration(&call, &self.options, &self.label, &self.cfgs, self.parts(&call, model));
        quote!(#demand #registration)
    }

    fn parts(&self, call: &Call<'_>, model: &Type) -> (TokenStream, TokenStream) {
        let ty = call.event();
        let this = Ident::new("model", at(self.mutable.unwrap_or(call.name)));
        let saves = self.mutable.is_some();
        let passed = if saves { quote!(#this,) } else { quote!(&*#this,) };
        let first = First { declared: quote!(#this: &'a mut #model,), passed };
        let way = if self.options.transactional { "method_transactional" } else { "method_each" };
        let (function, maker) = call.function(way, ["HandlerOutcome", "one"], Some(first));
        let key = match &self.options.key {
            Some(key) => quote_spanned!(at(key.span())=> ::core::option::Option::Some(#key)),
            None => quote!(::core::option::Option::None),
        };
        (function, quote!(#maker::<#model, #ty, _>(id, #key, #saves, __earnorm_call)))
    }
}

/// Writes the model's name for `Self`, which means nothing outside the block.
struct ThisType<'a>(&'a Type);

impl VisitMut for ThisType<'_> {
    fn visit_path_mut(&mut self, path: &mut Path) {
        let this = path.leading_colon.is_none() && path.segments.first().is_some_and(|first| first.ident == "Self");
        if let (true, Type::Path(model)) = (this, self.0) {
            let rest = path.segments.iter().skip(1).cloned().collect::<Vec<_>>();
            path.leading_colon = model.path.leading_colon;
            path.segments = model.path.segments.clone();
            path.segments.extend(rest);
        }
        syn::visit_mut::visit_path_mut(self, path);
    }
}

/// The expansion of `#[on_event]` outside a `#[model] impl` block.
pub(crate) fn misplaced(item: TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    match syn::parse2::<ItemFn>(item.clone()) {
        Ok(function) if function.sig.receiver().is_some() => errors.add(
            &function.sig.ident,
            "`#[on_event]` on a method needs its model: write `#[model]` above this `impl` block",
        ),
        Ok(function) => errors.add(
            &function.sig.ident,
            "`#[on_event]` belongs on a method of a model: write `#[event_handler]` above a free function",
        ),
        Err(_) => errors.add(&Span::call_site(), "`#[on_event]` belongs above a method in a `#[model] impl` block"),
    }
    let mistakes = errors.into_tokens();
    quote!(#item #mistakes)
}
