//! The code that makes and registers handlers.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Expr, Pat, Type};

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
    /// Whether it takes lists.
    pub(crate) batch: bool,
    /// Whether generated code owns the context and lends it.
    pub(crate) owns_context: bool,
}

/// A span for generated tokens that stand for the user's.
pub(crate) fn at(span: Span) -> Span {
    Span::mixed_site().located_at(span)
}

impl Call<'_> {
    /// The type of the event that the function is called with.
    pub(crate) fn taken(&self) -> TokenStream {
        let rt = self.rt;
        match &self.taken.event {
            None => quote!(<#rt::RecordedEvent as #rt::EventArg>::Taken),
            Some(event) => {
                let (ty, span) = (&event.ty, at(event.ty.span()));
                match (self.batch, event.borrowed) {
                    (true, _) => quote_spanned!(span=> <#ty as #rt::BatchArg>::Item),
                    (false, true) => quote_spanned!(span=> <#ty as #rt::EventArg>::Taken),
                    (false, false) => quote!(#ty),
                }
            }
        }
    }

    /// The type that conditions look at.
    pub(crate) fn looked_at(&self) -> TokenStream {
        let rt = self.rt;
        match &self.taken.event {
            None => quote!(#rt::RecordedEvent),
            Some(_) if self.batch => self.taken(),
            Some(event) => {
                let ty = &event.ty;
                quote!(#ty)
            }
        }
    }

    /// The body: calls the function with `event` and `context`, behind `first`.
    pub(crate) fn body(&self, first: Option<TokenStream>, outcome: &str) -> TokenStream {
        let (rt, callee, names) = (self.rt, &self.callee, Names::new(self));
        let (event, context) = (&names.event, &names.context);
        let event = self.taken.event.as_ref().map(|taken| {
            let (ty, span) = (&taken.ty, at(taken.ty.span()));
            match (taken.borrowed, self.batch) {
                (false, _) => quote!(#event,),
                (true, true) => quote_spanned!(span=> &#event,),
                (true, false) => quote_spanned!(span=> <#ty as #rt::EventArg>::lend(&#event),),
            }
        });
        let context = self
            .taken
            .context
            .map(|span| if self.owns_context { quote_spanned!(at(span)=> &#context) } else { quote!(#context) });
        let dot_await = self.is_async.then(|| quote_spanned!(at(self.name)=> .await));
        let (outcome, value) = (Ident::new(outcome, at(self.name)), Ident::new("outcome", at(self.output)));
        quote_spanned! {at(self.name)=>
            ::std::boxed::Box::pin(async move {
                let #value = #callee(#first #event #context) #dot_await;
                #rt::#outcome::into_outcome(#value)
            })
        }
    }
}

/// The parameters of generated functions, at the user's own.
pub(crate) struct Names {
    pub(crate) event: Ident,
    pub(crate) context: Ident,
}

impl Names {
    pub(crate) fn new(call: &Call<'_>) -> Self {
        let event = call.taken.event.as_ref().map_or(call.name, |event| event.ty.span());
        let context = call.taken.context.unwrap_or(call.name);
        Self { event: Ident::new("event", at(event)), context: Ident::new("context", at(context)) }
    }
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
    let when = options.when.as_ref().map(|condition| when(call, condition));
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
fn when(call: &Call<'_>, condition: &Expr) -> TokenStream {
    let written = written(condition);
    let any = written.or_else(|| call.taken.event.as_ref().map(|event| &event.ty));
    let any = any.is_none_or(|ty| last_word(ty).is_some_and(|word| word == "RecordedEvent"));
    if any {
        return quote_spanned!(at(condition.span())=> .when(#condition));
    }
    let of = written.map_or_else(|| call.looked_at(), |ty| quote!(#ty));
    quote_spanned!(at(condition.span())=> .when_of::<#of, _>(#condition))
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
