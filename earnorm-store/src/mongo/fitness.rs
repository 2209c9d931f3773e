//! Which servers will do: a replica set or a router of version 6.0 or newer, reached at its primary.

use bson::Document;

/// The wire version of MongoDB 6.0.
const WIRE_VERSION_MIN: i64 = 17;

/// Why a server whose answer to `hello` is `hello` will not do.
pub(super) fn unfit(hello: &Document) -> Option<String> {
    let wire = number(hello, "maxWireVersion").unwrap_or(0);
    if wire < WIRE_VERSION_MIN {
        return Some(format!("the server is older than MongoDB 6.0 (wire version {wire}); upgrade it"));
    }
    if hello.get_str("msg").is_ok_and(|msg| msg == "isdbgrid") {
        return None;
    }
    if !hello.contains_key("setName") {
        return Some(
            "the server is no replica set, so it has no transactions; start it with `mongod --replSet rs0` and run \
             `rs.initiate()` once in mongosh (one node is enough)"
                .to_owned(),
        );
    }
    if !is_primary(hello) {
        return Some("the server is not the primary; connect without `directConnection=true`".to_owned());
    }
    None
}

/// Whether a server that answers so takes writes.
pub(super) fn is_primary(hello: &Document) -> bool {
    hello.get_bool("isWritablePrimary").unwrap_or(false)
}

/// An integer field of any width.
pub(super) fn number(document: &Document, field: &str) -> Option<i64> {
    match document.get(field)? {
        bson::Bson::Int32(number) => Some(i64::from(*number)),
        bson::Bson::Int64(number) => Some(*number),
        #[allow(clippy::cast_possible_truncation, reason = "servers send small counts as doubles")]
        bson::Bson::Double(number) => Some(*number as i64),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    //! Answers of real servers, cut to what counts.

    use bson::doc;

    use super::unfit;

    #[test]
    fn a_standalone_server_is_refused_with_the_cure() {
        let reason = unfit(&doc! { "isWritablePrimary": true, "maxWireVersion": 17 }).expect("refused");
        assert!(reason.contains("mongod --replSet rs0") && reason.contains("rs.initiate()"), "{reason}");
    }

    #[test]
    fn an_old_server_is_refused() {
        let hello = doc! { "isWritablePrimary": true, "setName": "rs0", "maxWireVersion": 13 };
        assert!(unfit(&hello).expect("refused").contains("6.0"));
    }

    #[test]
    fn a_secondary_is_refused() {
        let hello = doc! { "isWritablePrimary": false, "secondary": true, "setName": "rs0", "maxWireVersion": 17 };
        assert!(unfit(&hello).expect("refused").contains("primary"));
    }

    #[test]
    fn a_primary_and_a_router_will_do() {
        assert_eq!(unfit(&doc! { "isWritablePrimary": true, "setName": "rs0", "maxWireVersion": 17 }), None);
        assert_eq!(unfit(&doc! { "isWritablePrimary": true, "msg": "isdbgrid", "maxWireVersion": 21 }), None);
    }
}
