//! Hooks on methods and on free functions: parse → model → check → expand.

mod apply;
mod block;
mod expand;
mod free;
mod marker;
mod signature;

use proc_macro2::{Span, TokenStream};
use syn::{Attribute, Ident};

pub(crate) use apply::cfgs;
pub(crate) use block::{expand as expand_block, type_name};
pub(crate) use expand::demand;
pub(crate) use free::{expand as expand_free, misplaced_apply};
pub(crate) use marker::Phase;
pub(crate) use signature::{output, plain, receiver_kind, ungroup};

/// One hook function and all its phases.
pub(crate) struct HookIr {
    pub(crate) ident: Ident,
    /// The function as generated code calls it.
    pub(crate) callee: TokenStream,
    /// How lists of hooks show it: `User::normalise`.
    pub(crate) label: String,
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) is_async: bool,
    /// Where the model is taken by `&mut`.
    pub(crate) mutable: Option<Span>,
    /// Where the model's parameter is written.
    pub(crate) model_span: Span,
    pub(crate) context: Option<Context>,
    /// Where the return type is written, or the name without one.
    pub(crate) output: Span,
    pub(crate) phases: Vec<(Phase, i32)>,
}

/// The context parameter.
pub(crate) struct Context {
    pub(crate) mutable: bool,
    pub(crate) span: Span,
}
