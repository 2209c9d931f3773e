//! Metadata: who caused an event, and in which flow.

use bson::Document;

/// What stands beside an event's data. Every field is optional.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Metadata {
    /// Who did it: a user, a service, a job.
    pub actor: Option<String>,
    /// The whole flow that the event belongs to, such as one request over several services.
    pub correlation_id: Option<String>,
    /// The direct parent: the event or command that led to this one.
    pub causation_id: Option<String>,
    /// The W3C trace context of the save.
    pub traceparent: Option<String>,
    /// Anything else, free of `$`, `.` and NUL in its field names.
    pub extra: Document,
}

impl Metadata {
    /// Empty metadata.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Names who did it.
    #[must_use]
    pub fn actor(mut self, actor: impl Into<String>) -> Self {
        self.actor = Some(actor.into());
        self
    }

    /// Names the flow.
    #[must_use]
    pub fn correlation_id(mut self, id: impl ToString) -> Self {
        self.correlation_id = Some(id.to_string());
        self
    }

    /// Names the direct parent.
    #[must_use]
    pub fn causation_id(mut self, id: impl ToString) -> Self {
        self.causation_id = Some(id.to_string());
        self
    }

    /// Carries a W3C trace context.
    #[must_use]
    pub fn traceparent(mut self, traceparent: impl Into<String>) -> Self {
        self.traceparent = Some(traceparent.into());
        self
    }

    /// Adds a free field.
    #[must_use]
    pub fn extra(mut self, key: impl Into<String>, value: impl Into<bson::Bson>) -> Self {
        self.extra.insert(key.into(), value.into());
        self
    }

    /// Whether nothing is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_is_kept_and_makes_it_more_than_nothing() {
        assert!(Metadata::new().is_empty());
        let (none, text) = (Metadata::new, || Some("x".to_owned()));
        assert_eq!(none().actor("x"), Metadata { actor: text(), ..none() });
        assert_eq!(none().correlation_id("x"), Metadata { correlation_id: text(), ..none() });
        assert_eq!(none().causation_id("x"), Metadata { causation_id: text(), ..none() });
        assert_eq!(none().traceparent("x"), Metadata { traceparent: text(), ..none() });
        assert_eq!(none().extra("k", 1), Metadata { extra: bson::doc! { "k": 1 }, ..none() });
        let all = none().actor("a").correlation_id(1).causation_id(2).traceparent("t").extra("k", 1).extra("l", 2);
        assert_eq!(
            (all.actor.as_deref(), all.correlation_id.as_deref(), all.causation_id.as_deref()),
            (Some("a"), Some("1"), Some("2"))
        );
        assert_eq!((all.traceparent.as_deref(), all.extra.len(), all.is_empty()), (Some("t"), 2, false));
        assert!(!none().extra("k", 1).is_empty() && !none().actor("").is_empty());
    }
}
