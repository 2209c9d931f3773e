//! One trace, from the save that records an event to every attempt to handle it, and to what handlers write.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use earnorm::events::{EventContext, Projection, TransactionContext};
use tracing::field::{Field, Visit};
use tracing::span;

use super::failures::quick;
use super::operations::until;
use super::*;

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A span as it was opened.
#[derive(Debug, Clone, Default)]
struct Opened {
    name: &'static str,
    parent: Option<u64>,
    fields: BTreeMap<&'static str, String>,
}

impl Opened {
    fn field(&self, name: &str) -> &str {
        self.fields.get(name).map(String::as_str).unwrap_or_else(|| panic!("no field {name} in {self:?}"))
    }

    fn trace_id(&self) -> &str {
        self.field("traceparent").split('-').nth(1).unwrap_or_else(|| panic!("no trace in {self:?}"))
    }
}

impl Visit for Opened {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }
}

/// Keeps every span that is opened while it is the subscriber of the thread.
#[derive(Debug, Clone, Default)]
struct Spans {
    last: Arc<AtomicU64>,
    opened: Arc<Mutex<HashMap<u64, Opened>>>,
    entered: Arc<Mutex<Vec<u64>>>,
}

impl Spans {
    /// The spans of a name in the order in which they were opened.
    fn named(&self, name: &str) -> Vec<(u64, Opened)> {
        let opened = self.opened.lock().unwrap();
        let mut named: Vec<_> = opened.iter().filter(|(_, span)| span.name == name).collect();
        named.sort_by_key(|(id, _)| **id);
        named.into_iter().map(|(id, span)| (*id, span.clone())).collect()
    }
}

impl tracing::Subscriber for Spans {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.is_span() && metadata.target().starts_with("earnorm") || metadata.target() == module_path!()
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        let id = self.last.fetch_add(1, Ordering::SeqCst) + 1;
        let current = self.entered.lock().unwrap().last().copied().filter(|_| attributes.is_contextual());
        let parent = attributes.parent().map(span::Id::into_u64).or(current);
        let mut opened = Opened { name: attributes.metadata().name(), parent, ..Opened::default() };
        attributes.record(&mut opened);
        self.opened.lock().unwrap().insert(id, opened);
        span::Id::from_u64(id)
    }

    fn record(&self, span: &span::Id, values: &span::Record<'_>) {
        if let Some(opened) = self.opened.lock().unwrap().get_mut(&span.into_u64()) {
            values.record(opened);
        }
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {}

    fn enter(&self, span: &span::Id) {
        self.entered.lock().unwrap().push(span.into_u64());
    }

    fn exit(&self, span: &span::Id) {
        let mut entered = self.entered.lock().unwrap();
        if let Some(index) = entered.iter().rposition(|entered| *entered == span.into_u64()) {
            entered.remove(index);
        }
    }
}

/// Runs the test that calls it in a process of its own, on one thread, whose spans are kept.
///
/// Whether anybody looks at a span is remembered for the whole process when the span is first come to; a thread that nobody
/// watches would answer for this one too.
fn traced(case: impl AsyncFnOnce(Spans)) {
    const ALONE: &str = "EARNORM_TEST_TRACED";
    if std::env::var_os(ALONE).is_none() {
        let test = std::thread::current().name().unwrap().to_owned();
        let arguments = [test.as_str(), "--exact", "--nocapture"];
        let ran = Command::new(std::env::current_exe().unwrap()).args(arguments).env(ALONE, "1").output().unwrap();
        let said = String::from_utf8_lossy(&ran.stdout);
        let failed = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success() && said.contains("1 passed"), "{said}{failed}");
        return;
    }
    let spans = Spans::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tracing::subscriber::with_default(spans.clone(), || runtime.block_on(case(spans)));
}

async fn one_trace(db: Database, spans: Spans) {
    use tracing::Instrument;
    let failing = Handler::new("mail", |_: Arc<RecordedEvent>, cx: EventContext| async move {
        if cx.attempt() == 1 { Err("the other side is down".into()) } else { Ok(()) }
    });
    let tally = Handler::transactional("tally", |_: Arc<RecordedEvent>, cx: &TransactionContext| {
        Box::pin(async move {
            Tally { id: 7, sum: 1 }.create(cx).await?;
            Ok(())
        })
    });
    let seen = Projection::<BTreeMap<String, i64>>::new("seen", 1).on(|_: Recorded<Created<Task>>, view| {
        Box::pin(async move {
            *view.row("all").await?.entry("events".into()).or_default() += 1;
            Ok(())
        })
    });
    let bus = bus(&db)
        .projection(seen)
        .handler(failing.on(["task.created"]).retry(quick(3)))
        .handler(tally.on(["task.created"]))
        .start()
        .await
        .unwrap();
    // As a service does that got a trace with a request.
    let request = tracing::info_span!("request", traceparent = TRACEPARENT);
    let traced = db.with_metadata(Metadata::new().traceparent(TRACEPARENT).correlation_id("request 9"));
    let asked = request.id().unwrap().into_u64();
    traced.create(task(1)).instrument(request).await.unwrap();
    until(&bus, "mail", |info| info.parked == 0 && info.lag == 0).await;
    until(&bus, "tally", |info| info.lag == 0).await;
    bus.stop().await.unwrap();

    let event = db.events().by_type("task.created").all().await.unwrap().remove(0);
    let trace_id = TRACEPARENT.split('-').nth(1).unwrap();
    let commits = spans.named("commit");
    let (_, save) = commits.iter().find(|(_, span)| span.parent == Some(asked)).unwrap();
    assert_eq!((save.trace_id(), save.field("correlation_id"), save.field("events")), (trace_id, "request 9", "1"));

    let handles = spans.named("handle");
    let of = |handler: &str| handles.iter().filter(|(_, span)| span.field("handler") == handler).collect::<Vec<_>>();
    let (mail, tally, seen) = (of("mail"), of("tally"), of("seen.v1"));
    let attempts: Vec<_> = mail.iter().map(|(_, span)| span.field("attempt")).collect();
    assert_eq!((attempts, tally.len(), seen.len()), (vec!["1", "2"], 1, 1));
    for (_, span) in mail.iter().chain(&tally).chain(&seen) {
        assert_eq!(span.trace_id(), save.trace_id());
        let named =
            ["event", "event_type", "stream", "position", "correlation_id"].map(|name| span.field(name).to_owned());
        let (id, position) = (event.id.to_string(), event.position.get().to_string());
        assert_eq!(named, [id, "task.created".into(), "task-1".into(), position, "request 9".into()]);
    }

    // What the handler wrote goes on with the trace, and so would who handles that.
    let effect = db.events().by_type("tally.created").all().await.unwrap().remove(0);
    assert_eq!(effect.metadata.traceparent.as_deref(), Some(TRACEPARENT));
    let traces = commits.iter().filter(|(_, span)| span.field("traceparent") == TRACEPARENT).count();
    assert_eq!(traces, 2, "{commits:?}");
}

#[test]
fn a_trace_is_followed_from_the_save_to_the_handler_on_memory() {
    traced(async |spans| one_trace(crate::support::memory(registry()).await, spans).await);
}

#[test]
fn a_trace_is_followed_from_the_save_to_the_handler_on_mongodb() {
    traced(async |spans| {
        let name = crate::support::database_name();
        let db = crate::support::mongodb(registry(), &name).await;
        one_trace(db.clone(), spans).await;
        db.close().await.unwrap();
        crate::support::drop_database(&name).await;
    });
}
