//! Values that look like operators are values.

use bson::{Bson, Regex, bson, doc};
use earnorm_core::predicate::Comparison::{Gt, Gte};
use earnorm_core::predicate::TextMatch::Contains;

use super::Subject;
use super::draft::{compare, element, eq, has_all, is_in, text, thing};

pub(super) async fn a_document_of_operators_is_compared_as_a_document(s: Subject) {
    secrets(&s).await;
    let operators = [
        bson!({ "$ne": null }),
        bson!({ "$gt": "" }),
        bson!({ "$exists": true }),
        bson!({ "$in": ["hunter2", 5] }),
        bson!({ "$regex": ".*" }),
        bson!({ "$not": { "$eq": 1 } }),
        bson!({ "$where": "true" }),
        bson!({ "$expr": true }),
    ];
    for operator in operators {
        s.expect(eq("password", operator.clone()), &[]).await;
        s.expect(!eq("password", operator.clone()), &[1, 2, 3]).await;
        s.expect(is_in("password", [operator.clone(), 5.into()]), &[2]).await;
        s.expect(has_all("password", [operator.clone()]), &[]).await;
        s.expect(element("sessions", eq("token", operator.clone())), &[]).await;
        s.expect(compare("password", Gt, operator), &[]).await;
    }
}

pub(super) async fn a_regular_expression_as_a_value_is_a_value(s: Subject) {
    secrets(&s).await;
    let pattern =
        || Bson::RegularExpression(Regex { pattern: ".*".try_into().unwrap(), options: "i".try_into().unwrap() });
    s.expect(eq("password", pattern()), &[]).await;
    s.expect(is_in("password", [pattern(), 5.into()]), &[2]).await;
    s.expect(has_all("password", [pattern()]), &[]).await;
    s.expect(!eq("password", pattern()), &[1, 2, 3]).await;
    s.put([thing(4, doc! { "password": pattern() })]).await;
    s.expect(eq("password", pattern()), &[4]).await;
    s.expect(is_in("password", [pattern()]), &[4]).await;
}

pub(super) async fn text_with_dollars_is_text(s: Subject) {
    let words = ["$where", "$password", "$$ROOT", "$", "{\"$ne\": null}", "a.b", "function() { return true; }"];
    s.put((1..).zip(words).map(|(id, word)| thing(id, doc! { "v": word, "list": [word] }))).await;
    for (id, word) in (1..).zip(words) {
        s.expect(eq("v", word), &[id]).await;
        s.expect(is_in("v", [word.into()]), &[id]).await;
        s.expect(has_all("list", [word.into()]), &[id]).await;
    }
    s.expect(text("v", Contains, "$w"), &[1]).await;
    s.expect(compare("v", Gte, "$password"), &[1, 2, 5, 6, 7]).await;
}

pub(super) async fn nested_documents_of_operators_are_values_too(s: Subject) {
    secrets(&s).await;
    s.expect(eq("sessions", bson!([{ "$ne": 1 }])), &[]).await;
    s.expect(eq("sessions", bson!({ "token": { "$gt": "" } })), &[]).await;
    s.expect(is_in("sessions.token", [bson!({ "$gt": "" }), bson!("t1")]), &[1]).await;
    s.expect(!is_in("sessions.token", [bson!([{ "$gt": "" }])]), &[1, 2, 3]).await;
}

async fn secrets(s: &Subject) {
    s.put([
        thing(1, doc! { "password": "hunter2", "sessions": [{ "token": "t1" }] }),
        thing(2, doc! { "password": 5, "sessions": [{ "token": "t2" }, { "token": null }] }),
        thing(3, doc! { "password": ["x"], "sessions": [] }),
    ])
    .await;
}
