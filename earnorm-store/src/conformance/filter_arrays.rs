//! Filters that look into arrays and through paths.

use bson::{Bson, bson, doc};
use earnorm_core::predicate::Comparison::{Gt, Gte, Lt, Lte};
use earnorm_core::predicate::TextMatch::{Contains, Prefix};

use super::Subject;
use super::draft::{compare, element, eq, exists, has_all, is_in, regex, size, text, thing};

pub(super) async fn a_comparison_looks_into_arrays(s: Subject) {
    lists(&s).await;
    s.expect(eq("v", 5), &[1, 2, 6]).await;
    s.expect(compare("v", Gt, 6), &[2, 3]).await;
    s.expect(compare("v", Lt, 2), &[1]).await;
    s.expect(is_in("v", [1.into(), 9.into()]), &[1, 2, 3]).await;
    s.expect(!eq("v", 5), &[3, 4, 5, 7]).await;
    s.expect(eq("v", "x"), &[5]).await;
}

pub(super) async fn an_array_equals_an_array_as_a_whole(s: Subject) {
    lists(&s).await;
    s.expect(eq("v", bson!([1, 5])), &[1]).await;
    s.expect(eq("v", bson!([5, 1])), &[]).await;
    s.expect(eq("v", bson!([])), &[4]).await;
    s.put([thing(20, doc! { "v": [[1, 5], 3] })]).await;
    s.expect(eq("v", bson!([1, 5])), &[1, 20]).await;
}

pub(super) async fn two_conditions_may_hold_for_two_elements(s: Subject) {
    lists(&s).await;
    s.expect(compare("v", Gt, 4).and(compare("v", Lt, 2)), &[1]).await;
    s.expect(compare("v", Gte, 9).and(compare("v", Lte, 5)), &[2]).await;
}

pub(super) async fn size_counts_elements_of_arrays_only(s: Subject) {
    lists(&s).await;
    s.expect(size("v", 0), &[4]).await;
    s.expect(size("v", 2), &[1, 2, 3]).await;
    s.expect(size("v", 1), &[]).await;
    s.expect(!size("v", 2), &[4, 5, 6, 7]).await;
}

pub(super) async fn has_all_asks_for_every_value(s: Subject) {
    lists(&s).await;
    s.expect(has_all("v", [5.into(), 1.into()]), &[1]).await;
    s.expect(has_all("v", [9_i64.into()]), &[2, 3]).await;
    s.expect(has_all("v", ["x".into(), 3.into(), true.into()]), &[5]).await;
    s.expect(has_all("v", [5.into(), 100.into()]), &[]).await;
    s.expect(has_all("v", []), &[]).await;
    s.expect(!has_all("v", []), &[1, 2, 3, 4, 5, 6, 7]).await;
}

pub(super) async fn paths_lead_through_arrays_of_documents(s: Subject) {
    orders(&s).await;
    s.expect(eq("lines.sku", "a"), &[1, 2]).await;
    s.expect(compare("lines.n", Gt, 4), &[2, 3]).await;
    s.expect(exists("lines.n", true), &[1, 2, 3]).await;
    s.expect(exists("lines.n", false), &[4, 5]).await;
    s.expect(is_in("lines.sku", ["b".into(), "c".into()]), &[1, 3]).await;
    s.expect(text("lines.sku", Prefix, "a"), &[1, 2]).await;
    s.expect(eq("lines.tags", "hot"), &[3]).await;
}

pub(super) async fn an_element_must_hold_all_conditions_itself(s: Subject) {
    orders(&s).await;
    let both = eq("sku", "a").and(compare("n", Gte, 2));
    s.expect(element("lines", both.clone()), &[2]).await;
    s.expect(!element("lines", both), &[1, 3, 4, 5]).await;
    s.expect(eq("lines.sku", "a").and(compare("lines.n", Gte, 2)), &[1, 2]).await;
    s.expect(element("lines", eq("sku", "a").or(eq("sku", "c"))), &[1, 2, 3]).await;
    s.expect(element("lines", !eq("sku", "a")), &[1, 3]).await;
    s.expect(element("lines", element("tags", eq("x", 1))), &[]).await;
    s.expect(element("lines", has_all("tags", ["hot".into(), "new".into()])), &[3]).await;
}

pub(super) async fn text_is_found_in_elements(s: Subject) {
    s.put([
        thing(1, doc! { "v": ["alpha", "beta"] }),
        thing(2, doc! { "v": ["gamma", 5] }),
        thing(3, doc! { "v": "beta" }),
    ])
    .await;
    s.expect(text("v", Contains, "et"), &[1, 3]).await;
    s.expect(text("v", Prefix, "ga"), &[2]).await;
    s.expect(regex("v", "^b.*a$"), &[1, 3]).await;
}

pub(super) async fn fields_of_nested_documents_are_reached(s: Subject) {
    s.put([thing(1, doc! { "a": { "b": { "c": 1 } } }), thing(2, doc! { "a": { "b": 1 } }), thing(3, doc! { "a": 1 })])
        .await;
    s.expect(eq("a.b.c", 1), &[1]).await;
    s.expect(eq("a.b", 1), &[2]).await;
    s.expect(eq("a", 1), &[3]).await;
    s.expect(eq("a.b", Bson::from(doc! { "c": 1_i64 })), &[1]).await;
}

async fn lists(s: &Subject) {
    let values = [bson!([1, 5]), bson!([5, 9]), bson!([9, 9]), bson!([]), bson!(["x", 3, true]), bson!(5), bson!(null)];
    s.put((1..).zip(values).map(|(id, value)| thing(id, doc! { "v": value }))).await;
}

async fn orders(s: &Subject) {
    let lines = [
        bson!([{ "sku": "a", "n": 1 }, { "sku": "b", "n": 3 }]),
        bson!([{ "sku": "a", "n": 5 }]),
        bson!([{ "sku": "c", "n": 9, "tags": ["hot", "new"] }]),
        bson!([]),
        bson!("a"),
    ];
    s.put((1..).zip(lines).map(|(id, lines)| thing(id, doc! { "lines": lines }))).await;
}
