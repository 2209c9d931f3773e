//! Passwords never reach an error, a log or a debug print: what connection strings look like without them.

/// What stands where a secret was.
const HIDDEN: &str = "***";

/// `text` without passwords: what stands between `://user:` and `@`, secret options, and whatever looks like a password
/// in a connection string that is not well formed.
pub(super) fn redact(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return match text.rsplit_once('@') {
            Some((_, host)) => format!("{HIDDEN}@{host}"),
            None => hide_options(text),
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

/// The secrets of a connection string, so that they can be struck out of someone else's text.
pub(super) fn secrets(uri: &str) -> Vec<String> {
    let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let mut found = Vec::new();
    if let Some((user_info, host)) = rest.rsplit_once('@') {
        found.extend(odd_port(host).map(str::to_owned));
        let password = user_info.split_once(':').map_or(user_info, |(_, password)| password);
        found.push(password.to_owned());
        found.extend(password.split(['@', '/', ':', '?']).map(str::to_owned));
    } else if let Some(odd) = odd_port(rest) {
        found.push(odd.to_owned());
    }
    if let Some((_, options)) = rest.split_once('?') {
        let options = options.split('&').filter_map(|option| option.split_once('='));
        for (_, value) in options.filter(|(name, _)| is_secret(name)) {
            found.push(value.to_owned());
            found.extend(value.split([':', ',']).map(str::to_owned));
        }
    }
    let decoded: Vec<_> = found.iter().map(|secret| percent_decode(secret)).collect();
    found.extend(decoded);
    found.retain(|secret| secret.len() > 2);
    found.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    found.dedup();
    found
}

/// `text` without passwords and without any of `secrets`.
pub(super) fn strike_out(text: &str, secrets: &[String]) -> String {
    let mut text = text.to_owned();
    for secret in secrets {
        text = text.replace(secret.as_str(), HIDDEN);
    }
    if text.contains("://") { redact(&text) } else { text }
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
    option.contains("password") || option.contains("token") || option == "authmechanismproperties"
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

    use super::{redact, secrets, strike_out};

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
        ] {
            assert!(!redact(uri).contains("s3cret"), "{uri} became {}", redact(uri));
            let said = format!("invalid port s3cret in {uri}");
            assert!(!strike_out(&said, &secrets(uri)).contains("s3cret"), "{uri}");
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        let uri = "mongodb://ada:pw1@db1:27017,[::1]:27018/app?replicaSet=rs0";
        assert_eq!(redact(uri), "mongodb://ada:***@db1:27017,[::1]:27018/app?replicaSet=rs0");
        assert_eq!(redact("mongodb://db:27017/app"), "mongodb://db:27017/app");
        assert_eq!(redact("not primary"), "not primary");
    }

    #[test]
    fn escaped_passwords_are_struck_out_decoded_too() {
        let found = secrets("mongodb://ada:p%40ss%2Fw@db/app");
        assert_eq!(strike_out("bad p@ss/w or p%40ss%2Fw", &found), "bad *** or ***");
    }
}
