//! What is wrong with chains of upcasters: found when a database connects, not in front of the data that needs them.

use super::chain::Chain;
use super::{Span, Upcasters};
use crate::event::RESERVED_EVENTS;
use crate::schema::{ModelKind, ModelSchema};

/// What is wrong with the upcasters of a model's documents.
pub(crate) fn check_model(upcasters: &Upcasters, schema: &ModelSchema) -> Result<(), String> {
    let rust_name = last_word(schema.rust_path);
    Subject {
        shown: format!("`{}` ({})", schema.name, schema.rust_path),
        key: format!("model = {rust_name}"),
        version: schema.version,
        raise: "#[model(version",
        argument: "document",
    }
    .check(upcasters.of_model(schema.name))
}

/// What is wrong with the upcasters of an event that a sourced model applies at `version`.
pub(crate) fn check_event(
    upcasters: &Upcasters,
    schema: &ModelSchema,
    event: &str,
    version: u32,
) -> Result<(), String> {
    let event_type = format!("{}.{event}", schema.name);
    let chain = upcasters.of_event(&event_type);
    Subject {
        shown: format!("event `{event_type}`"),
        key: format!("event = \"{event_type}\""),
        version,
        raise: "#[event(version",
        argument: "data",
    }
    .check(chain)
}

/// Upcasters of events that a registered model cannot have.
pub(crate) fn check_strays(
    upcasters: &Upcasters,
    schema: &ModelSchema,
    applies: impl Fn(&str) -> bool,
) -> Result<(), String> {
    for event_type in upcasters.event_types() {
        let Some((_, event)) = event_type.rsplit_once('.').filter(|(category, _)| *category == schema.name) else {
            continue;
        };
        let name = upcasters.of_event(event_type).and_then(first_name).unwrap_or_default();
        let rust_name = last_word(schema.rust_path);
        if RESERVED_EVENTS.contains(&event) {
            return Err(format!(
                "{name} upcasts `{event_type}`, which holds the state of a model: write `#[upcast(model = {rust_name}, \
                 from = …)]`, which sees whole documents only"
            ));
        }
        if schema.kind == ModelKind::Sourced && !applies(event) {
            return Err(format!(
                "{name} upcasts `{event_type}`, but `{rust_name}` has no `#[apply]` method for `{event}`: add the \
                 method, or correct the event's name"
            ));
        }
    }
    Ok(())
}

/// The first version of a span from which no step leads on.
pub(crate) fn missing_step_of_model(upcasters: &Upcasters, name: &str, span: Span) -> Option<u32> {
    missing_step(upcasters.of_model(name), span)
}

/// The same for an event type.
pub(crate) fn missing_step_of_event(upcasters: &Upcasters, event_type: &str, span: Span) -> Option<u32> {
    missing_step(upcasters.of_event(event_type), span)
}

/// The same for events of one name, whichever model they are raised on: the longest chain counts.
pub(crate) fn missing_step_of_any(upcasters: &Upcasters, name: &str, span: Span) -> Option<u32> {
    let same_name = |event_type: &&str| event_type.rsplit_once('.').is_some_and(|(_, event)| event == name);
    let chains = upcasters.event_types().filter(same_name).map(|event_type| upcasters.of_event(event_type));
    let missing = chains.map(|chain| missing_step(chain, span));
    missing.max_by_key(|missing| missing.unwrap_or(u32::MAX)).unwrap_or(Some(span.from))
}

fn missing_step(chain: Option<&Chain>, span: Span) -> Option<u32> {
    (span.from..span.to).find(|from| chain.is_none_or(|chain| !chain.contains_key(from)))
}

/// Whose chain is checked.
struct Subject {
    shown: String,
    /// The key of `#[upcast]`.
    key: String,
    version: u32,
    /// Where the version is written.
    raise: &'static str,
    argument: &'static str,
}

impl Subject {
    fn check(&self, chain: Option<&Chain>) -> Result<(), String> {
        let Self { shown, key, version, argument, raise } = self;
        for (from, steps) in chain.into_iter().flatten() {
            if let [one, other, ..] = steps.as_slice() {
                let (one, other) = (one.full_name(), other.full_name());
                return Err(format!("{shown} has two upcasters from version {from}, {one} and {other}: keep one"));
            }
            let name = steps.first().map(super::UpcastRegistration::full_name).unwrap_or_default();
            if *from == 0 {
                return Err(format!(
                    "{name} upcasts {shown} from version 0, but versions count from 1: correct `from`"
                ));
            }
            if from >= version {
                let next = from.saturating_add(1);
                return Err(format!(
                    "{name} upcasts {shown} from version {from}, but this program knows version {version} as the newest: \
                     `from` is the older version that the function reads; correct it, or write `{raise} = {next})]`"
                ));
            }
        }
        let missing = (1..*version).find(|from| chain.is_none_or(|chain| !chain.contains_key(from)));
        let Some(from) = missing else { return Ok(()) };
        let to = from + 1;
        Err(format!(
            "{shown} has version {version}, but no upcaster from version {from} to {to}: write `#[upcast({key}, from = \
             {from})] fn upcast_{from}_to_{to}({argument}: &mut Document) -> Result<(), UpcastError> {{ … }}`"
        ))
    }
}

fn first_name(chain: &Chain) -> Option<String> {
    chain.values().flatten().next().map(super::UpcastRegistration::full_name)
}

fn last_word(path: &str) -> &str {
    path.rsplit("::").next().unwrap_or(path)
}
