//! What a URL says of a server. Both hosts hold to `tests/vectors/urls.json`.

use std::borrow::Cow;
use std::collections::HashSet;
use std::net::{IpAddr, Ipv6Addr};

use redis::IntoConnectionInfo;

use crate::connector::Endpoint;
use crate::credentials::Credentials;
use crate::error::Error;

/// What may be asked of a server behind `?`.
const PARAMETERS: &[&str] = &["protocol", "client_name"];
/// The same of one behind a socket, as its URL has no other place for it.
const SOCKET_PARAMETERS: &[&str] = &["db", "user", "pass", "protocol", "client_name"];
const DEFAULT_PORT: u16 = 6379;
/// The largest that a server could have.
const MAX_DATABASE: i64 = i32::MAX as i64;

/// Servers, and who asks them for what.
pub(crate) struct Target {
    /// At least one, in the order in which they are to be tried.
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) database: u32,
    pub(crate) credentials: Credentials,
    pub(crate) resp2: bool,
    /// What the connections are to be called.
    pub(crate) name: Option<String>,
}

impl Target {
    /// No error repeats the URL's text where it may hold a password.
    pub(crate) fn read(url: &str) -> Result<Self, Error> {
        let parts = Parts::of(url)?;
        let endpoints = parts.endpoints()?;
        // The `redis` crate reads the rest: of hosts it takes one only, and a socket's path it would tidy up.
        let parsed = redis::parse_redis_url(&parts.without_place()).ok_or_else(|| wrong("can't be parsed"))?;
        check_parameters(parsed.query_pairs().map(|(name, _)| name), parts.socket)?;
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if parsed.query_pairs().any(|(name, value)| name == "db" && !is_number(&value)) {
            return Err(wrong("has a database that is no number"));
        }
        let resp2 = parsed.query_pairs().any(|(name, value)| name == "protocol" && matches!(&*value, "2" | "resp2"));
        let name = parsed.query_pairs().find(|(name, _)| name == "client_name").map(|(_, value)| value.into_owned());
        let info = parsed.into_connection_info().map_err(|error| Error::config(format!("the URL: {error}")))?;
        let redis = info.redis_settings();
        let database = u32::try_from(redis.db()).ok().filter(|_| redis.db() <= MAX_DATABASE).ok_or_else(|| {
            wrong(&format!("has the database {}; it must be a number from 0 to {MAX_DATABASE}", redis.db()))
        })?;
        let credentials = Credentials::new(redis.username().unwrap_or_default(), redis.password().unwrap_or_default());
        Ok(Self { endpoints, database, credentials, resp2, name })
    }
}

/// A URL as it is written, cut in pieces.
struct Parts<'a> {
    socket: bool,
    userinfo: Option<&'a str>,
    /// Separated by commas; empty for a socket.
    hosts: &'a str,
    path: &'a str,
    query: &'a str,
}

impl<'a> Parts<'a> {
    /// Refuses what libraries for URLs pass over, or understand each in its own way.
    fn of(url: &'a str) -> Result<Self, Error> {
        let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong(&format!("has no scheme; {WANTED}")))?;
        let socket = match scheme {
            "redis" | "valkey" => false,
            "unix" | "redis+unix" | "valkey+unix" => true,
            "rediss" | "valkeys" => return Err(Error::config(NO_TLS)),
            _ if scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+') => {
                return Err(wrong(&format!("has the scheme {scheme}, which is unknown; {WANTED}")));
            }
            _ => return Err(wrong(&format!("can't be parsed; {WANTED}"))),
        };
        if rest.contains('#') {
            return Err(wrong("has a part after #, which means nothing; a # in a password is %23"));
        }
        let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
        // A password with a question mark: what is in front of that would be the host, and the rest must not be shown.
        if query.contains('@') && !socket {
            return Err(wrong("has an @ behind its ?; a ? in a password is %3F"));
        }
        let (authority, path) = before.split_at(before.find('/').unwrap_or(before.len()));
        let (userinfo, hosts) = match authority.rsplit_once('@') {
            Some((userinfo, hosts)) => (Some(userinfo), hosts),
            None => (None, authority),
        };
        let strange = |text: &str| text.bytes().any(|byte| !byte.is_ascii_alphanumeric() && !MARKS.contains(&byte));
        if rest.contains(|letter: char| letter.is_ascii_control()) || rest.ends_with(' ') || strange(authority) {
            return Err(wrong("has a character that must be percent-encoded, such as %20 for a space"));
        }
        if decoded(rest).is_none() {
            return Err(wrong("has a % that begins no character; if it is percent-encoded, a % is %25"));
        }
        if query.contains(';') {
            return Err(wrong("has a ; after its ?, which is %3B there; parameters are separated by &"));
        }
        if socket && userinfo.is_some() {
            return Err(wrong("names a socket: user and password go behind it, as ?user=NAME&pass=PASSWORD"));
        }
        if socket && (!hosts.is_empty() || path.is_empty()) {
            return Err(wrong("names no socket; wanted is unix:///path"));
        }
        if !socket && !path.trim_matches('/').bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong("has a path that is no number of a database; a / in a password is %2F"));
        }
        Ok(Self { socket, userinfo, hosts, path, query })
    }

    fn endpoints(&self) -> Result<Vec<Endpoint>, Error> {
        if self.socket {
            return Ok(vec![Endpoint::Unix { path: decoded(self.path).unwrap_or_default() }]);
        }
        self.hosts.split(',').map(endpoint).collect()
    }

    /// The same for another place, as the `redis` crate can read it.
    fn without_place(&self) -> String {
        let Self { path, query, .. } = self;
        if self.socket {
            return format!("unix:///socket?{query}");
        }
        let (userinfo, at) = self.userinfo.map_or(("", ""), |userinfo| (userinfo, "@"));
        format!("redis://{userinfo}{at}host{path}?{query}")
    }
}

/// What a user name, a password and hosts may have beside letters and digits.
const MARKS: &[u8] = b"-._~!$&'()*+,;=%:@[]";
const WANTED: &str = "wanted is redis://[user:password@]host[:port][,host[:port]…][/database], or unix:///path";
const NO_TLS: &str = "TLS is not supported by the URL yet: write redis:// or valkey://, and have a Connector speak TLS, \
                      as examples/tls.rs does";

fn wrong(what: &str) -> Error {
    Error::config(format!("the URL {what}"))
}

/// What is percent-encoded; nothing if a % is not followed by the two digits of a byte, or it comes to no UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        let (high, low) = (digit()?, digit()?);
        decoded.push(u8::try_from(high << 4 | low).ok()?);
    }
    String::from_utf8(decoded).ok()
}

/// Reads `host[:port]`.
fn endpoint(text: &str) -> Result<Endpoint, Error> {
    let (host, port) = match text.strip_prefix('[') {
        None => text.split_once(':').unwrap_or((text, "")),
        Some(rest) => {
            let (address, port) = rest.split_once(']').unwrap_or((rest, "]"));
            // Behind it may be a colon only; a lone one is left to stand for the default.
            (address, port.strip_prefix(':').unwrap_or(if port.is_empty() { "" } else { "wrong" }))
        }
    };
    let host = if text.starts_with('[') {
        host.parse::<Ipv6Addr>().map_err(|_| wrong("has something in [] that is no IPv6 address"))?.to_string()
    } else if host.is_empty() || host.contains(['%', '[', ']']) {
        return Err(wrong(&format!("names no host, or one of its hosts can't be read; {WANTED}")));
    } else {
        host.to_owned()
    };
    if host.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified()) {
        return Err(wrong("names a wildcard address, which is none to connect to"));
    }
    let port = match port {
        "" => DEFAULT_PORT,
        port if port.bytes().all(|byte| byte.is_ascii_digit()) => port.parse().unwrap_or_default(),
        _ => 0,
    };
    if port == 0 {
        return Err(wrong("has a port that is not a number from 1 to 65535"));
    }
    Ok(Endpoint::Tcp { host, port })
}

/// The `redis` crate passes over what it does not know, and so over a mistake: `?db=1` behind a host would be
/// database 0.
fn check_parameters<'a>(names: impl Iterator<Item = Cow<'a, str>>, socket: bool) -> Result<(), Error> {
    let known = if socket { SOCKET_PARAMETERS } else { PARAMETERS };
    let mut seen = HashSet::new();
    for name in names {
        if !known.contains(&&*name) {
            let known = known.join(", ");
            if socket {
                // Its name may be what is behind an & in a password.
                return Err(wrong(&format!(
                    "has a parameter that is unknown; known is {known}; an & in a password is %26"
                )));
            }
            let place = match &*name {
                "db" => "; the database goes behind the host, as /1",
                "user" | "pass" => "; they go in front of the host, as user:password@host",
                _ => "",
            };
            return Err(wrong(&format!("has the parameter {name}, which is unknown; known is {known}{place}")));
        }
        if seen.contains(&name) {
            return Err(wrong(&format!("has the parameter {name} twice")));
        }
        seen.insert(name);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::config::Config;

    /// `urls.json`; the README beside it says what its fields mean.
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Urls {
        taken: Vec<Taken>,
        refused: Vec<Refused>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Taken {
        url: String,
        endpoints: Vec<String>,
        #[serde(default)]
        database: u32,
        #[serde(default)]
        username: String,
        #[serde(default)]
        password: String,
        #[serde(default)]
        resp2: bool,
        #[serde(default)]
        name: String,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Refused {
        url: String,
        says: String,
    }

    fn urls() -> Urls {
        serde_json::from_slice(&std::fs::read(vectors::folder().join(vectors::URLS)).unwrap()).unwrap()
    }

    fn shown(endpoint: &Endpoint) -> String {
        match endpoint {
            Endpoint::Tcp { host, port } if host.contains(':') => format!("[{host}]:{port}"),
            Endpoint::Tcp { host, port } => format!("{host}:{port}"),
            Endpoint::Unix { path } => path.clone(),
        }
    }

    #[test]
    fn urls_mean_the_same_in_all_hosts() {
        for wanted in urls().taken {
            let url = &wanted.url;
            let target = Target::read(url).unwrap_or_else(|error| panic!("{url}: {error}"));
            let endpoints: Vec<String> = target.endpoints.iter().map(shown).collect();
            assert_eq!(endpoints, wanted.endpoints, "{url}");
            assert_eq!(target.credentials, Credentials::new(&wanted.username, &wanted.password), "{url}");
            assert_eq!((target.database, target.resp2), (wanted.database, wanted.resp2), "{url}");
            assert_eq!(target.name.unwrap_or_default(), wanted.name, "{url}");
        }
    }

    #[test]
    fn wrong_urls_are_refused_in_all_hosts() {
        for Refused { url, says } in urls().refused {
            let Err(error) = Target::read(&url) else { panic!("{url} is taken") };
            let error = error.to_string();
            assert!(error.contains(&says) && !error.contains("hidden"), "{url}: {error}");
            assert!(says != "TLS" || error.contains("Connector"), "it names a way: {error}");
        }
    }

    #[test]
    fn reads_urls() {
        let config = Config::new("redis://u%40:p%3A@host:7000,second/3?protocol=resp2").unwrap();
        let tcp = |host: &str, port| Endpoint::Tcp { host: host.to_owned(), port };
        assert_eq!(config.endpoints, [tcp("host", 7000), tcp("second", 6379)]);
        assert_eq!((config.database, config.resp2), (3, true));
        assert_eq!(config.credentials, Credentials::new("u@", "p:"));
        let config = Config::new("unix:///run/x?db=2").unwrap().or_at("valkey://other,third:1/7").unwrap();
        assert_eq!(config.endpoints, [Endpoint::Unix { path: "/run/x".into() }, tcp("other", 6379), tcp("third", 1)]);
        assert_eq!((config.database, config.resp2), (2, false));
        let debug = format!("{:?}", Config::new("redis://u:hidden@host").unwrap());
        assert!(!debug.contains("hidden"), "{debug}");
    }
}
