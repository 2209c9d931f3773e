//! The code that makes and registers handlers.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Expr, GenericArgument, Pat, PathArguments, Type};

use super::options::Options;
use super::signature::{Taken, last_word};
use crate::hooks::ungroup;
use crate::runtime::Runtime;

/// A function that handles events, as generated code calls it.
pub(crate) struct Call<'a> {
    pub(crate) rt: &'a Runtime,
    pub(crate) callee: TokenStream,
    /// Its name, where the compiler explains mistakes.
    pub(crate) name: Span,
    /// Where the return type is written.
    pub(crate) output: Span,
    pub(crate) is_async: bool,
    pub(crate) taken: &'a Taken,
}

/// A span for generated tokens that stand for the user's.
pub(crate) fn at(span: Span) -> Span {
    Span::mixed_site().located_at(span)
}

impl Call<'_> {
    /// The type of the event's parameter without the `&`.
    pub(crate) fn event(&self) -> TokenStream {
        let rt = self.rt;
        self.taken.event.as_ref().map_or_else(|| quote!(#rt::RecordedEvent), |event| event.ty.to_token_stream())
    }

    /// Whether the function owns its event.
    fn owned(&self) -> bool {
        self.taken.event.as_ref().is_some_and(|event| !event.borrowed)
    }

    /// The function that the library calls, `first` before the event, and the path of what makes a handler of it.
    pub(crate) fn function(&self, way: &str, outcome: [&str; 2], first: Option<First>) -> (TokenStream, TokenStream) {
        let (rt, callee, ty) = (self.rt, &self.callee, self.event());
        let span = self.taken.event.as_ref().map_or(self.name, |event| event.ty.span());
        let event = Ident::new("event", at(span));
        let context = Ident::new("context", at(self.taken.context.unwrap_or(self.name)));
        let context_type = if way.contains("transactional") { "TransactionContext" } else { "EventContext" };
        let context_type = Ident::new(context_type, Span::mixed_site());
        let [outcome, answer] = outcome;
        let answer = if answer == "Vec" { quote!(::std::vec::Vec<#rt::Handled>) } else { quote!(#rt::Handled) };
        let (outcome, value) = (Ident::new(outcome, at(self.name)), Ident::new("outcome", at(self.output)));
        let (declared, passed) = first.map(|first| (first.declared, first.passed)).unzip();
        let event_passed = self.taken.event.as_ref().map(|_| quote!(#event,));
        let context_passed = self.taken.context.map(|_| quote!(#context));
        let event_type = if self.owned() { quote!(#ty) } else { quote!(&'a #ty) };
        let dot_await = self.is_async.then(|| quote_spanned!(at(self.name)=> .await));
        let body = quote_spanned! {at(self.name)=>
            ::std::boxed::Box::pin(async move {
                let #value = #callee(#passed #event_passed #context_passed) #dot_await;
                #rt::#outcome::into_outcome(#value)
            })
        };
        let function = quote! {
            fn __earnorm_call<'a>(
                #declared
                #event: #event_type,
                #context: &'a #rt::#context_type,
            ) -> #rt::BoxFuture<'a, #answer> {
                let _ = (&#event, &#context);
                #body
            }
        };
        let maker = Ident::new(&format!("{way}_{}", if self.owned() { "owned" } else { "lent" }), at(span));
        (function, quote_spanned!(at(span)=> #rt::Handler::#maker))
    }
}

/// The parameter before the event.
pub(crate) struct First {
    pub(crate) declared: TokenStream,
    pub(crate) passed: TokenStream,
}

/// The registration of the handler that `make` makes.
pub(crate) fn registration(
    call: &Call<'_>,
    options: &Options,
    label: &str,
    cfgs: &[Attribute],
    (function, make): (TokenStream, TokenStream),
) -> TokenStream {
    let (rt, calls, patterns) = (call.rt, &options.calls, &options.patterns);
    let place = quote!(::core::concat!(::core::module_path!(), "::", #label));
    let id = options.id.as_ref().map_or_else(|| place.clone(), |id| quote!(#id));
    let on = (!patterns.is_empty()).then(|| quote!(.on([#(#patterns),*])));
    let when = options.when.as_ref().map(|condition| when(call, condition, options.batch.is_some()));
    quote! {
        #(#cfgs)*
        const _: () = {
            #function
            fn __earnorm_handler() -> #rt::Handler {
                let id = #id;
                #make.written_at(#place) #on #calls #when
            }
            #rt::inventory::submit! { #rt::HandlerRegistration::new(__earnorm_handler) }
        };
    }
}

/// A condition: on the event as it stands in the log before it is read, on a typed one after that.
fn when(call: &Call<'_>, condition: &Expr, batch: bool) -> TokenStream {
    let span = at(condition.span());
    let taken = call.taken.event.as_ref().map(|event| if batch { item(&event.ty) } else { &event.ty });
    match written(condition).or(taken) {
        Some(ty) if last_word(ty).is_none_or(|word| word != "RecordedEvent") => {
            quote_spanned!(span=> .when_of::<#ty, _>(#condition))
        }
        _ => quote_spanned!(span=> .when(#condition)),
    }
}

/// What a list holds.
fn item(list: &Type) -> &Type {
    match ungroup(list) {
        Type::Slice(slice) => &slice.elem,
        Type::Path(path) => match path.path.segments.last().map(|last| &last.arguments) {
            Some(PathArguments::AngleBracketed(inner)) => match inner.args.first() {
                Some(GenericArgument::Type(item)) => item,
                _ => list,
            },
            _ => list,
        },
        _ => list,
    }
}

/// The type that a closure writes for its parameter, without the `&`.
fn written(condition: &Expr) -> Option<&Type> {
    let Expr::Closure(closure) = condition else { return None };
    let Some(Pat::Type(typed)) = closure.inputs.first() else { return None };
    match ungroup(&typed.ty) {
        Type::Reference(reference) => Some(ungroup(&reference.elem)),
        _ => None,
    }
}
