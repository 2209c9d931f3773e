//! Text: never a pattern, never folded.

use bson::doc;
use earnorm_core::predicate::TextMatch::{Contains, Prefix, Suffix};

use super::Subject;
use super::draft::{eq, regex, text, thing};

/// Texts in which every sign that some language reads otherwise stands once.
const WORDS: [&str; 14] = [
    "plain",
    "a.b",
    "axb",
    "50%",
    "500",
    "a_b",
    "back\\slash",
    "two\nlines",
    "^start$",
    "(group)[set]{1}*+?|",
    "Straße",
    "STRASSE",
    "\u{1F600} smile",
    "",
];

pub(super) async fn signs_of_patterns_stand_for_themselves(s: Subject) {
    words(&s).await;
    s.expect(text("v", Contains, "."), &[2]).await;
    s.expect(text("v", Contains, "%"), &[4]).await;
    s.expect(text("v", Contains, "_"), &[6]).await;
    s.expect(text("v", Contains, "\\"), &[7]).await;
    s.expect(text("v", Prefix, "^"), &[9]).await;
    s.expect(text("v", Suffix, "$"), &[9]).await;
    for sign in ["(", ")", "[", "]", "{", "}", "*", "+", "?", "|", "(group)[set]{1}*+?|"] {
        s.expect(text("v", Contains, sign), &[10]).await;
    }
    for pattern in [".*", "\\Q", "\\E", "[a-z]", "(?i)plain", "\\d", "$where"] {
        s.expect(text("v", Contains, pattern), &[]).await;
    }
}

pub(super) async fn text_stands_at_its_place(s: Subject) {
    words(&s).await;
    s.expect(text("v", Prefix, "a"), &[2, 3, 6]).await;
    s.expect(text("v", Suffix, "b"), &[2, 3, 6]).await;
    s.expect(text("v", Prefix, "50"), &[4, 5]).await;
    s.expect(text("v", Contains, "lain"), &[1]).await;
    s.expect(text("v", Prefix, "lain"), &[]).await;
    s.expect(text("v", Suffix, "plai"), &[]).await;
}

pub(super) async fn case_and_accents_are_kept(s: Subject) {
    words(&s).await;
    s.expect(text("v", Contains, "Plain"), &[]).await;
    s.expect(text("v", Contains, "ß"), &[11]).await;
    s.expect(text("v", Contains, "SS"), &[12]).await;
    s.expect(text("v", Prefix, "STRA"), &[12]).await;
    s.expect(eq("v", "strasse"), &[]).await;
    s.expect(text("v", Prefix, "\u{1F600}"), &[13]).await;
    s.put([thing(20, doc! { "v": "e\u{301}" }), thing(21, doc! { "v": "\u{e9}" })]).await;
    s.expect(text("v", Contains, "\u{e9}"), &[21]).await;
}

pub(super) async fn lines_do_not_end_a_text(s: Subject) {
    words(&s).await;
    s.expect(text("v", Prefix, "lines"), &[]).await;
    s.expect(text("v", Suffix, "two"), &[]).await;
    s.expect(text("v", Contains, "o\nl"), &[8]).await;
    s.put([thing(20, doc! { "v": "end\n" }), thing(21, doc! { "v": "end" })]).await;
    s.expect(text("v", Suffix, "end"), &[21]).await;
    s.expect(text("v", Suffix, "\n"), &[20]).await;
}

pub(super) async fn empty_text_is_in_every_text_and_in_nothing_else(s: Subject) {
    words(&s).await;
    s.put([thing(20, doc! { "v": 5 }), thing(21, doc! { "v": null }), thing(22, doc! {})]).await;
    let all: Vec<i32> = (1..=14).collect();
    for op in [Prefix, Contains, Suffix] {
        s.expect(text("v", op, ""), &all).await;
        s.expect(!text("v", op, ""), &[20, 21, 22]).await;
    }
}

pub(super) async fn numbers_are_no_text(s: Subject) {
    words(&s).await;
    s.put([thing(20, doc! { "v": 500 }), thing(21, doc! { "v": ["500"] }), thing(22, doc! { "v": { "500": "500" } })])
        .await;
    s.expect(text("v", Contains, "500"), &[5, 21]).await;
    s.expect(regex("v", "500"), &[5, 21]).await;
}

pub(super) async fn regular_expressions_match_alike_everywhere(s: Subject) {
    words(&s).await;
    s.expect(regex("v", "^a[._]b$"), &[2, 6]).await;
    s.expect(regex("v", "a.b"), &[2, 3, 6]).await;
    s.expect(regex("v", "^50[0-9%]$"), &[4, 5]).await;
    s.expect(regex("v", "^(plain|axb)$"), &[1, 3]).await;
    s.expect(regex("v", "x{2}"), &[]).await;
    s.expect(regex("v", "PLAIN"), &[]).await;
    s.expect(regex("v", "\\\\"), &[7]).await;
    s.expect(regex("v", "ra(ß|SS)"), &[11]).await;
    s.expect(!regex("v", "a"), &[4, 5, 8, 10, 12, 13, 14]).await;
}

async fn words(s: &Subject) {
    s.put((1..).zip(WORDS).map(|(id, word)| thing(id, doc! { "v": word }))).await;
}
