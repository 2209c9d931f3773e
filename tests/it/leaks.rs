//! Secrets stay where they belong: a planted password, planted keys and planted personal data are looked for in every error
//! with its causes, every debug print, every span and event of every target, and everything the command says.

mod addresses;
mod command;
mod needles;
mod people;
mod watch;

use earnorm::prelude::*;

use needles::{MARK, found};
use watch::watched;

/// No secret stands in what this thing shows of itself.
#[track_caller]
fn clean(what: &str, shown: &impl std::fmt::Debug) {
    for text in [format!("{shown:?}"), format!("{shown:#?}")] {
        assert_eq!(found(&text), None, "{what}: {text}");
    }
}

/// No secret stands in an error or in what it comes from.
#[track_caller]
fn clean_error(what: &str, error: &Error) {
    clean(what, error);
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = next {
        assert_eq!(found(&error.to_string()), None, "{what}: {error}");
        clean(what, &error);
        next = error.source();
    }
}

#[test]
fn a_leak_is_found_wherever_it_is() {
    #[derive(Debug)]
    #[allow(dead_code, reason = "what is printed is the point")]
    struct Leaky {
        uri: String,
        key: Vec<u8>,
    }
    let (uri, key) = (format!("mongodb://ada:{MARK}@db"), MARK.as_bytes().to_vec());
    let leaky = Leaky { uri: "mongodb://db".into(), key: key.clone() };
    assert!(found(&format!("{leaky:?}")).is_some(), "a key in a debug print");
    assert!(found(&format!("{leaky:#?}")).is_some(), "a key in a long debug print");
    let leaky = Leaky { uri, key: Vec::new() };
    assert!(found(&format!("{leaky:?}")).is_some(), "an address in a debug print");
    for text in [
        "x%63%34%6e%34%72%79".to_owned(),
        "6334 63346E347279".to_owned(),
        base64::encode(format!("a{MARK}-1")),
        base64::encode(format!("ab{MARK}--2")),
        base64::encode(format!("abc{MARK}")),
    ] {
        assert!(found(&text).is_some(), "{text}");
    }
    assert_eq!(found("canary, c4n4r, 63346e34"), None);

    let hits = watched(|| {
        tracing::info_span!(target: "earnorm_core::x", "commit", uri = %leaky.uri).in_scope(|| {
            tracing::trace!(target: "mongodb::command", reply = ?leaky, "answered");
        });
        let later = tracing::debug_span!(target: "hickory", "look", name = tracing::field::Empty);
        later.record("name", leaky.uri.as_str());
        tracing::trace!(target: "earnorm", "a message about {}", leaky.uri);
        tracing::error!(target: "earnorm", error = &std::io::Error::other(leaky.uri.clone()) as &dyn std::error::Error);
        tracing::trace!(target: "earnorm", "nothing");
    });
    assert_eq!(hits.len(), 5, "{hits:#?}");
}

mod base64 {
    //! The standard alphabet, for the control.

    pub(super) fn encode(text: impl AsRef<[u8]>) -> String {
        use earnorm::bson::{Binary, Bson, spec::BinarySubtype};
        let binary = Binary { subtype: BinarySubtype::Generic, bytes: text.as_ref().to_vec() };
        let json = Bson::Binary(binary).into_relaxed_extjson();
        json["$binary"]["base64"].as_str().unwrap().to_owned()
    }
}
