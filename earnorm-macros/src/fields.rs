//! Named fields of models, embedded structs, events and variants: parse → model → check → expand.

mod check;
mod expand;
mod parse;
mod rules;

use proc_macro2::{Ident, Span};
use syn::{Attribute, Expr, Path, Type, Visibility};

pub(crate) use check::check;
pub(crate) use expand::{
    Access, checks, constants, decode, default_functions, encode, has_default, personal, shape, shapes,
};
pub(crate) use parse::{parse, strip};
pub(crate) use rules::Rule;

/// What the fields belong to, which decides what may be said of them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Model,
    Embedded,
    Event,
    Variant,
}

/// One field, as its attributes describe it.
pub(crate) struct FieldModel {
    pub(crate) ident: Ident,
    pub(crate) vis: Visibility,
    pub(crate) ty: Type,
    pub(crate) cfgs: Vec<Attribute>,
    /// Its name in Rust, without `r#`.
    pub(crate) name: String,
    /// Its name in the document.
    pub(crate) stored: String,
    /// Where the stored name is written.
    pub(crate) stored_span: Span,
    pub(crate) constant: Ident,
    pub(crate) id: Option<Span>,
    pub(crate) unique: Option<Span>,
    /// The second part says whether it is descending.
    pub(crate) index: Option<(Span, bool)>,
    pub(crate) created_at: Option<Span>,
    pub(crate) updated_at: Option<Span>,
    pub(crate) personal: Option<Span>,
    pub(crate) subject: Option<Span>,
    pub(crate) skip: bool,
    pub(crate) absent: Absent,
    pub(crate) codec: Codec,
    pub(crate) rules: Vec<Rule>,
    /// The name of the function that makes the value of `default = …`.
    pub(crate) default_fn: Ident,
    /// `#[serde(…)]` attributes that say the same, for derives that the macro adds.
    pub(crate) serde_attributes: Vec<Attribute>,
}

/// What a missing field means.
pub(crate) enum Absent {
    /// What its type says: `None`, or an error.
    Type,
    /// `Default::default()`.
    Trait,
    /// An expression.
    Expr(Box<Expr>),
    /// A function of serde's `default = "path"`.
    Function(Path),
    /// The field of the struct's own default.
    Container,
}

/// How a field is stored.
pub(crate) enum Codec {
    /// Through the library's mapping.
    Value,
    /// Whatever serde makes of it.
    Serde,
    /// Whatever these functions make of it; a missing one is serde's own.
    With(Option<Path>, Option<Path>),
}

impl FieldModel {
    /// Its name in validation errors, which is the one in JSON.
    pub(crate) fn label(&self) -> &str {
        if self.id.is_some() { &self.name } else { &self.stored }
    }

    /// The span of its type.
    pub(crate) fn ty_span(&self) -> Span {
        use syn::spanned::Spanned;
        self.ty.span()
    }
}
