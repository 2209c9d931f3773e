//! What a user typed never becomes an operator.

use earnorm::Registry;
use earnorm::prelude::*;

#[model]
#[derive(Debug, Clone, PartialEq)]
struct Login {
    #[model(id)]
    id: String,
    name: String,
    secret: String,
    tags: Vec<String>,
    #[model(serde)]
    any: bson::Bson,
}

fn registry() -> Registry {
    Registry::empty().model::<Login>()
}

const HOSTILE: [&str; 12] =
    [r#"{"$ne": null}"#, r#"{"$gt": ""}"#, "$where", "$secret", "$$ROOT", ".*", "^", "(a+)+$", "[", "\\", "%", "a|b"];

every_store! {
    async fn hostile_text_is_text(db: Database) {
        let plain = |id: &str, name: &str| Login {
            id: id.into(), name: name.into(), secret: "s".into(), tags: vec![name.into()], any: bson::Bson::Null,
        };
        db.create(plain("victim", "ada")).await.unwrap();
        for (index, text) in HOSTILE.into_iter().enumerate() {
            assert_eq!(Login::find(Login::NAME.eq(text)).count(&db).await.unwrap(), 0, "{text}");
            assert_eq!(Login::find(Login::ID.eq(text)).count(&db).await.unwrap(), 0, "{text}");
            assert_eq!(Login::find(Login::NAME.is_in([text])).count(&db).await.unwrap(), 0, "{text}");
            assert_eq!(Login::find(Login::TAGS.has_all([text])).count(&db).await.unwrap(), 0, "{text}");
            for filter in [Login::NAME.starts_with(text), Login::NAME.contains(text), Login::NAME.ends_with(text)] {
                assert_eq!(Login::find(filter).count(&db).await.unwrap(), 0, "{text}");
            }
            let mut made = db.create(plain(&format!("id{index}"), text)).await.unwrap();
            assert_eq!(Login::find(Login::NAME.eq(text)).count(&db).await.unwrap(), 1, "{text}");
            assert_eq!(Login::find(Login::NAME.contains(text)).count(&db).await.unwrap(), 1, "{text}");
            made.secret = text.to_owned();
            made.save(&db).await.unwrap();
            assert_eq!(Login::load(&db, format!("id{index}")).await.unwrap().secret, text);
            made.delete(&db).await.unwrap();
        }
        let id = Login::get(&db, r#"{"$ne": null}"#).await.unwrap();
        assert!(id.is_none());
    }

    async fn hostile_values_are_values(db: Database) {
        use earnorm::predicate::{Comparison, Predicate};
        use earnorm::store::DocumentQuery;
        use futures::StreamExt;
        let plain = Login { id: "v".into(), name: "ada".into(), secret: "s".into(), tags: vec![], any: "x".into() };
        db.create(plain).await.unwrap();
        let hostile: Vec<bson::Bson> = vec![
            bson::doc! { "$ne": null }.into(),
            bson::doc! { "$gt": "" }.into(),
            bson::doc! { "$regex": ".*" }.into(),
            bson::doc! { "$where": "true" }.into(),
            bson::doc! { "$exists": true }.into(),
            bson::doc! { "$elemMatch": {} }.into(),
            bson::Bson::RegularExpression(bson::Regex { pattern: bson::cstr!(".*").into(), options: bson::cstr!("").into() }),
        ];
        for value in hostile {
            let path = || "any".to_owned();
            let mut predicates = vec![
                Predicate::In { path: path(), values: vec![value.clone()] },
                Predicate::HasAll { path: path(), values: vec![value.clone()] },
            ];
            for op in [Comparison::Eq, Comparison::Gt, Comparison::Gte, Comparison::Lt, Comparison::Lte] {
                predicates.push(Predicate::Compare { path: path(), op, value: value.clone() });
            }
            for predicate in predicates {
                let shown = format!("{predicate:?}");
                match db.store().find(DocumentQuery::new("logins", predicate)).await {
                    Ok(found) => assert_eq!(found.count().await, 0, "{shown}"),
                    Err(error) => assert!(matches!(error, Error::InvalidQuery { .. }), "{shown}: {error:?}"),
                }
            }
        }
    }

    async fn patterns_outside_the_subset_are_refused(db: Database) {
        for pattern in ["(", r"\bada\b", r"(?m)^a", r"\p{L}", "a{2000}", r"(a)\1", "(?=a)", &"a".repeat(5_000)] {
            let error = Login::find(Login::NAME.matches(pattern)).all(&db).await.unwrap_err();
            assert!(matches!(&error, Error::InvalidQuery { path, .. } if path == "name"), "{error:?}");
        }
    }
}
