//! The lock of shapes: what a changed struct does to what is stored is named before it is released.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;

use earnorm::Registry;
use earnorm::prelude::*;
use earnorm::shape::{Change, ChangeKind, Lock};
use earnorm::upcast::UpcastRegistration;

mod v1 {
    use super::*;

    #[model(embedded)]
    #[derive(Debug, Clone)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct Line {
        pub(super) sku_code: String,
        pub(super) pieces: i32,
    }

    #[model(embedded)]
    #[derive(Debug, Clone)]
    pub(super) enum State {
        Open,
        #[serde(rename = "Gone")]
        Sent(DateTime<Utc>),
        Moved(String, i64),
        Lost {
            whose: Option<Line>,
        },
    }

    #[model(embedded)]
    #[derive(Debug, Clone)]
    pub(super) struct Node {
        pub(super) below: Vec<Node>,
        pub(super) beside: Option<Box<Node>>,
    }

    #[model(embedded)]
    #[derive(Debug, Clone)]
    pub(super) struct Cents(i64);

    #[model(name = "lck_crate", collection = "lck_crates")]
    #[derive(Debug, Clone)]
    pub(super) struct Crate {
        #[model(id)]
        pub(super) number: Uuid,
        #[serde(rename = "to")]
        pub(super) receiver: String,
        pub(super) lines: Vec<Line>,
        pub(super) by_day: HashMap<String, Line>,
        pub(super) state: State,
        pub(super) tree: Node,
        pub(super) price: Cents,
        #[model(default)]
        pub(super) weight: f64,
        pub(super) note: Option<String>,
        #[model(serde)]
        pub(super) raw: std::collections::BTreeMap<String, i64>,
        #[model(skip)]
        pub(super) _seen: bool,
    }

    #[event(name = "opened")]
    #[derive(Debug, Clone)]
    pub(super) struct Opened {
        #[event(rename = "key")]
        pub(super) id: String,
        #[event(default = 7)]
        pub(super) days: u16,
    }

    #[model(name = "lck_till", collection = "lck_tills", sourced)]
    #[derive(Debug, Clone)]
    pub(super) struct Till {
        #[model(id)]
        pub(super) id: String,
    }

    #[model]
    impl Till {
        #[apply]
        fn opened(event: &Opened) -> Self {
            Self { id: event.id.clone() }
        }
    }
}

fn first() -> Registry {
    Registry::empty().model::<v1::Crate>().model::<v1::Till>()
}

fn lock(registry: &Registry) -> Lock {
    Lock::of(registry).unwrap()
}

/// What a program with another registry is told, whose lock was committed by the first one.
fn told(registry: &Registry, since: &Registry) -> Vec<Change> {
    let committed = Lock::read(&lock(since).to_string()).unwrap();
    lock(registry).changes_since(&committed, registry)
}

#[track_caller]
fn one(changes: &[Change]) -> (ChangeKind, String) {
    let [change] = changes else { panic!("{changes:#?}") };
    (change.kind, change.to_string())
}

#[test]
fn the_lock_has_every_stored_path_by_its_stored_name() {
    let lock = lock(&first());
    let text = lock.to_string();
    assert_eq!(Lock::read(&text).unwrap(), lock);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let model = &value["models"]["lck_crate"];
    assert_eq!((model["kind"].as_str(), model["version"].as_i64()), (Some("tracked"), Some(1)));
    let expected = [
        ("_id", "Uuid"),
        ("by_day", "Map<struct>"),
        ("by_day{}.pieces", "i32"),
        ("by_day{}.skuCode", "String"),
        ("lines", "Vec<struct>"),
        ("lines[].pieces", "i32"),
        ("lines[].skuCode", "String"),
        ("note", "Option<String>"),
        ("price", "i64"),
        ("raw", "serde(std::collections::BTreeMap<String, i64>)"),
        ("state", "enum"),
        ("state::Gone", "variant DateTime"),
        ("state::Lost", "variant struct"),
        ("state::Lost.whose", "Option<struct>"),
        ("state::Lost.whose.pieces", "i32"),
        ("state::Lost.whose.skuCode", "String"),
        ("state::Moved", "variant of 2 values"),
        ("state::Moved.0", "String"),
        ("state::Moved.1", "i64"),
        ("state::Open", "variant"),
        ("to", "String"),
        ("tree", "struct"),
        ("tree.below", "Vec<like tree>"),
        ("tree.beside", "Option<like tree>"),
        ("weight", "f64, default"),
    ];
    let fields: Vec<_> = model["fields"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str().unwrap()))
        .collect();
    assert_eq!(fields, expected);
    let event = &value["events"]["lck_till.opened"];
    assert_eq!(event["fields"], serde_json::json!({ "days": "u16, default", "key": "String" }));
    assert!(text.find("EARNORM_UPDATE_LOCK").unwrap() < text.find("lck_crate").unwrap(), "{text}");
    assert_eq!(told(&first(), &first()), []);
}

mod changed {
    use super::*;

    /// Without a step to version 2, a field changes.
    #[model(name = "lck_crate", collection = "lck_crates")]
    #[derive(Debug, Clone)]
    pub(super) struct Before {
        #[model(id)]
        pub(super) number: Uuid,
        pub(super) to: String,
        pub(super) age: i32,
    }

    #[model(name = "lck_crate", collection = "lck_crates")]
    #[derive(Debug, Clone)]
    pub(super) struct Unseen {
        #[model(id)]
        pub(super) number: Uuid,
        pub(super) to: String,
        pub(super) age: String,
    }

    #[model(name = "lck_crate", collection = "lck_crates", version = 3)]
    #[derive(Debug, Clone)]
    pub(super) struct Stepped {
        #[model(id)]
        pub(super) number: Uuid,
        pub(super) to: String,
        pub(super) age: String,
    }

    #[model(name = "lck_crate", collection = "lck_crates")]
    #[derive(Debug, Clone)]
    pub(super) struct Renamed {
        #[model(id)]
        pub(super) number: Uuid,
        pub(super) receiver: String,
        pub(super) age: i32,
    }

    #[model(name = "lck_crate", collection = "lck_crates")]
    #[derive(Debug, Clone)]
    pub(super) struct Wider {
        #[model(id)]
        pub(super) number: Uuid,
        pub(super) to: Option<String>,
        pub(super) age: i64,
        #[serde(default)]
        pub(super) tags: Vec<String>,
        pub(super) note: Option<String>,
    }

    #[model(name = "lck_crate", collection = "lck_crates", version = 2)]
    #[derive(Debug, Clone)]
    pub(super) struct OtherId {
        #[model(id)]
        pub(super) number: i64,
        pub(super) to: String,
        pub(super) age: i32,
    }

    #[event(name = "opened")]
    #[derive(Debug, Clone)]
    pub(super) struct Opened {
        pub(super) id: String,
    }

    #[model(name = "lck_crate", collection = "lck_crates", sourced)]
    #[derive(Debug, Clone)]
    pub(super) struct Sourced {
        #[model(id)]
        pub(super) number: Uuid,
        pub(super) to: String,
        pub(super) age: i32,
    }

    #[model]
    impl Sourced {
        #[apply]
        fn opened(event: &Opened) -> Self {
            Self { number: Uuid::nil(), to: event.id.clone(), age: 0 }
        }
    }
}

fn before() -> Registry {
    Registry::empty().model::<changed::Before>()
}

#[test]
fn a_changed_field_needs_a_version_and_its_upcasters() {
    let (kind, text) = one(&told(&Registry::empty().model::<changed::Unseen>(), &before()));
    assert_eq!(kind, ChangeKind::Incompatible);
    assert!(text.contains("model `lck_crate`: `age` was `i32` and is `String`"), "{text}");
    let cure = "raise it to `#[model(version = 2)]` and write `#[upcast(model = Unseen, from = 1)]`";
    assert!(text.contains(cure), "{text}");
    let stepped = || Registry::empty().model::<changed::Stepped>();
    let step = |from| UpcastRegistration::of_model::<changed::Stepped>(from, |_| Ok(()));
    let (kind, text) = one(&told(&stepped().upcast(step(1)), &before()));
    assert_eq!(kind, ChangeKind::Incompatible);
    assert!(text.contains("rose from version 1 to 3 (changed: `age`)"), "{text}");
    assert!(text.contains("`#[upcast(model = Stepped, from = 2)]`"), "{text}");
    let (kind, text) = one(&told(&stepped().upcast(step(1)).upcast(step(2)), &before()));
    assert_eq!(kind, ChangeKind::OutOfDate);
    assert!(text.contains("run `earnorm schema lock`"), "{text}");
    let (kind, text) = one(&told(&before(), &stepped()).into_iter().take(1).collect::<Vec<_>>());
    assert_eq!(kind, ChangeKind::Incompatible);
    assert!(text.contains("fell from version 3 to 1") && text.contains("versions only rise"), "{text}");
}

#[test]
fn a_renamed_field_is_told_with_the_attribute_that_keeps_its_name() {
    let changes = told(&Registry::empty().model::<changed::Renamed>(), &before());
    let fields: Vec<_> = changes.iter().map(|change| (change.kind, change.field.as_deref())).collect();
    assert_eq!(fields, [(ChangeKind::Incompatible, Some("receiver")), (ChangeKind::Incompatible, Some("to"))]);
    let texts = changes.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert!(texts[0].contains("is new, and stored data lack it: make it an `Option`"), "{texts:?}");
    assert!(
        texts[1].contains("if it is `receiver` now") && texts[1].contains("#[model(rename = \"to\")]"),
        "{texts:?}"
    );
}

#[test]
fn what_reads_everything_stored_only_makes_the_lock_old() {
    let changes = told(&Registry::empty().model::<changed::Wider>(), &before());
    let fields: Vec<_> = changes.iter().map(|change| (change.kind, change.field.as_deref().unwrap())).collect();
    assert_eq!(fields, ["age", "note", "tags", "to"].map(|field| (ChangeKind::OutOfDate, field)));
    let back = told(&before(), &Registry::empty().model::<changed::Wider>());
    assert!(back.iter().all(|change| change.kind == ChangeKind::Incompatible) && back.len() == 4, "{back:#?}");
    let (kind, text) = one(&told(&first(), &Registry::empty().model::<v1::Crate>()).split_off(1));
    assert_eq!(kind, ChangeKind::OutOfDate);
    assert!(text.contains("event `lck_till.opened` is new"), "{text}");
}

#[test]
fn what_no_upcaster_can_mend_is_refused_also_with_one() {
    let other = Registry::empty().model::<changed::OtherId>();
    let other = other.upcast(UpcastRegistration::of_model::<changed::OtherId>(1, |_| Ok(())));
    let changes = told(&other, &before());
    let (kind, text) = one(&changes[..1]);
    assert_eq!(kind, ChangeKind::Incompatible);
    assert!(text.contains("`_id` was `Uuid` and is `i64`") && text.contains("never changes an id"), "{text}");
    let changes = told(&Registry::empty().model::<changed::Sourced>(), &before());
    let (kind, text) = one(&changes[..1]);
    assert_eq!(kind, ChangeKind::Incompatible);
    assert!(text.contains("was tracked and is sourced") && text.contains("another `name`"), "{text}");
}

#[test]
fn what_is_gone_is_refused_until_it_is_taken_out_of_the_file_by_hand() {
    let only = Registry::empty().model::<v1::Crate>();
    let changes = told(&only, &first());
    let texts: Vec<_> = changes.iter().map(ToString::to_string).collect();
    assert_eq!(changes.len(), 2, "{texts:#?}");
    assert!(texts[0].contains("model `lck_till` is gone") && texts[0].contains("out of `models`"), "{texts:#?}");
    assert!(texts[1].contains("event `lck_till.opened` is gone") && texts[1].contains("`#[apply]`"), "{texts:#?}");
    let mut edited: serde_json::Value = serde_json::from_str(&lock(&first()).to_string()).unwrap();
    edited["models"].as_object_mut().unwrap().remove("lck_till");
    edited["events"].as_object_mut().unwrap().remove("lck_till.opened");
    let edited = Lock::read(&edited.to_string()).unwrap();
    assert_eq!(lock(&only).changes_since(&edited, &only), []);
}

mod raised {
    use super::*;

    pub(super) mod before {
        use super::*;

        #[event(name = "lck_noted")]
        #[derive(Debug, Clone)]
        pub(in super::super) struct Noted {
            pub(in super::super) text: String,
        }
    }

    pub(super) mod after {
        use super::*;

        #[event(name = "lck_noted", version = 2)]
        #[derive(Debug, Clone)]
        pub(in super::super) struct Noted {
            pub(in super::super) words: Vec<String>,
        }
    }

    pub(super) mod namesake {
        use super::*;

        #[event(name = "lck_noted")]
        #[derive(Debug, Clone)]
        pub(in super::super) struct Noted {
            pub(in super::super) other: bool,
        }
    }
}

#[test]
fn events_that_any_model_may_raise_are_locked_by_their_name() {
    let first = || before().event::<raised::before::Noted>();
    assert!(lock(&first()).to_string().contains(r#""*.lck_noted": {"#), "{}", lock(&first()));
    let second = || before().event::<raised::after::Noted>();
    let (kind, text) = one(&told(&second(), &first()));
    assert_eq!(kind, ChangeKind::Incompatible);
    assert!(text.contains("event `*.lck_noted` rose from version 1 to 2"), "{text}");
    assert!(text.contains("`#[upcast(event = \"MODEL.lck_noted\", from = 1)]`"), "{text}");
    let step = |event_type| UpcastRegistration::of_event(event_type, 1, |_| Ok(()));
    let (kind, _) = one(&told(&second().upcast(step("lck_crate.lck_noted")), &first()));
    assert_eq!(kind, ChangeKind::OutOfDate);
    let (kind, _) = one(&told(&second().upcast(step("lck_crate.other")), &first()));
    assert_eq!(kind, ChangeKind::Incompatible);
    let namesakes = told(&first().event::<raised::namesake::Noted>(), &first());
    assert!(
        namesakes.len() == 2 && namesakes.iter().all(|change| change.kind == ChangeKind::OutOfDate),
        "{namesakes:?}"
    );
    let (kind, text) = one(&told(&before(), &first()));
    assert_eq!(kind, ChangeKind::Incompatible);
    assert!(text.contains("event `*.lck_noted` is gone"), "{text}");
    let applied = Registry::empty().model::<v1::Till>();
    assert_eq!(lock(&applied), lock(&Registry::empty().model::<v1::Till>().event::<v1::Opened>()));
}

#[test]
fn the_test_helper_writes_no_file_that_was_not_asked_for() {
    let path = std::env::temp_dir().join(format!("earnorm-{}.lock.json", Uuid::now_v7()));
    let fails = |registry: Registry| {
        let result = std::panic::catch_unwind(AssertUnwindSafe(|| earnorm::assert_shapes_locked!(&path, registry)));
        *result.unwrap_err().downcast::<String>().unwrap()
    };
    let none = fails(before());
    assert!(none.contains("there is no lock of shapes at") && none.contains("EARNORM_UPDATE_LOCK=1"), "{none}");
    std::fs::write(&path, lock(&before()).to_string()).unwrap();
    earnorm::assert_shapes_locked!(&path, before());
    let unseen = fails(Registry::empty().model::<changed::Unseen>());
    assert!(unseen.contains("`age` was `i32` and is `String`"), "{unseen}");
    let empty = fails(Registry::empty());
    assert!(empty.contains("no models"), "{empty}");
    std::fs::write(&path, "<<<<<<< HEAD\n{}").unwrap();
    let torn = fails(before());
    assert!(torn.contains("not JSON") && torn.contains("restore it"), "{torn}");
    std::fs::remove_file(&path).unwrap();
}
