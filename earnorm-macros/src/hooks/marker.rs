//! The markers: `#[pre_save]`, `#[post_load]`, `#[validate]`, `#[apply]` …

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident};
use syn::{Attribute, Path};

use crate::args::{self, Arg};
use crate::errors::Errors;
use crate::handlers;
use crate::runtime::Runtime;

/// When a hook runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Validate,
    PreSave,
    PreCreate,
    PreUpdate,
    PreDelete,
    PostSave,
    PostCreate,
    PostUpdate,
    PostDelete,
    PostLoad,
}

/// What may stand above a method.
pub(crate) enum Marker {
    Hook(Phase, i32),
    Apply,
    /// `#[on_event]`, which is read with its method.
    Event(Box<Attribute>),
}

/// How a phase's functions are called.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Pre,
    Post,
    Load,
    Validate,
}

impl Phase {
    pub(crate) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "validate" => Self::Validate,
            "pre_save" => Self::PreSave,
            "pre_create" => Self::PreCreate,
            "pre_update" => Self::PreUpdate,
            "pre_delete" => Self::PreDelete,
            "post_save" => Self::PostSave,
            "post_create" => Self::PostCreate,
            "post_update" => Self::PostUpdate,
            "post_delete" => Self::PostDelete,
            "post_load" => Self::PostLoad,
            _ => return None,
        })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Validate => "validate",
            Self::PreSave => "pre_save",
            Self::PreCreate => "pre_create",
            Self::PreUpdate => "pre_update",
            Self::PreDelete => "pre_delete",
            Self::PostSave => "post_save",
            Self::PostCreate => "post_create",
            Self::PostUpdate => "post_update",
            Self::PostDelete => "post_delete",
            Self::PostLoad => "post_load",
        }
    }

    pub(crate) fn shape(self) -> Shape {
        match self {
            Self::Validate => Shape::Validate,
            Self::PreSave | Self::PreCreate | Self::PreUpdate | Self::PreDelete => Shape::Pre,
            Self::PostSave | Self::PostCreate | Self::PostUpdate | Self::PostDelete => Shape::Post,
            Self::PostLoad => Shape::Load,
        }
    }
}

impl ToTokens for Phase {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let name: String = self
            .name()
            .split('_')
            .map(|word| {
                word.chars().next().map_or_else(String::new, |c| c.to_ascii_uppercase().to_string())
                    + word.get(1..).unwrap_or("")
            })
            .collect();
        format_ident!("{name}").to_tokens(tokens);
    }
}

/// Whether an attribute is one of our markers, by its last word.
pub(crate) fn is_marker(attribute: &Attribute) -> bool {
    last_word(attribute.path())
        .is_some_and(|name| name == "apply" || name == handlers::METHOD || Phase::of(&name).is_some())
}

fn last_word(path: &Path) -> Option<String> {
    path.segments.last().map(|last| last.ident.to_string())
}

/// Takes our markers off a method.
pub(crate) fn take(attributes: &mut Vec<Attribute>, errors: &mut Errors) -> Vec<(Path, Marker)> {
    attributes.retain(|attribute| {
        let cure = last_word(attribute.path()).and_then(|name| elsewhere(&name));
        if let Some(cure) = &cure {
            errors.add(attribute.path(), cure);
        }
        cure.is_none()
    });
    let (markers, others) = std::mem::take(attributes).into_iter().partition::<Vec<_>, _>(is_marker);
    *attributes = others;
    markers.iter().filter_map(|attribute| Some((attribute.path().clone(), read(attribute, errors)?))).collect()
}

/// What to do about a marker of free functions above a method.
fn elsewhere(name: &str) -> Option<String> {
    match name {
        "upcast" => Some("an upcaster changes stored data, before there is an instance: move it out of the `impl` block and take `data: &mut Document`".to_owned()),
        "event_handler" => Some("a method gets its instance with the event: write `#[on_event]` here, or move the function out of the `impl` block".to_owned()),
        _ if handlers::FREE.contains(&name) => {
            Some(format!("`#[{name}]` has no instance: move the function out of the `impl` block"))
        }
        _ => None,
    }
}

fn read(attribute: &Attribute, errors: &mut Errors) -> Option<Marker> {
    let name = last_word(attribute.path())?;
    if name == handlers::METHOD {
        return Some(Marker::Event(Box::new(attribute.clone())));
    }
    let args = args::of_attribute(attribute, &[], errors);
    let Some(phase) = Phase::of(&name) else {
        for arg in &args {
            errors.add(&arg.key, "`#[apply]` takes no keys: the method's event says which one it applies");
        }
        return Some(Marker::Apply);
    };
    let mut order = 0;
    for arg in &args {
        if arg.name() == "order" {
            order = arg.number(errors).unwrap_or(0);
        } else {
            unknown(arg, &["order"], errors);
        }
    }
    Some(Marker::Hook(phase, order))
}

/// Reads the keys of a marker above a free function.
pub(crate) fn read_free(tokens: TokenStream, errors: &mut Errors) -> (Runtime, i32) {
    let (mut runtime, mut order) = (Runtime::new(), 0);
    for arg in args::parse(tokens, &[], errors) {
        match arg.name().as_str() {
            "order" => order = arg.number(errors).unwrap_or(0),
            "crate" => runtime = Runtime::of(&arg, errors),
            _ => unknown(&arg, &["order", "crate"], errors),
        }
    }
    (runtime, order)
}

fn unknown(arg: &Arg, known: &[&str], errors: &mut Errors) {
    errors.unknown(&arg.key, "key", &arg.name(), known);
}

/// Names the markers, so that importing them one by one is not called unused.
pub(crate) fn used(markers: &[Path]) -> TokenStream {
    let mut seen = std::collections::BTreeSet::new();
    let names = markers.iter().filter_map(Path::get_ident).filter(|name| seen.insert(name.to_string()));
    let imports = names.map(|name| quote::quote!(#[allow(unused_imports)] use #name as _;));
    quote::quote!(#(#imports)*)
}
