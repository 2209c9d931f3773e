//! Passwords never reach an error, a log or a debug print: what addresses look like without them.

use std::fmt;

/// Text that may hold a password, such as the address of a store. `Debug` and `Display` show it without.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text` to itself.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What someone else said about this address, without the address and the passwords in it, escaped or not.
    #[must_use]
    pub fn strike_from(&self, said: &str) -> String {
        let said = said.replace(&self.0, &redact(&self.0));
        secrets(&self.0).iter().fold(said, |said, secret| said.replace(secret.as_str(), HIDDEN))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact(&self.0))
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact(&self.0))
    }
}

/// What stands where a secret was.
const HIDDEN: &str = "***";

/// `text` without passwords: what stands between `://user:` and `@`, secret options, and whatever looks like a password
/// in an address that is not well formed.
#[must_use]
pub fn redact(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return match text.rsplit_once('@') {
            Some((before, host)) if before.contains(':') => format!("{HIDDEN}@{}", hide_options(host)),
            _ => hide_options(text),
        };
    };
    // The last `@` counts: a password that was not escaped may hold any character.
    let Some((user_info, host)) = rest.rsplit_once('@') else {
        return format!("{scheme}://{}", hide_options(&hide_odd_port(rest)));
    };
    let user_info = match user_info.split_once(':') {
        Some((user, _)) => format!("{user}:{HIDDEN}"),
        None => user_info.to_owned(),
    };
    format!("{scheme}://{user_info}@{}", hide_options(&hide_odd_port(host)))
}

/// The secrets of an address, so that they can be struck out of someone else's text: as they are written, decoded, and
/// in the parts that a reader may take them apart in.
fn secrets(uri: &str) -> Vec<String> {
    let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let mut whole = Vec::new();
    if let Some((user_info, host)) = rest.rsplit_once('@') {
        whole.extend(odd_port(host));
        whole.push(user_info.split_once(':').map_or(user_info, |(_, password)| password));
    } else {
        whole.extend(odd_port(rest));
    }
    if let Some((_, options)) = rest.split_once('?') {
        let options = options.split('&').filter_map(|option| option.split_once('='));
        whole.extend(options.filter(|(name, _)| is_secret(name)).map(|(_, value)| value));
    }
    let mut found: Vec<_> = whole.into_iter().flat_map(|secret| [secret.to_owned(), percent_decode(secret)]).collect();
    let part = |secret: &String| secret.split(['@', '/', ':', '?', ',']).map(str::to_owned).collect::<Vec<_>>();
    let parts: Vec<_> = found.iter().flat_map(part).collect();
    found.extend(parts);
    found.retain(|secret| secret.len() > 2);
    found.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    found.dedup();
    found
}

/// A port that is no number is most likely a password whose host is missing.
fn odd_port(rest: &str) -> Option<&str> {
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    let (_, port) = authority.split(',').find_map(|host| {
        let (host, port) = host.rsplit_once(':')?;
        (!host.starts_with('[') || host.ends_with(']')).then_some((host, port))
    })?;
    (!port.is_empty() && !port.chars().all(|c| c.is_ascii_digit())).then_some(port)
}

fn hide_odd_port(rest: &str) -> String {
    match odd_port(rest) {
        Some(port) => rest.replacen(port, HIDDEN, 1),
        None => rest.to_owned(),
    }
}

fn is_secret(option: &str) -> bool {
    let option = option.to_ascii_lowercase();
    ["passw", "pwd", "token", "secret", "credential"].iter().any(|part| option.contains(part))
        || option.ends_with("key")
        || option == "authmechanismproperties"
}

fn hide_options(rest: &str) -> String {
    let Some((before, options)) = rest.split_once('?') else { return rest.to_owned() };
    let options: Vec<_> = options
        .split('&')
        .map(|option| match option.split_once('=') {
            Some((name, _)) if is_secret(name) => format!("{name}={HIDDEN}"),
            _ => option.to_owned(),
        })
        .collect();
    format!("{before}?{}", options.join("&"))
}

fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let decoded = (first == b'%').then(|| tail.get(..2)).flatten().and_then(|hex| {
            let hex = std::str::from_utf8(hex).ok()?;
            u8::from_str_radix(hex, 16).ok()
        });
        bytes.push(decoded.unwrap_or(first));
        rest = if decoded.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    //! Passwords in every shape that users type.

    use super::{Secret, redact};

    #[test]
    fn a_password_is_hidden() {
        for uri in [
            "mongodb://ada:s3cret@db1:27017,db2/app?replicaSet=rs0",
            "mongodb+srv://ada:s3cret@db.example.com/app",
            "mongodb://ada:s3cret@s3cret/@db/app",
            "mongodb://ada:pw1@db:s3cret/app",
            "mongodb://ada:s3cret",
            "mongodb:/ada:s3cret@db",
            "ada:s3cret@db",
            "mongodb://db/app?tlsCertificateKeyFilePassword=s3cret&w=1",
            "mongodb://db/app?authMechanismProperties=AWS_SESSION_TOKEN:s3cret",
            "mongodb://ada:pw1@db/app?tlsCertificateKeyFilePassword=s3cret",
            "mongodb:ada:s3cret@db?w=1",
            "sqlite:app.db?readers=2&key=s3cret",
            "sqlite:app.db?HexKey=s3cret",
            "postgres://db/app?user=ada&pwd=s3cret",
        ] {
            assert!(!redact(uri).contains("s3cret"), "{uri} became {}", redact(uri));
            let said = format!("invalid port s3cret in {uri}");
            let secret = Secret::new(uri);
            assert!(!secret.strike_from(&said).contains("s3cret"), "{uri}");
            assert!(!format!("{secret} {secret:?} {secret:#?}").contains("s3cret"), "{uri}");
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        let uri = "mongodb://ada:pw1@db1:27017,[::1]:27018/app?replicaSet=rs0";
        assert_eq!(redact(uri), "mongodb://ada:***@db1:27017,[::1]:27018/app?replicaSet=rs0");
        assert_eq!(redact("mongodb://db:27017/app"), "mongodb://db:27017/app");
        for plain in ["not primary", "user-ada@example.org", "sqlite:/var/app.db?readers=2", "memory:"] {
            assert_eq!(redact(plain), plain);
        }
        let shown = redact("mongodb://db/app?tlsCertificateKeyFile=/etc/key.pem");
        assert_eq!(shown, "mongodb://db/app?tlsCertificateKeyFile=/etc/key.pem");
    }

    #[test]
    fn it_is_shown_without_its_password_and_short_ones_do_not_tear_messages_apart() {
        let secret = Secret::new("mongodb://ada:not@db/app");
        assert_eq!(format!("{secret} {secret:?}"), "mongodb://ada:***@db/app mongodb://ada:***@db/app");
        assert_eq!(secret.strike_from("not primary"), "*** primary");
        assert_eq!(Secret::new("mongodb://ada:no@db/app").strike_from("not primary"), "not primary");
    }

    #[test]
    fn escaped_passwords_are_struck_out_decoded_too() {
        let secret = Secret::new("mongodb://ada:p%40ss%2Fw@db/app");
        let said = "bad p@ss/w or p%40ss%2Fw of mongodb://ada:p%40ss%2Fw@db/app";
        assert_eq!(secret.strike_from(said), "bad *** or *** of mongodb://ada:***@db/app");
    }
}
