//! `#[model]` on structs.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bson::Bson;
use earnorm::model::{Model, Stamp, Tracked};
use earnorm::prelude::*;
use earnorm::schema::{ModelKind, StoredKind};
use earnorm::validation::ValidationErrors;

#[model(collection = "people", version = 3, soft_delete, index(name, -age), unique(tenant, email))]
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct User {
    pub name: String,
    #[model(id)]
    pub id: Uuid,
    #[model(unique)]
    #[validate(email)]
    pub email: String,
    #[model(index = "desc", default = 18)]
    #[validate(range(min = 18, max = 150))]
    pub age: u32,
    pub tenant: Option<String>,
    #[model(rename = "kind")]
    #[validate(length(min = 2), pattern("^[a-z]+$"))]
    pub r#type: String,
    pub tags: Vec<String>,
    pub unique: BTreeSet<i64>,
    pub scores: BTreeMap<String, f64>,
    pub counters: HashMap<String, i32>,
    #[model(created_at)]
    pub created: Option<DateTime<Utc>>,
    #[model(updated_at)]
    pub updated: DateTime<Utc>,
    pub big: u64,
    #[model(skip)]
    pub cache: Option<String>,
    #[model(serde, default)]
    pub anything: Vec<(u8, bool)>,
    pub oid: Option<ObjectId>,
    #[model(constant = "THE_SHADE")]
    shade: bool,
}

fn user() -> User {
    User {
        name: "Ada".into(),
        id: Uuid::from_u128(7),
        email: "ada@example.org".into(),
        age: 36,
        tenant: None,
        r#type: "admin".into(),
        tags: vec!["a".into(), "b".into()],
        unique: [3, 1].into(),
        scores: [("x".to_owned(), 1.5)].into(),
        counters: [("c".to_owned(), 2)].into(),
        created: None,
        updated: DateTime::from_timestamp_millis(1_700_000_000_123).unwrap(),
        big: 9,
        cache: Some("not stored".into()),
        anything: vec![(1, true)],
        oid: Some(ObjectId::from_bytes([1; 12])),
        shade: true,
    }
}

#[test]
fn the_document_holds_the_mapped_types_with_the_id_first() {
    let document = user().encode().unwrap();
    let keys: Vec<_> = document.keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "_id", "name", "email", "age", "tenant", "kind", "tags", "unique", "scores", "counters", "created",
            "updated", "big", "anything", "oid", "shade"
        ]
    );
    let Some(Bson::Binary(id)) = document.get("_id") else { panic!("{document}") };
    assert_eq!(id.subtype, bson::spec::BinarySubtype::Uuid);
    assert_eq!(document.get("age"), Some(&Bson::Int64(36)));
    assert_eq!(document.get("tenant"), Some(&Bson::Null));
    assert_eq!(document.get("updated"), Some(&Bson::DateTime(bson::DateTime::from_millis(1_700_000_000_123))));
    assert_eq!(document.get("unique"), Some(&Bson::Array(vec![Bson::Int64(1), Bson::Int64(3)])));
}

#[test]
fn a_round_trip_loses_only_what_is_skipped() {
    let back = User::decode(&user().encode().unwrap()).unwrap();
    assert_eq!(back, User { cache: None, ..user() });
}

#[test]
fn dates_are_cut_to_milliseconds() {
    let mut model = user();
    model.updated = DateTime::from_timestamp(1_700_000_000, 123_456_789).unwrap();
    let back = User::decode(&model.encode().unwrap()).unwrap();
    assert_eq!(back.updated.timestamp_subsec_nanos(), 123_000_000);
}

#[test]
fn a_value_without_a_stored_form_names_its_field() {
    let error = User { big: u64::MAX, ..user() }.encode().unwrap_err();
    assert_eq!(error.path, "big");
}

#[test]
fn missing_and_mistyped_fields_name_their_path() {
    let mut document = user().encode().unwrap();
    document.remove("kind");
    assert_eq!(User::decode(&document).unwrap_err().to_string(), "field `kind` is missing");
    document.insert("kind", 3);
    assert_eq!(User::decode(&document).unwrap_err().path, "kind");
    let mut document = user().encode().unwrap();
    document.insert("tags", vec![Bson::String("a".into()), Bson::Boolean(true)]);
    assert_eq!(User::decode(&document).unwrap_err().path, "tags.1");
}

#[test]
fn defaults_stand_for_missing_fields() {
    let mut document = user().encode().unwrap();
    for gone in ["age", "tenant", "anything", "oid"] {
        document.remove(gone);
    }
    let back = User::decode(&document).unwrap();
    assert_eq!((back.age, back.tenant, back.anything, back.oid), (18, None, vec![], None));
}

#[test]
fn the_schema_says_what_is_stored() {
    let schema = User::SCHEMA;
    assert_eq!((schema.name, schema.collection, schema.version), ("user", "people", 3));
    assert_eq!(schema.rust_path, "macros::models::User");
    assert_eq!(schema.kind, ModelKind::Tracked);
    assert!(schema.soft_delete);
    let first = schema.fields[0];
    assert_eq!((first.name, first.path, first.kind), ("id", "_id", StoredKind::Uuid));
    let kind = schema.fields.iter().find(|field| field.name == "type").unwrap();
    assert_eq!((kind.path, kind.kind, kind.optional), ("kind", StoredKind::String, false));
    let oid = schema.fields.iter().find(|field| field.name == "oid").unwrap();
    assert_eq!((oid.kind, oid.optional), (StoredKind::ObjectId, true));
    assert_eq!(schema.fields.len(), 16);
    let indexes: Vec<(bool, Vec<(&str, bool)>)> = schema
        .indexes
        .iter()
        .map(|index| (index.unique, index.keys.iter().map(|key| (key.path, key.descending)).collect()))
        .collect();
    assert_eq!(
        indexes,
        [
            (true, vec![("email", false)]),
            (false, vec![("age", true)]),
            (false, vec![("name", false), ("age", true)]),
            (true, vec![("tenant", false), ("email", false)]),
        ]
    );
}

#[test]
fn names_have_defaults() {
    #[model]
    #[derive(Clone)]
    struct HttpRequest {
        #[model(id)]
        id: i64,
    }
    assert_eq!((HttpRequest::SCHEMA.name, HttpRequest::SCHEMA.collection), ("http_request", "http_requests"));
    assert_eq!(HttpRequest::SCHEMA.version, 1);
}

#[test]
fn constants_build_filters() {
    assert_eq!(User::AGE.path(), "age");
    assert_eq!(User::ID.path(), "_id");
    assert_eq!(User::TYPE.path(), "kind");
    assert_eq!(User::THE_SHADE.path(), "shade");
    let filter = User::AGE.gte(18) & User::NAME.starts_with("A") & User::THE_SHADE.eq(true);
    assert!(format!("{filter:?}").contains("Gte"), "{filter:?}");
}

#[test]
fn stamps_set_the_marked_fields() {
    let now = DateTime::from_timestamp_millis(5).unwrap();
    let mut model = user();
    model.stamp(Stamp::Created, now);
    assert_eq!((model.created, model.updated), (Some(now), now));
    let later = DateTime::from_timestamp_millis(9).unwrap();
    model.stamp(Stamp::Updated, later);
    assert_eq!((model.created, model.updated), (Some(now), later));
    assert!(User::has_stamp(Stamp::Created) && User::has_stamp(Stamp::Updated));
}

#[test]
fn all_broken_rules_are_found_at_once() {
    let mut errors = ValidationErrors::new();
    User { age: 3, email: "nope".into(), r#type: "1".into(), ..user() }.check(&mut errors);
    let paths: Vec<_> = errors.iter().map(|error| error.path.as_str()).collect();
    assert_eq!(paths, ["email", "age", "kind", "kind"]);
}

#[test]
fn json_is_serdes_with_the_stored_names() {
    let json: Bson = bson::serialize_to_bson(&user()).unwrap();
    let json = json.as_document().unwrap();
    assert!(json.contains_key("kind") && json.contains_key("id") && !json.contains_key("cache"), "{json}");
    assert!(matches!(json.get("updated"), Some(Bson::String(_))), "{json}");
}

#[test]
fn tracked_models_take_every_event() {
    fn tracked<M: Tracked>() {}
    tracked::<User>();
}
